/** The exporter's side of storage behind a switch: whoever writes or reads it is not switched away from it. @module */
import type { Call } from "../contract/method.ts";
import { JumpstarterError } from "../core/errors.ts";

/** What a device can do with its storage. */
interface Positions {
  host(): void | Promise<void>;
  dut(): void | Promise<void>;
  off(): void | Promise<void>;
}

/** Who is at work on the storage. */
interface Use {
  /** Aborts when the work is given up. */
  readonly signal: AbortSignal;
  readonly over: Promise<void>;
}

/**
 * Switches storage for one user at a time. Others are refused while it is in use; when that use is being given up, they
 * wait for its end, so that nothing comes after what they do.
 */
export class StorageSwitch implements Positions {
  readonly #positions: Positions;
  #use?: Use;

  constructor(positions: Positions) {
    this.#positions = positions;
  }

  host = () => this.#whenFree(() => this.#positions.host());
  dut = () => this.#whenFree(() => this.#positions.dut());
  off = () => this.#whenFree(() => this.#positions.off());

  /** Works on storage that a client has switched to the host, and gives it to the device when that client is gone. */
  use<T>({ signal, connection }: Call, work: () => Promise<T>): Promise<T> {
    return this.#whenFree(() =>
      this.#using(signal, async () => {
        try {
          return await work();
        } finally {
          if (connection.signal.aborted) await this.#positions.dut();
        }
      })
    );
  }

  /**
   * Connects the storage to the host, works on it, and connects it to the device, whatever came of it; a failure of that
   * is nobody's when the work has failed already.
   */
  atHost<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    return this.#whenFree(() =>
      this.#using(signal, async () => {
        let result: T;
        try {
          await this.#positions.host();
          result = await work();
        } catch (error) {
          await Promise.resolve(this.#positions.dut()).catch(() => {});
          throw error;
        }
        await this.#positions.dut();
        return result;
      })
    );
  }

  async #using<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#use = { signal, over: promise };
    try {
      return await work();
    } finally {
      this.#use = undefined;
      resolve();
    }
  }

  async #whenFree<T>(act: () => T | Promise<T>): Promise<T> {
    while (this.#use) {
      if (!this.#use.signal.aborted) {
        throw new JumpstarterError("failed_precondition", "The storage is in use: Another client writes or reads it", {
          phase: "driver",
          hint: "Wait for its end",
        });
      }
      await this.#use.over;
    }
    return await act();
  }
}
