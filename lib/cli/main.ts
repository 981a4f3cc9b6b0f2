/**
 * The command line: words in, exit code out. A command's own module is loaded when it is chosen.
 *
 * @module
 */
import { Command as Commander } from "commander";
import { JumpstarterError } from "../core/errors.ts";
import { configure, isAnswered } from "./commander.ts";
import {
  ChildExit,
  exitCodeOf,
  exitCodes,
  Interrupted,
  Interruption,
  type Interruptions,
  IntoBackground,
} from "./exit_code.ts";
import { printError, printLine } from "./output.ts";
import { type ProgramName, programName, version } from "./self.ts";

/** Runs the program. */
export async function main(argv: readonly string[], name: ProgramName = programName()): Promise<number> {
  // Standard output is the program's own: JSON, or the wire. What drivers print goes where the log goes.
  console.log = console.info = console.debug = console.error;
  const words = name === "j" ? ["client", ...argv] : usualWords(argv);
  const interruption = new Interruption();
  try {
    refuseLabWords(words);
    await (await program(name, words, interruption)).parseAsync(words, { from: "user" });
    return exitCodes.done;
  } catch (error) {
    if (isAnswered(error)) return exitCodes.done;
    if (error instanceof ChildExit) return error.code;
    if (error instanceof IntoBackground) {
      const { startInBackground } = await import("./background.ts");
      return await startInBackground(words, interruption.signal);
    }
    const { aborted, reason: interrupted } = interruption.signal;
    const reason = aborted ? interrupted : error;
    if (!(reason instanceof Interrupted)) printError(reason, words.includes("--json"));
    return exitCodeOf(reason);
  }
}

/** Other names of commands, upstream's. */
const aliases: Record<string, string> = { conf: "config", sh: "shell", s: "shell", ver: "version", v: "version" };

/** Upstream's words for what a controller does. */
const labWords = ["login", "auth", "get", "create", "update", "delete", "admin"];

function refuseLabWords([word]: readonly string[]): void {
  if (!labWords.includes(word)) return;
  throw new JumpstarterError("unimplemented", `This version has no leases, so that there is no "${word}"`, {
    phase: "usage",
    hint: "jumpstarter client --host HOST:PORT, without a controller",
  });
}

/** `help exporter` is `exporter --help`, and `conf` is `config`. */
function usualWords(argv: readonly string[]): string[] {
  if (argv[0] === "help") return [...usualWords(argv.slice(1)), "--help"];
  const at = argv.findIndex((word) => Object.hasOwn(commands, word) || Object.hasOwn(aliases, word));
  return argv.map((word, index) => index === at ? aliases[word] ?? word : word);
}

type Load = (interruption: Interruptions) => Promise<Commander>;

/** The commands and where they are. */
const commands: Record<string, { summary: string; load: Load }> = {
  client: {
    summary: "use a board: print its tree, or run a command of one of its drivers",
    load: async (interruption) => (await import("./client.ts")).clientCommand(interruption),
  },
  exporter: {
    summary: "offer this machine's devices: init, check, schema, run",
    load: async (interruption) => (await import("./exporter.ts")).exporterCommand(interruption),
  },
  board: {
    summary: "name exporters on other machines: add, list, use, remove",
    load: async () => (await import("./board.ts")).boardCommand(),
  },
  shell: {
    summary: "run a shell or a command in which j reaches the board",
    load: async (interruption) => (await import("./shell.ts")).shellCommand(interruption),
  },
  run: {
    summary: "run an exporter, in upstream's words",
    load: async (interruption) => (await import("./run.ts")).runCommand(interruption),
  },
  demo: {
    summary: "a tour on a simulated board, no hardware needed",
    load: async ({ signal }) => (await import("./demo.ts")).demoCommand(signal),
  },
  completion: {
    summary: "print the script that completes words in your shell at TAB",
    load: async () => (await import("./completion.ts")).completionCommand(),
  },
  config: {
    summary: "manage the files of clients and exporters",
    load: async (interruption) => (await import("./config.ts")).configCommand(interruption),
  },
  version: { summary: "print the version", load: async () => (await import("./version.ts")).versionCommand() },
};

/** The whole command line, for those who describe it. */
export async function wholeProgram(): Promise<Commander> {
  const nothing = () => ({ [Symbol.dispose]() {} });
  const interruption = { signal: new AbortController().signal, takeOver: nothing, hold: nothing };
  const root = programRoot("jumpstarter");
  for (const { load } of Object.values(commands)) root.addCommand(await load(interruption));
  return configure(root);
}

/** Only the chosen command is built; the others lend their names to the help. */
async function program(name: ProgramName, words: readonly string[], interruption: Interruption): Promise<Commander> {
  const root = programRoot(name);
  const chosen = words.find((word) => Object.hasOwn(commands, word));
  for (const [command, { summary, load }] of Object.entries(commands)) {
    if (command === chosen) root.addCommand(await load(interruption));
    else root.addCommand(new Commander(command).description(summary));
  }
  // Nothing to do is a question, and its answer belongs to standard output.
  if (words.length === 0) root.action(() => printLine(root.helpInformation()));
  return configure(root);
}

function programRoot(name: ProgramName): Commander {
  return new Commander(name)
    .enablePositionalOptions()
    .description("Drive real boards: exporter on the bench, client on your desk and in CI.")
    .version(version, "--version", "print the version")
    .option("--log-level <level>", "least level of what exporters log: debug, info, warning, error")
    .option("--log-format <format>", "text or json; left out, text on a terminal and JSON elsewhere")
    .addHelpText("after", "\nStart with: jumpstarter demo");
}
