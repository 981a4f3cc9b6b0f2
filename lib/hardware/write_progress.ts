/** How far a write is, for people. @module */

/** What is going on: bytes that were compared with an earlier write, that have come, were written, or read back. */
export interface WriteProgress {
  readonly stage: "compare" | "transfer" | "write" | "sync" | "verify";
  readonly bytes: number;
  /** Where it is known. */
  readonly total?: number;
  /** Whether the stage is at its end. */
  readonly last?: boolean;
}

/** Least time between two reports of one stage, in milliseconds. */
const reportEveryMs = 100;

/** Reports progress now and then, and what is the last of a stage always. */
export class ProgressReport {
  readonly #report: (progress: WriteProgress) => void;
  readonly #last = new Map<WriteProgress["stage"], number>();
  total?: number;

  constructor(report: (progress: WriteProgress) => void = () => {}, total?: number) {
    this.#report = report;
    this.total = total;
  }

  at(stage: WriteProgress["stage"], bytes: number): void {
    const now = performance.now();
    if (now - (this.#last.get(stage) ?? -Infinity) < reportEveryMs) return;
    this.#last.set(stage, now);
    this.#report({ stage, bytes, total: this.total });
  }

  /** The last one of a stage. */
  end(stage: WriteProgress["stage"], bytes: number): void {
    this.#last.delete(stage);
    this.#report({ stage, bytes, total: this.total, last: true });
  }
}
