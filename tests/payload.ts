/** Whole files in the memory of a test. @module */
import type { ByteSource, OwnedSink, OwnedSource } from "../lib/core/byte_stream.ts";

/** Bytes of which half compress well. */
export function sample(size: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(size);
  for (let at = 0; at < size / 2; at += 65_536) {
    crypto.getRandomValues(bytes.subarray(at, Math.min(at + 65_536, Math.ceil(size / 2))));
  }
  return bytes;
}

/** Several pieces as one. */
export function concat(pieces: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(pieces.reduce((size, { length }) => size + length, 0));
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}

/** Bytes in chunks of a size. */
export function sourceOfBytes(bytes: Uint8Array, size = 10_000): ByteSource {
  let at = 0;
  return { next: () => Promise.resolve(at < bytes.length ? bytes.subarray(at, at += size) : undefined) };
}

/** All that a source has. It is closed where it can be. */
export async function allOf(source: ByteSource | OwnedSource): Promise<Uint8Array<ArrayBuffer>> {
  const chunks: Uint8Array[] = [];
  try {
    for (let chunk = await source.next(); chunk; chunk = await source.next()) chunks.push(chunk.slice());
  } finally {
    if ("close" in source) await source.close();
  }
  return concat(chunks);
}

/** A sink that keeps what it gets. */
export function collector(): OwnedSink & { readonly bytes: Uint8Array; readonly state: "open" | "ended" | "aborted" } {
  const chunks: Uint8Array[] = [];
  let state: "open" | "ended" | "aborted" = "open";
  return {
    write: (chunk) => Promise.resolve(void chunks.push(chunk.slice())),
    end: () => Promise.resolve(void (state = "ended")),
    abort: () => void (state = "aborted"),
    get bytes() {
      return concat(chunks);
    },
    get state() {
      return state;
    },
  };
}
