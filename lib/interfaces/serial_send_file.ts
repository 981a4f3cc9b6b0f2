/** Files for the device, through its console. @module */
import { basename } from "node:path";
import * as z from "zod/mini";
import { type Command, command } from "../contract/command.ts";
import { sinkOf, sourceOf } from "../core/byte_stream.ts";
import { messageOf, usageError } from "../core/errors.ts";
import { unlessAborted, withLimit } from "../core/limit.ts";
import { Pace } from "../streams/pace.ts";
import type { Receiver, TransferOptions } from "../streams/transfer/blocks.ts";
import { sendXmodem } from "../streams/transfer/xmodem.ts";
import { sendYmodem, type SentFile } from "../streams/transfer/ymodem.ts";
import type { SerialCalls } from "./serial.ts";
import { consoleStream, noteAbsence, typeAll } from "./serial_session.ts";

/** How a file gets to the device: as it is, or to a receiver that has been started there. */
export const protocols = ["raw", "xmodem", "xmodem-1k", "ymodem"] as const;
export type Protocol = typeof protocols[number];

/** Files that are open for sending. Disposing closes them. */
export interface OpenFiles extends Disposable {
  readonly files: readonly SentFile[];
  /** Bytes of all of them. */
  readonly size: number;
}

/**
 * Opens files for sending.
 *
 * @throws {JumpstarterError} `invalid_argument`, naming the file that cannot be read.
 */
export function openFiles(paths: readonly string[]): OpenFiles {
  using stack = new DisposableStack();
  const files = paths.map((path) => stack.adopt(openFile(path), ({ close }) => close()));
  const owned = stack.move();
  return {
    files,
    size: files.reduce((sum, { size }) => sum + size, 0),
    [Symbol.dispose]: () => owned.dispose(),
  };
}

/** Sends files by a protocol; only YMODEM has more than one. Resolves to what the device said behind them. */
export async function sendFiles(
  receiver: Receiver,
  { files }: OpenFiles,
  protocol: Protocol,
  options: TransferOptions,
): Promise<Uint8Array> {
  if (protocol === "ymodem") return await sendYmodem(receiver, files, options);
  const [{ content }] = files;
  if (protocol !== "raw") {
    return await sendXmodem(receiver, content, { ...options, blockBytes: protocol === "xmodem" ? 128 : 1024 });
  }
  const { signal, onProgress } = options;
  for await (const chunk of counted(content, onProgress)) {
    await unlessAborted(receiver.sink.write(chunk), signal);
  }
  return new Uint8Array();
}

/** Tells how far a transfer is, once for each percent. */
export function progressOf({ files, size }: OpenFiles, show: (text: string) => void): (bytes: number) => void {
  const name = files.map(({ name }) => name).join(", ");
  let shown = -1;
  return (bytes) => {
    const percent = size === 0 ? 100 : Math.floor(100 * bytes / size);
    if (percent !== shown) show(`${name}: ${percent} % of ${size} bytes`);
    shown = percent;
  };
}

/** How long the device may take to hear that a transfer has ended, in milliseconds. */
const lastWordsMs = 500;

/** The command. */
export function sendFileCommand(calls: SerialCalls): Command {
  return command("Send a file: type it as it is, or by XMODEM or YMODEM", async (given, io) => {
    const { files: paths, protocol, cps } = given;
    if (cps !== undefined && protocol !== "raw") throw usageError("--cps needs --protocol raw");
    if (paths.length > 1 && protocol !== "ymodem") throw usageError(`Only ymodem sends several files, not ${protocol}`);
    const { signal } = io;
    using opened = openFiles(paths);
    const onProgress = progressOf(opened, io.progress);
    noteAbsence(calls, io);
    if (protocol === "raw") {
      const content = counted(opened.files[0].content, onProgress);
      await typeAll(calls, cps === undefined ? content : slowly(content, cps, signal), signal);
    } else {
      // Without the signal: whoever is interrupted still has to tell the receiver.
      await using stream = await unlessAborted(consoleStream(calls), signal);
      const receiver = { source: sourceOf(stream), sink: sinkOf(stream) };
      io.note("Waiting for the receiver at the other end");
      try {
        await io.write(await sendFiles(receiver, opened, protocol, { signal, onProgress }));
      } catch (error) {
        await withLimit(stream.flush(), lastWordsMs, "The end of the transfer").catch(() => {});
        throw error;
      }
    }
    io.note(`Sent ${opened.files.map(({ name }) => name).join(", ")}: ${opened.size} bytes`);
  }, {
    args: { files: z.array(z.string()).check(z.minLength(1), z.describe("Files to send; several with ymodem only")) },
    options: {
      protocol: z._default(z.enum(protocols), "raw").check(
        z.describe(
          "raw types the file; for the others a receiver such as rx, rb or loady is started at the device first",
        ),
      ),
      cps: z.optional(z.number().check(z.positive())).check(z.describe("Characters per second; with raw only")),
    },
    short: { protocol: "p" },
  });
}

async function* slowly(content: AsyncIterable<Uint8Array>, charsPerSecond: number, signal: AbortSignal) {
  const pace = new Pace(charsPerSecond);
  for await (const chunk of content) yield* pace.pieces(chunk, signal);
}

async function* counted(content: SentFile["content"], onProgress?: (bytes: number) => void) {
  let bytes = 0;
  for await (const chunk of content) {
    yield chunk;
    onProgress?.(bytes += chunk.length);
  }
}

function openFile(path: string): SentFile & { close(): void } {
  try {
    const { size, mtime, isFile } = Deno.statSync(path);
    if (!isFile) throw new Error("It is no file");
    const file = Deno.openSync(path);
    const close = () => {
      try {
        file.close();
      } catch { /* it was read to its end */ }
    };
    return { name: basename(path), size, modified: mtime ?? undefined, content: file.readable, close };
  } catch (error) {
    throw usageError(`Cannot send ${path}: ${messageOf(error)}`);
  }
}
