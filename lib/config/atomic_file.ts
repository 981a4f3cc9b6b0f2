/** Writes files that are whole at every moment, and nobody else's to read. @module */
import { basename, dirname, join } from "node:path";
import { JumpstarterError, messageOf } from "../core/errors.ts";

/**
 * Replaces a file, or makes it with its folder: readers see the old text or the new one, never a part, even after a
 * crash. Its mode is 0600.
 *
 * @throws {JumpstarterError} `failed_precondition`, naming the file, when it cannot be written.
 */
export function replaceFile(file: string, text: string): void {
  try {
    replace(file, text);
  } catch (error) {
    throw new JumpstarterError("failed_precondition", `Cannot write ${file}: ${messageOf(error)}`, {
      phase: "config",
      cause: error,
    });
  }
}

function replace(file: string, text: string): void {
  const folder = dirname(file);
  Deno.mkdirSync(folder, { recursive: true });
  const temporary = join(folder, `.${basename(file)}.${crypto.randomUUID().slice(0, 8)}`);
  try {
    write(temporary, new TextEncoder().encode(text));
    Deno.renameSync(temporary, file);
  } catch (error) {
    removeIfThere(temporary);
    throw error;
  }
}

function write(file: string, bytes: Uint8Array): void {
  using out = Deno.openSync(file, { write: true, createNew: true, mode: 0o600 });
  for (let offset = 0; offset < bytes.length;) offset += out.writeSync(bytes.subarray(offset));
  out.syncSync();
}

function removeIfThere(file: string): void {
  try {
    Deno.removeSync(file);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}
