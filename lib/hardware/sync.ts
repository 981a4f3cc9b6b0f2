/** Making sure that a medium has what it was given. @module */
import { JumpstarterError } from "../core/errors.ts";
import { pause } from "../core/limit.ts";
import { isSystemError } from "./libc.ts";
import type { MediumThread } from "./medium_thread.ts";

/** Pause after an I/O error, in milliseconds. */
const retryAfterMs = 1_000;

/**
 * Waits until the medium has everything. Readers of cards report I/O errors while they are busy; these are tolerated,
 * though the kernel may have dropped what it could not write: only reading back tells.
 *
 * @returns the number of I/O errors.
 * @throws {JumpstarterError} `deadline_exceeded` when there are errors for longer than the limit.
 */
export async function syncMedium(
  device: MediumThread,
  path: string,
  { limitMs, signal }: { limitMs: number; signal?: AbortSignal },
): Promise<number> {
  const end = performance.now() + limitMs;
  for (let errors = 0;; errors++) {
    try {
      await device.ask("sync");
      return errors;
    } catch (error) {
      if (!isSystemError(error, "EIO")) throw error;
      if (performance.now() >= end) {
        throw new JumpstarterError(
          "deadline_exceeded",
          `${path} has not taken everything after ${limitMs / 1000} s: ${error.message}`,
          { phase: "driver", cause: error },
        );
      }
      await pause(retryAfterMs, signal);
    }
  }
}
