/** Flashes as clients see them: events while they go on, and what is known of the latest for those who ask later. @module */
import { JumpstarterError, messageOf } from "../core/errors.ts";
import type { FlashEvent, FlashProof } from "./flash.ts";

/** How things stand with the latest flash of a session. */
export interface LatestFlash {
  /** Whether it goes on. */
  readonly active: boolean;
  readonly stage?: FlashEvent["stage"];
  readonly bytes?: number;
  readonly total?: number;
  /** What came of it. */
  readonly result?: FlashProof;
  readonly failure?: string;
}

/** Tells events, and gets what the flash is given up by. */
export type Flash = (report: (event: FlashEvent) => void, signal: AbortSignal) => Promise<FlashProof>;

/** The flashes of one medium. */
export class FlashRuns {
  #state: LatestFlash = { active: false };
  #cancel?: () => Promise<void>;

  /**
   * The events of a flash, its result at the end. Who does not take them as they come gets the latest of each stage. It is
   * given up when the signal aborts or nobody takes any more, unless it is `detached`, and has ended when the events have.
   */
  async *events(
    flash: Flash,
    { signal, detached = false }: { signal: AbortSignal; detached?: boolean },
  ): AsyncGenerator<FlashEvent> {
    const end = new AbortController();
    const latest = new Map<FlashEvent["stage"], FlashEvent>();
    let changed = Promise.withResolvers<void>();
    let isOver = false;
    const cancel = async () => {
      end.abort(new JumpstarterError("canceled", "The flash was cancelled"));
      await over;
    };
    const report = (event: FlashEvent) => {
      const { stage, bytes, total } = event;
      this.#state = { active: true, stage, bytes, total };
      this.#cancel = cancel;
      latest.delete(stage);
      latest.set(stage, event);
      changed.resolve();
    };
    const running = flash(report, AbortSignal.any([signal, end.signal]));
    const over = running.then((result) => ({ result }), (error) => ({ failure: messageOf(error) })).then((outcome) => {
      isOver = true;
      changed.resolve();
      // Whoever was refused beside another one has reported nothing.
      if (this.#cancel === cancel) this.#state = { ...this.#state, ...outcome, active: false };
    });
    try {
      while (!isOver || latest.size > 0) {
        if (latest.size === 0) {
          changed = Promise.withResolvers();
          await changed.promise;
        }
        for (const [stage, event] of latest) {
          latest.delete(stage);
          yield event;
        }
      }
    } finally {
      if (!detached) end.abort(new JumpstarterError("canceled", "Nobody waits for the flash"));
      await over;
    }
    const result = await running;
    yield { stage: "done", bytes: result.bytes, total: result.bytes, last: true, result };
  }

  /** How things stand with the latest flash. */
  state(): LatestFlash {
    return this.#state;
  }

  /** Ends a flash that goes on. Resolves when it has ended, to whether there was one. */
  async cancel(): Promise<boolean> {
    const { active } = this.#state;
    await this.#cancel?.();
    return active;
  }
}
