/** xz by liblzma (XZ Utils 5.2 or newer). @module */
import { once } from "../../core/once.ts";
import { addressOf, type Coder, Damage, Excess, openLibrary } from "./system_library.ts";

const names = Deno.build.os === "darwin" ? ["liblzma.5.dylib"] : ["liblzma.so.5"];

const symbols = {
  // lzma_ret lzma_stream_decoder(lzma_stream *strm, uint64_t memlimit, uint32_t flags);
  lzma_stream_decoder: { parameters: ["buffer", "u64", "u32"], result: "i32" },
  // lzma_ret lzma_easy_encoder(lzma_stream *strm, uint32_t preset, lzma_check check);
  lzma_easy_encoder: { parameters: ["buffer", "u32", "i32"], result: "i32" },
  // lzma_ret lzma_code(lzma_stream *strm, lzma_action action);
  lzma_code: { parameters: ["buffer", "i32"], result: "i32", nonblocking: true },
  // void lzma_end(lzma_stream *strm);
  lzma_end: { parameters: ["buffer"], result: "void" },
} as const satisfies Deno.ForeignLibraryInterface;

let library: Deno.DynamicLibrary<typeof symbols> | undefined;

/** Opens the library. */
export function liblzma(): Deno.DynamicLibrary<typeof symbols>["symbols"] {
  return (library ??= openLibrary(names, symbols)).symbols;
}

// lzma/base.h, lzma/container.h
const LZMA_RUN = 0;
const LZMA_FINISH = 3;
const LZMA_OK = 0;
const LZMA_STREAM_END = 1;
const LZMA_CONCATENATED = 8;
const LZMA_CHECK_CRC64 = 4;

/** Most memory that an archive may ask for; `xz -9` makes some that ask for 65 MiB. */
const mostMemoryBytes = 512 * 1024 * 1024;

/** What xz does where it is not told. */
const preset = 6;

const excesses: Record<number, string> = {
  5: "needs more memory than there is",
  6: `needs more than ${mostMemoryBytes / 1024 ** 2} MiB of memory`,
};

const failures: Record<number, string> = {
  7: "no archive begins where one should",
  8: "it was made with options that are not known here",
  9: "its content is damaged",
  10: "it ends early",
};

/** `lzma_stream` of 64-bit systems: where its members lie, and its size. */
const stream = { nextIn: 0, availIn: 8, nextOut: 24, availOut: 32, size: 136 } as const;

/** An archive to be read, all of its members, or to be made. */
export function openLzma(direction: "compress" | "decompress"): Coder {
  const { lzma_stream_decoder, lzma_easy_encoder, lzma_code, lzma_end } = liblzma();
  const memory = new Uint8Array(new ArrayBuffer(stream.size));
  const fields = new DataView(memory.buffer);
  const size = (at: number) => Number(fields.getBigUint64(at, true));
  check(
    direction === "decompress"
      ? lzma_stream_decoder(memory, BigInt(mostMemoryBytes), LZMA_CONCATENATED)
      : lzma_easy_encoder(memory, preset, LZMA_CHECK_CRC64),
  );
  return {
    async code(input, output, isLast) {
      fields.setBigUint64(stream.nextIn, addressOf(input), true);
      fields.setBigUint64(stream.availIn, BigInt(input.length), true);
      fields.setBigUint64(stream.nextOut, addressOf(output), true);
      fields.setBigUint64(stream.availOut, BigInt(output.length), true);
      const result = await lzma_code(memory, isLast ? LZMA_FINISH : LZMA_RUN);
      if (result !== LZMA_STREAM_END) check(result);
      return {
        taken: input.length - size(stream.availIn),
        made: output.length - size(stream.availOut),
        ended: result === LZMA_STREAM_END,
      };
    },
    close: once(() => lzma_end(memory)),
  };
}

function check(result: number): void {
  if (Object.hasOwn(excesses, result)) throw new Excess(excesses[result]);
  if (result !== LZMA_OK) throw new Damage(failures[result] ?? `liblzma has failed with ${result}`);
}
