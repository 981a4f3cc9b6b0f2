/** YMODEM: any number of files in blocks, each with its name and length. @module */
import { usageError } from "../../core/errors.ts";
import { BlockSender, type Content, type Receiver, type TransferOptions } from "./blocks.ts";

/** A file that is sent. */
export interface SentFile {
  /** The name that the receiver gives it; without a path. */
  readonly name: string;
  /** Length in bytes. */
  readonly size: number;
  readonly modified?: Date;
  readonly content: Content;
}

/**
 * Sends files in one batch. Resolves to what the other end said behind it.
 *
 * @throws {JumpstarterError} `deadline_exceeded` when the receiver does not answer in time, `aborted` when it cancels.
 */
export async function sendYmodem(
  receiver: Receiver,
  files: Iterable<SentFile>,
  options: TransferOptions = {},
): Promise<Uint8Array> {
  const sender = new BlockSender(receiver, options);
  return await sender.run(async () => {
    for (const file of files) {
      await sender.start();
      await sender.block(0, headOf(file), 0);
      await sender.start();
      await sender.content(file.content, 1024);
    }
    // A block without a name ends the batch.
    await sender.start();
    await sender.block(0, new Uint8Array(), 0);
  });
}

/** Name, zero, decimal length, time of change in octal seconds since 1970. */
function headOf({ name, size, modified }: SentFile): Uint8Array {
  const time = modified ? ` ${Math.floor(modified.getTime() / 1000).toString(8)}` : "";
  const head = new TextEncoder().encode(`${name}\0${size}${time}`);
  if (head.length > 1024) throw usageError(`Expected a file name that fits into 1024 bytes, got ${name}`);
  return head;
}
