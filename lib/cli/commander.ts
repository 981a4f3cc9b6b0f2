/** How every command line of the program behaves. @module */
import type { Command as Commander } from "commander";
import { writeError, writeOut } from "./output.ts";

/** Errors are thrown instead of ending the process, help goes to standard output, complaints to standard error. */
export function configure(command: Commander): Commander {
  command.exitOverride().showHelpAfterError(false).configureOutput({
    writeOut,
    writeErr: writeError,
    outputError: (message) => writeError(message.replace(/^error:/, "Error:")),
  });
  command.showSuggestionAfterError(true).helpCommand(false);
  for (const child of command.commands) configure(child);
  return command;
}
