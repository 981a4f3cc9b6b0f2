/** One run of a driver's command: what it is given, and how it ends. @module */
import * as z from "zod/mini";
import type { Board } from "../client/connect.ts";
import type { DriverNode } from "../client/tree.ts";
import { clientOf } from "../contract/client.ts";
import type { Command, CommandIo } from "../contract/command.ts";
import type { AnyInterface, Client } from "../contract/interface.ts";
import { check } from "../contract/values.ts";
import { JumpstarterError, usageError } from "../core/errors.ts";
import { unlessAborted, withLimit } from "../core/limit.ts";
import { areLabelsOf } from "../interfaces/table.ts";
import { ChildExit, type Interruptions } from "./exit_code.ts";
import { printableJson, printableLines } from "../core/printable.ts";
import { runForeground } from "./foreground.ts";
import { noteLine, printLine, progressLine, writeError, writeOutAsTaken } from "./output.ts";
import { ProgressView } from "./progress.ts";
import { terminal } from "./terminal.ts";

/** What was typed. */
export interface Typed {
  /** The command's name. */
  readonly name: string;
  /** Prints its help: `jumpstarter client power on --help`. */
  readonly help: string;
  /** Arguments and options, not yet checked. */
  readonly values: unknown;
  readonly json: boolean;
  readonly timeoutMs?: number;
}

/** Runs a command of a driver. */
export type CommandRunner = (node: DriverNode, definition: Command, typed: Typed) => Promise<void>;

/** How long a command may take to show what came before the exporter was gone, in milliseconds. */
const lastBytesMs = 250;
/** How long it may take to end then, in milliseconds. */
const lastWordsMs = 1_000;

/**
 * Runs commands of a board's drivers until they end, the user interrupts them, their limit passes or the board is gone.
 * With `json` their results are printed as JSON whether they are asked for it or not.
 */
export function commandRunner(
  board: Board,
  interruption: Interruptions,
  { json: always = false }: { json?: boolean } = {},
): CommandRunner {
  let lost: unknown;
  const loss = board.connection.closed.then((reason) => (lost = reason) ?? new Promise<never>(() => {}));
  return async (node, definition, typed) => {
    const { name, timeoutMs } = typed;
    const json = always || typed.json;
    const given = checked(definition, typed);
    const interrupted = interruption.signal;
    const limit = timeoutMs === undefined ? undefined : AbortSignal.timeout(timeoutMs);
    const gone = new AbortController();
    const signals = [interrupted, gone.signal, limit].filter((one) => one !== undefined);
    const place = `${node.path || "the root"} of ${board.name ?? "the exporter"}`;
    const { io, hasPrinted } = ioOf(node, place, { signal: AbortSignal.any(signals), json, interruption });
    const running = definition.run(given, io);
    const afterLoss = async (reason: unknown) => {
      await withLimit(running, lastBytesMs, name).catch(() => gone.abort(reason));
      // It may have a terminal to give back.
      return await withLimit(running, lastWordsMs, name);
    };
    let code: number | void = undefined;
    let failure: { error: unknown } | undefined;
    try {
      code = await Promise.race([running, loss.then(afterLoss)]);
    } catch (error) {
      failure = { error };
    }
    if (interrupted.aborted) throw interrupted.reason;
    if (lost) throw lost;
    // What stays until it is told to end has been told so, and a program that was ended has its own exit code.
    if (limit?.aborted) {
      throw new JumpstarterError("deadline_exceeded", `${name} did not end within ${timeoutMs! / 1000} s`, {
        phase: "driver",
        cause: failure?.error,
      });
    }
    if (failure) throw failure.error;
    if (code) throw new ChildExit(code);
    if (json && !hasPrinted() && code === undefined) printLine(JSON.stringify({ ok: true }));
  };
}

function checked({ args, options }: Command, { help, values }: Typed): unknown {
  try {
    return check(z.strictObject({ ...args, ...options }), values, "");
  } catch (error) {
    throw usageError((error as Error).message, help);
  }
}

function ioOf(
  node: DriverNode,
  place: string,
  { signal, json, interruption }: { signal: AbortSignal; json: boolean; interruption: Interruptions },
): { io: CommandIo; hasPrinted(): boolean } {
  let printed = false;
  const stdinIsTerminal = Deno.stdin.isTerminal();
  const event = json ? (event: object) => printLine(JSON.stringify(event)) : undefined;
  const bar = !json && Deno.stderr.isTerminal() ? progressLine : undefined;
  const view = new ProgressView({ bar, event, columns: () => Deno.consoleSize().columns });
  const io: CommandIo = {
    signal,
    place,
    labels: node.labels,
    beside: (definition) => besideOf(node, definition),
    print(value, text) {
      if (!json && text !== undefined) printLine(printableLines(text));
      if (!json || value === undefined) return;
      printed = true;
      printLine(printableJson(value));
    },
    note: (text) => noteLine(json ? printableJson({ note: text }) : text),
    progress: progressLine,
    advance: (progress) => view.show(progress),
    async download(url, { headers = {}, first } = {}) {
      const { download } = await import("../streams/http1/transfer.ts");
      return await download(url, headers, signal, first);
    },
    async registryFile(reference) {
      const { findRegistryFile } = await import("../client/oci/file.ts");
      return await findRegistryFile(reference, signal);
    },
    get stdin() {
      return Deno.stdin.readable;
    },
    stdinIsTerminal,
    stdoutIsTerminal: Deno.stdout.isTerminal(),
    terminal: stdinIsTerminal && !json ? terminal : undefined,
    write: (bytes) => json ? Promise.resolve() : unlessAborted(writeOutAsTaken(bytes), signal),
    writeError: (text) => json ? undefined : writeError(text),
    foreground: (words, env = {}) => runForeground(words, env, interruption, signal),
    pseudoTerminal: async () => (await import("../hardware/pseudo_terminal.ts")).openPseudoTerminal(),
  };
  return { io, hasPrinted: () => printed };
}

function besideOf<I extends AnyInterface>({ parent, uuid }: DriverNode, definition: I): Map<string, Client<I>> {
  const others = [...parent?.children.values() ?? []].filter((other) =>
    other.uuid !== uuid && areLabelsOf(definition, other.labels)
  );
  return new Map(others.map((other) => [other.name, clientOf(definition, other.caller)]));
}
