/**
 * Memory of received messages that is used again. A byte stream gives each message back once it has moved on: memory of
 * its own for each would make V8 collect garbage all the time, which costs several times what moving the bytes does.
 *
 * @module
 */

/**
 * Sizes of memory in bytes: powers of two, with room for what surrounds a payload of that size. Messages that are
 * shorter than the half of the least, or longer than the largest, are not worth it.
 */
const sizes = Array.from({ length: 10 }, (_, index) => (256 << index) + 64);
/** Bytes that are kept for messages to come. */
const mostKept = 8 * 1024 * 1024;

const free = new Map(sizes.map((size) => [size, [] as ArrayBuffer[]]));
let kept = 0;

/** Memory for a message of `bytes` bytes, with arbitrary content. */
export function memoryOf(bytes: number): Uint8Array<ArrayBuffer> {
  const size = bytes < sizes[0] / 2 ? undefined : sizes.find((size) => size >= bytes);
  if (size === undefined) return new Uint8Array(bytes);
  const memory = free.get(size)!.pop();
  if (memory) kept -= size;
  return new Uint8Array(memory ?? new ArrayBuffer(size), 0, bytes);
}

/** Gives the memory of a message back: it is kept for messages to come, or freed. Nothing may look at it any more. */
export function recycle(message: Uint8Array): void {
  const buffer = message.buffer as ArrayBuffer;
  const { byteLength } = buffer;
  const same = free.get(byteLength);
  if (same && kept + byteLength <= mostKept) {
    same.push(buffer);
    kept += byteLength;
  } else if (byteLength > sizes[0]) buffer.transfer(0); // It would be garbage that V8 notices too late.
}
