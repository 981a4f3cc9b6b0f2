/**
 * `jumpstarter client`: the live tree, and one command of one of its drivers.
 *
 * @module
 */
import { Command as Commander } from "commander";
import { type DriverNode, nodeAt } from "../client/tree.ts";
import { JumpstarterError, usageError } from "../core/errors.ts";
import { didYouMean } from "../core/nearest.ts";
import { printableJson, printableLines } from "../core/printable.ts";
import { commandRunner } from "./command_run.ts";
import { configure, helpOf } from "./commander.ts";
import { addPassphraseOptions } from "./passphrase.ts";
import { commandsOf, growCommands, growOwnCommand, ownCommandNames, seconds } from "./node_command.ts";
import type { Interruptible, Interruptions } from "./exit_code.ts";
import { outColumns, printLine } from "./output.ts";
import { programName } from "./self.ts";
import { renderTree, treeJson } from "./tree_view.ts";
import { type BoardFlags, nameBoard, reach } from "./which_board.ts";

/** Options that say which board, the same for every command that needs one. */
export function addBoardOptions(command: Commander): Commander {
  command
    .option("--host <address>", "exporter to use: HOST:PORT, ssh://HOST, or a socket (else JUMPSTARTER_HOST)")
    .option("--board <name>", "board to use, by the name that `board add` gave it")
    .option("--exporter-config <file>", "use the board of this exporter file; its exporter starts here if none runs")
    .option("--plaintext", "go to another machine without TLS");
  return addPassphraseOptions(addTrustOptions(command).option("--insecure", "use TLS, but trust whoever answers"));
}

/** Options that say whom to trust. */
export function addTrustOptions(command: Commander): Commander {
  return command
    .option("--tls-fingerprint <sha256>", "trust the exporter with this authority, as it prints it, and nobody else")
    .option("--tls-ca <file>", "trust the authorities of this PEM file as well");
}

const help = `
Without a path it prints the live tree: each driver's name, interface and commands.
With a path and a command it runs that command and ends; no shell is needed around it.
Options of this command stand before the path, those of the driver's command behind it.

Examples:
  jumpstarter client --host pi:7000 --tls-fingerprint 9F:86:… --passphrase-file p.txt power on
  jumpstarter client --board bench1 power on
  jumpstarter client --host 127.0.0.1:7000 power on
  jumpstarter client --host 127.0.0.1:7000 power read --count 3 --json
  jumpstarter client --exporter-config bench.yaml net forward-tcp 8080

What any driver has, of an unknown kind too:
  methods, call METHOD [ARG...], stream METHOD [ARG...]`;

/** The command, before a board is known. */
export function clientCommand(interruption: Interruptions): Commander {
  const command = new Commander("client")
    .summary("use a board: print its tree, or run a command of one of its drivers")
    .description("Use a board: print the tree of its drivers, or run a command of one of them.")
    .argument("[driver...]", "driver and command: power on, board.console pipe")
    .passThroughOptions()
    .allowUnknownOption()
    .addHelpText("after", help);
  return addBoardOptions(command)
    .option("--json", "print the tree, or the command's result, as JSON")
    .option("--timeout <seconds>", "limit for reaching the exporter")
    .option("-v, --verbose", "print the steps of the connection")
    .action(async (path: string[], flags: BoardFlags & { json?: boolean; timeout?: string }) => {
      refuseStrayOption(path, command);
      const timeoutMs = seconds(flags.timeout);
      await using named = await nameBoard(flags, within(interruption, timeoutMs));
      await using board = await reach(named, flags, timeoutMs);
      const { node, rest } = follow(board.root, path);
      if (rest.length === 0 && path.length === 0) {
        return printLine(flags.json ? printableJson(await treeJson(node)) : await renderTree(node, outColumns()));
      }
      const words = [...programName() === "j" ? ["j"] : [programName(), "client"], ...node.path.split(".")]
        .filter(Boolean).join(" ");
      const run = commandRunner(board, interruption, flags);
      const isNamed = (await ownCommandNames(node)).includes(rest[0]);
      const own = isNamed ? undefined : await growOwnCommand(node, words, run);
      if (own) return void await configure(own).parseAsync(rest, { from: "user" });
      const grown = configure(await growCommands(node, words, run, rest[0]));
      if (rest.length === 0) {
        const help = printableLines(grown.helpInformation().trimEnd());
        return printLine(`${await renderTree(node, outColumns())}\n\n${help}`);
      }
      await refuseUnknown(rest[0], node);
      await grown.parseAsync(rest, { from: "user" });
    });
}

/** The same, whose signal aborts as well when what is asked for takes too long. */
function within(interruption: Interruptions, timeoutMs: number | undefined): Interruptible {
  if (timeoutMs === undefined) return interruption;
  const limit = new AbortController();
  const late = new JumpstarterError("deadline_exceeded", `The exporter was not there within ${timeoutMs / 1000} s`);
  Deno.unrefTimer(setTimeout(() => limit.abort(late), timeoutMs));
  const signal = AbortSignal.any([interruption.signal, limit.signal]);
  return { signal, hold: () => interruption.hold() };
}

/** An option before the path that this command does not have; nothing has been connected to yet. */
function refuseStrayOption(path: string[], command: Commander): void {
  const stray = path[0];
  if (!stray?.startsWith("-") || stray === "-") return;
  const known = command.options.map((option) => option.long ?? "");
  throw usageError(`Unknown option ${stray}${didYouMean(stray.split("=")[0], known)}`, helpOf(command));
}

/** Walks down as far as the words name children. A word may be a dotted path. */
function follow(root: DriverNode, words: readonly string[]): { node: DriverNode; rest: string[] } {
  let node = root;
  for (const [index, word] of words.entries()) {
    const steps = word.split(".");
    if (!node.children.has(steps[0])) return { node, rest: words.slice(index) };
    node = nodeAt(node, steps);
  }
  return { node, rest: [] };
}

async function refuseUnknown(word: string, node: DriverNode): Promise<void> {
  const commands = Object.keys(await commandsOf(node));
  if (word.startsWith("-") || word === "help" || commands.includes(word)) return;
  const children = [...node.children.keys()];
  const where = node.path ? `"${node.path}" has no` : "There is no driver or";
  throw new JumpstarterError(
    "invalid_argument",
    `${where} command "${word}"${didYouMean(word, [...children, ...commands]) || ";"} ` +
      `Available: ${[...children, ...commands].join(", ")}`,
    { phase: "usage" },
  );
}
