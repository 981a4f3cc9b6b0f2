/** zstd by libzstd (1.4 or newer). @module */
import { once } from "../../core/once.ts";
import { addressOf, type Coder, Damage, Excess, openLibrary } from "./system_library.ts";

const names = Deno.build.os === "darwin" ? ["libzstd.1.dylib"] : ["libzstd.so.1"];

const symbols = {
  // ZSTD_DStream* ZSTD_createDStream(void);
  ZSTD_createDStream: { parameters: [], result: "pointer" },
  // size_t ZSTD_decompressStream(ZSTD_DStream* zds, ZSTD_outBuffer* output, ZSTD_inBuffer* input);
  ZSTD_decompressStream: { parameters: ["pointer", "buffer", "buffer"], result: "u64", nonblocking: true },
  // size_t ZSTD_freeDStream(ZSTD_DStream* zds);
  ZSTD_freeDStream: { parameters: ["pointer"], result: "u64" },
  // ZSTD_CCtx* ZSTD_createCCtx(void);
  ZSTD_createCCtx: { parameters: [], result: "pointer" },
  // size_t ZSTD_CCtx_setParameter(ZSTD_CCtx* cctx, ZSTD_cParameter param, int value);
  ZSTD_CCtx_setParameter: { parameters: ["pointer", "i32", "i32"], result: "u64" },
  // size_t ZSTD_compressStream2(ZSTD_CCtx* cctx, ZSTD_outBuffer* output, ZSTD_inBuffer* input, ZSTD_EndDirective endOp);
  ZSTD_compressStream2: { parameters: ["pointer", "buffer", "buffer", "i32"], result: "u64", nonblocking: true },
  // size_t ZSTD_freeCCtx(ZSTD_CCtx* cctx);
  ZSTD_freeCCtx: { parameters: ["pointer"], result: "u64" },
} as const satisfies Deno.ForeignLibraryInterface;

let library: Deno.DynamicLibrary<typeof symbols> | undefined;

/** Opens the library. */
export function libzstd(): Deno.DynamicLibrary<typeof symbols>["symbols"] {
  return (library ??= openLibrary(names, symbols)).symbols;
}

// zstd.h
const ZSTD_c_checksumFlag = 201;
const ZSTD_e_continue = 0;
const ZSTD_e_end = 2;

// zstd_errors.h. A result that is close to the largest number is an error's, negative.
const mostErrors = 200n;
const excesses: Record<number, string> = {
  16: "needs more than 128 MiB of memory",
  64: "needs more memory than there is",
};
const failures: Record<number, string> = {
  10: "no frame begins where one should",
  22: "its content has another checksum",
  32: "it was made with a dictionary",
};

/** `ZSTD_inBuffer` or `ZSTD_outBuffer`: an address, a size and how far the library got. */
class Part {
  readonly memory = new Uint8Array(new ArrayBuffer(24));
  readonly #fields = new DataView(this.memory.buffer);

  set(bytes: Uint8Array): void {
    this.#fields.setBigUint64(0, addressOf(bytes), true);
    this.#fields.setBigUint64(8, BigInt(bytes.length), true);
    this.#fields.setBigUint64(16, 0n, true);
  }

  get at(): number {
    return Number(this.#fields.getBigUint64(16, true));
  }
}

/** An archive to be read, all of its frames, or to be made, in one. */
export function openZstd(direction: "compress" | "decompress"): Coder {
  return direction === "compress" ? compressor() : decompressor();
}

function compressor(): Coder {
  const { ZSTD_createCCtx, ZSTD_CCtx_setParameter, ZSTD_compressStream2, ZSTD_freeCCtx } = libzstd();
  const context = ZSTD_createCCtx();
  check(ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, 1));
  const [from, to] = [new Part(), new Part()];
  return {
    async code(input, output, isLast) {
      from.set(input);
      to.set(output);
      const operation = isLast ? ZSTD_e_end : ZSTD_e_continue;
      const left = check(await ZSTD_compressStream2(context, to.memory, from.memory, operation));
      return { taken: from.at, made: to.at, ended: isLast && left === 0n };
    },
    close: once(() => ZSTD_freeCCtx(context)),
  };
}

function decompressor(): Coder {
  const { ZSTD_createDStream, ZSTD_decompressStream, ZSTD_freeDStream } = libzstd();
  const context = ZSTD_createDStream();
  const [from, to] = [new Part(), new Part()];
  let [hasBegun, isBetween] = [false, false];
  return {
    async code(input, output, isLast) {
      from.set(input);
      to.set(output);
      // Between two frames, with nothing to read, it would begin another one.
      if (input.length > 0 || !isBetween) {
        // What is left of the frame, by a guess, and nothing at its end.
        isBetween = check(await ZSTD_decompressStream(context, to.memory, from.memory)) === 0n;
      }
      hasBegun ||= from.at > 0;
      const [taken, made] = [from.at, to.at];
      const ended = isLast && taken === input.length;
      if (ended && !isBetween && made === 0) throw new Damage(hasBegun ? "it ends early" : "it is empty");
      return { taken, made, ended: ended && isBetween };
    },
    close: once(() => ZSTD_freeDStream(context)),
  };
}

function check(result: bigint): bigint {
  const code = Number(2n ** 64n - result);
  if (code > mostErrors) return result;
  if (Object.hasOwn(excesses, code)) throw new Excess(excesses[code]);
  throw new Damage(failures[code] ?? "its content is damaged");
}
