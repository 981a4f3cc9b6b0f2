/**
 * What the program says: results on standard output, everything else on standard error.
 *
 * @module
 */
import { pause } from "../core/limit.ts";
import { printableLine, printableLines } from "../core/printable.ts";
import { isJumpstarterError, messageOf } from "../core/errors.ts";

const encoder = new TextEncoder();
let outlivesReaders = false;

/** From now on nobody has to read what the program says. */
export function outliveReaders(): void {
  outlivesReaders = true;
}

/** Writes text or bytes to standard output. A reader that has gone away ends the program, as it does any filter. */
export function writeOut(content: string | Uint8Array): void {
  write(Deno.stdout, typeof content === "string" ? encoder.encode(content) : content);
}

/** Writes text to standard error. */
export function writeError(text: string): void {
  write(Deno.stderr, encoder.encode(text));
}

/** Prints a line of result. */
export function printLine(text: string): void {
  writeOut(`${text}\n`);
}

/** Columns of the terminal that standard output is, if it is one. */
export function outColumns(): number | undefined {
  return Deno.stdout.isTerminal() ? Deno.consoleSize().columns : undefined;
}

let progressShown = false;

/** Prints a line beside the result. What it tells may come from another machine. */
export function noteLine(text: string): void {
  writeError(`${progressShown ? "\n" : ""}${printableLines(text)}\n`);
  progressShown = false;
}

/** Shows how far something is, in one line that each text takes over. Only people want to see that. */
export function progressLine(text: string): void {
  if (!Deno.stderr.isTerminal()) return;
  writeError(`\r${printableLine(text)}\x1b[K`);
  progressShown = true;
}

/** Prints an error with its hint; with `json` as one line `{"error":{"code","message","hint"}}`. */
export function printError(thrown: unknown, json = false): void {
  const { code, phase, hint } = isJumpstarterError(thrown)
    ? thrown
    : { code: "unknown", phase: undefined, hint: undefined };
  const message = messageOf(thrown);
  if (json) return noteLine(JSON.stringify({ error: { code, phase, message, hint } }));
  const named = phase && phase !== "usage" && phase !== "config" ? ` (${phase})` : "";
  noteLine(message.includes("\n") ? `Error${named}:\n${message}` : `Error${named}: ${message}`);
  if (hint) noteLine(`  Try: ${hint}`);
}

/** Writes bytes to standard output as its reader takes them; meanwhile signals are heard. */
export async function writeOutAsTaken(bytes: Uint8Array): Promise<void> {
  for (let offset = 0; offset < bytes.length;) {
    try {
      offset += await Deno.stdout.write(bytes.subarray(offset));
    } catch (error) {
      if (isOver(error)) return;
      await pause(fullMs);
    }
  }
}

/** A non-blocking terminal or pipe may be full for a moment: so long it is waited for, in milliseconds. */
const fullMs = 1;

function write(stream: { writeSync(bytes: Uint8Array): number }, bytes: Uint8Array): void {
  for (let offset = 0; offset < bytes.length;) {
    try {
      offset += stream.writeSync(bytes.subarray(offset));
    } catch (error) {
      if (isOver(error)) return;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, fullMs);
    }
  }
}

/** Whether nobody reads any more, which ends a filter. A stream that is only full is none of that. */
function isOver(error: unknown): boolean {
  if (error instanceof Deno.errors.WouldBlock) return false;
  if (!(error instanceof Deno.errors.BrokenPipe)) throw error;
  if (!outlivesReaders) Deno.exit(141);
  return true;
}
