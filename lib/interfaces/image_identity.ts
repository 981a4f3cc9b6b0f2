/** What is known of an image before it is opened. @module */
import { createHash } from "node:crypto";
import type { CommandIo } from "../contract/command.ts";
import { JumpstarterError, messageOf } from "../core/errors.ts";
import { counted, openFile } from "../streams/file.ts";
import { hashed } from "../streams/hash.ts";

/** Bytes that a bmap may have. */
const blockMapLimit = 16 * 1024 * 1024;

/** Whether a word of the command line is the address of an image rather than its path. */
export function isUrl(word: string): boolean {
  return /^[a-z][a-z0-9+.-]*:\/\//i.test(word);
}

/**
 * Makes sure that a word that names a file of this machine leads to one. Nothing is read of it.
 *
 * @throws {JumpstarterError} `invalid_argument`, naming the file.
 */
export async function checkReadable(word: string): Promise<void> {
  if (word === "-" || isUrl(word)) return;
  // What waits for somebody at its other end is opened when its turn comes.
  const { isFifo } = await Deno.stat(word).catch(() => ({ isFifo: false }));
  if (!isFifo) await (await openFile(word)).close();
}

/**
 * What an image is called, so that a flash of it can go on: the same for the same file by the same codec only, and the name
 * of none where it cannot be read again. No path, address or secret can be told from it.
 */
export async function sourceIdOf(
  word: string,
  { sha256, codec = "none" }: { sha256?: string; codec?: string },
): Promise<string | undefined> {
  if (word === "-") return undefined;
  if (sha256) return `${codec} sha256 ${sha256.toLowerCase()}`;
  // A signature is another one each time.
  if (isUrl(word)) return `${codec} url ${digestOf(word.replace(/[?#].*$/, ""))}`;
  try {
    const { size, mtime } = await Deno.stat(word);
    return `${codec} file ${digestOf(`${await Deno.realPath(word)}\n${size}\n${mtime?.getTime()}`)}`;
  } catch {
    // Whoever opens it says why.
    return undefined;
  }
}

/** SHA-256 of a whole file, in hexadecimal digits. */
export async function hashOfFile(path: string, io: Pick<CommandIo, "advance" | "signal">): Promise<string> {
  const file = await openFile(path);
  let passed = 0;
  const show = (count: number) => {
    io.signal.throwIfAborted();
    io.advance({ stage: "hash", bytes: passed += count, total: file.size });
  };
  try {
    const source = hashed(counted(file.bytes, show));
    while (await source.next());
    return source.sha256();
  } finally {
    await file.close();
  }
}

/** The text of a bmap file. */
export async function blockMapAt(path: string): Promise<string> {
  const refuse = (why: string, cause?: unknown) =>
    new JumpstarterError("invalid_argument", `${path}: ${why}`, { phase: "usage", cause });
  try {
    const { size } = await Deno.stat(path);
    if (size <= blockMapLimit) return await Deno.readTextFile(path);
  } catch (cause) {
    throw refuse(cause instanceof Deno.errors.NotFound ? "There is no such file" : messageOf(cause), cause);
  }
  throw refuse(`Expected a bmap of at most ${blockMapLimit} bytes`);
}

function digestOf(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}
