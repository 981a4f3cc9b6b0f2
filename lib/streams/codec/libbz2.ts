/** bzip2 by libbz2. @module */
import { once } from "../../core/once.ts";
import { addressOf, type Coder, Damage, Excess, openLibrary } from "./system_library.ts";

const names = Deno.build.os === "darwin" ? ["libbz2.1.0.dylib", "libbz2.dylib"] : ["libbz2.so.1.0", "libbz2.so.1"];

const symbols = {
  // int BZ2_bzDecompressInit(bz_stream *strm, int verbosity, int small);
  BZ2_bzDecompressInit: { parameters: ["buffer", "i32", "i32"], result: "i32" },
  // int BZ2_bzDecompress(bz_stream* strm);
  BZ2_bzDecompress: { parameters: ["buffer"], result: "i32", nonblocking: true },
  // int BZ2_bzDecompressEnd(bz_stream *strm);
  BZ2_bzDecompressEnd: { parameters: ["buffer"], result: "i32" },
  // int BZ2_bzCompressInit(bz_stream* strm, int blockSize100k, int verbosity, int workFactor);
  BZ2_bzCompressInit: { parameters: ["buffer", "i32", "i32", "i32"], result: "i32" },
  // int BZ2_bzCompress(bz_stream* strm, int action);
  BZ2_bzCompress: { parameters: ["buffer", "i32"], result: "i32", nonblocking: true },
  // int BZ2_bzCompressEnd(bz_stream* strm);
  BZ2_bzCompressEnd: { parameters: ["buffer"], result: "i32" },
} as const satisfies Deno.ForeignLibraryInterface;

let library: Deno.DynamicLibrary<typeof symbols> | undefined;

/** Opens the library. */
export function libbz2(): Deno.DynamicLibrary<typeof symbols>["symbols"] {
  return (library ??= openLibrary(names, symbols)).symbols;
}

// bzlib.h
const BZ_RUN = 0;
const BZ_FINISH = 2;
const BZ_STREAM_END = 4;
const BZ_MEM_ERROR = -3;

/** As bzip2 has it where it is not told: 900 000 bytes. */
const blockSize100k = 9;

const failures: Record<number, string> = {
  [-4]: "its content is damaged",
  [-5]: "no archive begins where one should",
};

/** `bz_stream` of 64-bit systems: where its members lie, and its size. */
const stream = { nextIn: 0, availIn: 8, nextOut: 24, availOut: 32, size: 80 } as const;

/** The library's structure, and the memory that its members point to. */
class Stream {
  readonly memory = new Uint8Array(new ArrayBuffer(stream.size));
  readonly #fields = new DataView(this.memory.buffer);

  set(input: Uint8Array, output: Uint8Array<ArrayBuffer>): void {
    this.#fields.setBigUint64(stream.nextIn, addressOf(input), true);
    this.#fields.setUint32(stream.availIn, input.length, true);
    this.#fields.setBigUint64(stream.nextOut, addressOf(output), true);
    this.#fields.setUint32(stream.availOut, output.length, true);
  }

  get inputLeft(): number {
    return this.#fields.getUint32(stream.availIn, true);
  }

  get outputLeft(): number {
    return this.#fields.getUint32(stream.availOut, true);
  }
}

/** An archive to be read, all of its members, or to be made. */
export function openBz2(direction: "compress" | "decompress"): Coder {
  return direction === "compress" ? compressor() : decompressor();
}

function compressor(): Coder {
  const { BZ2_bzCompressInit, BZ2_bzCompress, BZ2_bzCompressEnd } = libbz2();
  const state = new Stream();
  check(BZ2_bzCompressInit(state.memory, blockSize100k, 0, 0));
  return {
    async code(input, output, isLast) {
      state.set(input, output);
      // With nothing to do it would say that it was called wrongly.
      const result = isLast || input.length > 0
        ? check(await BZ2_bzCompress(state.memory, isLast ? BZ_FINISH : BZ_RUN))
        : 0;
      const [taken, made] = [input.length - state.inputLeft, output.length - state.outputLeft];
      return { taken, made, ended: result === BZ_STREAM_END };
    },
    close: once(() => BZ2_bzCompressEnd(state.memory)),
  };
}

function decompressor(): Coder {
  const { BZ2_bzDecompressInit, BZ2_bzDecompress, BZ2_bzDecompressEnd } = libbz2();
  const begin = () => {
    const state = new Stream();
    check(BZ2_bzDecompressInit(state.memory, 0, 0));
    return state;
  };
  let member: Stream | undefined = begin();
  return {
    async code(input, output, isLast) {
      // The library reads one member. Another one follows where there is more input.
      if (!member && input.length > 0) member = begin();
      if (!member) return { taken: 0, made: 0, ended: isLast };
      member.set(input, output);
      const result = check(await BZ2_bzDecompress(member.memory));
      const [taken, made] = [input.length - member.inputLeft, output.length - member.outputLeft];
      if (result === BZ_STREAM_END) {
        BZ2_bzDecompressEnd(member.memory);
        member = undefined;
      } else if (isLast && taken === 0 && made === 0) throw new Damage("it ends early");
      return { taken, made, ended: !member && isLast && taken === input.length };
    },
    close() {
      if (member) BZ2_bzDecompressEnd(member.memory);
      member = undefined;
    },
  };
}

function check(result: number): number {
  if (result >= 0) return result;
  if (result === BZ_MEM_ERROR) throw new Excess("needs more memory than there is");
  throw new Damage(failures[result] ?? `libbz2 has failed with ${result}`);
}
