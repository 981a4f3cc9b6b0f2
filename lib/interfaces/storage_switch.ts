/** The exporter's side of storage behind a switch. @module */
import type { Call } from "../contract/method.ts";
import { JumpstarterError } from "../core/errors.ts";
import { Exclusive } from "../core/exclusive.ts";

/** What a device can do with its storage. */
interface Positions {
  host(): void | Promise<void>;
  dut(): void | Promise<void>;
  off(): void | Promise<void>;
}

/** Switches storage, but not away from whoever writes or reads it. */
export class StorageSwitch implements Positions {
  readonly #positions: Positions;
  readonly #storage = new Exclusive(() =>
    new JumpstarterError("failed_precondition", "The storage is in use: Another client writes or reads it", {
      phase: "driver",
      hint: "Wait for its end",
    })
  );

  constructor(positions: Positions) {
    this.#positions = positions;
  }

  host = () => this.#storage.whenFree(() => this.#positions.host());
  dut = () => this.#storage.whenFree(() => this.#positions.dut());
  off = () => this.#storage.whenFree(() => this.#positions.off());

  /** Works on storage that a client has switched to the host, and gives it to the device when that client is gone. */
  use<T>({ signal, connection }: Call, work: () => Promise<T>): Promise<T> {
    return this.#storage.run(signal, async () => {
      try {
        return await work();
      } finally {
        if (connection.signal.aborted) await this.#positions.dut();
      }
    });
  }

  /**
   * Connects the storage to the host, works on it, and connects it to the device, whatever came of it; a failure of that
   * is nobody's when the work has failed already.
   */
  atHost<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    return this.#storage.run(signal, async () => {
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
    });
  }
}
