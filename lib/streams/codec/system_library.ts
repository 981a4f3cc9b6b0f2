/** Codecs of the system's libraries: how such a library is found, and what its codecs are called with. @module */
import { JumpstarterError, messageOf } from "../../core/errors.ts";

/** What came of one call of a codec. */
export interface Coded {
  /** Bytes of the input that it took. */
  readonly taken: number;
  /** Bytes of the output that it made. */
  readonly made: number;
  /** Whether there is nothing more to come. */
  readonly ended: boolean;
}

/** One archive on its way through a codec. */
export interface Coder {
  /**
   * Goes on as far as the input and the room for output allow, on another thread. Until then nobody else may touch either.
   * `isLast`: no input follows.
   *
   * @throws {Damage} what is wrong with the archive.
   */
  code(input: Uint8Array, output: Uint8Array<ArrayBuffer>, isLast: boolean): Promise<Coded>;
  /** Frees what the library has taken, once. */
  close(): void;
}

/** An archive that is damaged, and how. */
export class Damage extends Error {}

/** An archive that needs more than it may have. */
export class Excess extends Error {}

/** Opens a library by the first of its names that there is. It stays open. */
export function openLibrary<S extends Deno.ForeignLibraryInterface>(
  names: readonly string[],
  symbols: S,
): Deno.DynamicLibrary<S> {
  const failures: string[] = [];
  for (const name of names) {
    try {
      return Deno.dlopen(name, symbols);
    } catch (error) {
      failures.push(messageOf(error));
    }
  }
  throw new JumpstarterError("failed_precondition", failures.join("; "));
}

/** Where bytes lie, as a library's structure has it. They must be kept as long as the library may touch them. */
export function addressOf({ buffer, byteOffset }: Uint8Array): bigint {
  // Memory that has been asked for as a buffer is not moved any more.
  return BigInt(Deno.UnsafePointer.value(Deno.UnsafePointer.of(buffer as ArrayBuffer))) + BigInt(byteOffset);
}
