/** How every command line of the program behaves. @module */
import { type Command as Commander, CommanderError } from "commander";
import { type JumpstarterError, usageError } from "../core/errors.ts";
import { printableLines } from "../core/printable.ts";
import { writeError, writeOut } from "./output.ts";

/** Complaints are thrown like all other errors, instead of ending the process; help goes to standard output. */
export function configure(command: Commander): Commander {
  command.exitOverride((error) => {
    throw error.exitCode === 0 ? error : complaintOf(error, command);
  });
  command.showHelpAfterError(false).configureOutput({
    writeOut: (text) => writeOut(printableLines(text)),
    writeErr: writeError,
    outputError() {},
  });
  command.showSuggestionAfterError(true).helpCommand(false);
  command.configureHelp({ commandUsage: (shown) => `${pathOf(shown)} ${shown.usage()}` });
  for (const child of command.commands) configure(child);
  return command;
}

/** Whether commander ended a command line that was right, for example because it has printed the help. */
export function isAnswered(error: unknown): boolean {
  return error instanceof CommanderError && error.exitCode === 0;
}

/** The command that shows the help of a command. */
export function helpOf(command: Commander): string {
  return `${pathOf(command)} --help`;
}

/** The words by which a command is typed. The tree of a driver's commands has its own in the name of its root. */
function pathOf(command: Commander): string {
  const words: string[] = [];
  for (let at: Commander | null = command; at; at = at.parent) words.unshift(at.name());
  // That program is one command.
  return words.join(" ").replace(/^j client\b/, "j");
}

/** What commander complains of, in the words of this program. */
function complaintOf({ code, message }: CommanderError, command: Commander): JumpstarterError {
  if (code === "commander.help") return usageError("Expected a command", helpOf(command));
  const text = message.replace(/^error: |\.$/g, "").replace(/\s*\(Did you mean (.*)\?\)$/s, "; did you mean $1?");
  return usageError(text[0].toUpperCase() + text.slice(1), helpOf(command));
}
