/** XMODEM: one file in blocks, without its name and its exact length. @module */
import { BlockSender, type Content, type Receiver, type TransferOptions } from "./blocks.ts";

/**
 * Sends one file, with the checksum that the receiver asks for. The last block is filled up with 0x1a, which stays at
 * the end of what the receiver has. `blockBytes` is the size of a block: 1024 is XMODEM-1K, which needs a receiver with
 * CRC and is 128 for others.
 *
 * Resolves to what the other end said behind the transfer.
 *
 * @throws {JumpstarterError} `deadline_exceeded` when the receiver does not answer in time, `aborted` when it cancels.
 */
export async function sendXmodem(
  receiver: Receiver,
  content: Content,
  { blockBytes = 128, ...options }: TransferOptions & { blockBytes?: 128 | 1024 } = {},
): Promise<Uint8Array> {
  const sender = new BlockSender(receiver, options);
  return await sender.run(async () => {
    await sender.start();
    await sender.content(content, blockBytes);
  });
}
