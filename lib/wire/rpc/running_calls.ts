import { runningCallsMost } from "../http2/limits.ts";

/** The calls of one connection whose handlers run. */
export interface ConnectionCalls {
  /** How many there are. */
  readonly count: number;
  begin(): void;
  end(): void;
  /** The connection has ended: its handlers are about to. */
  leave(): void;
}

interface Load {
  count: number;
  end: () => void;
}

/**
 * Calls whose handlers run, of all connections of a process together: each needs memory, whatever it sends. When there are
 * too many, the connection that has most of them is ended.
 */
export class RunningCalls {
  readonly #most: number;
  readonly #loads = new Set<Load>();
  #count = 0;

  constructor(most: number) {
    this.#most = most;
  }

  /** A connection, and how it is ended. */
  join(end: () => void): ConnectionCalls {
    const load: Load = { count: 0, end };
    this.#loads.add(load);
    return {
      get count() {
        return load.count;
      },
      begin: () => this.#begin(load),
      end: () => this.#change(load, -1),
      leave: () => this.#leave(load),
    };
  }

  #begin(load: Load): void {
    this.#change(load, 1);
    if (this.#count <= this.#most) return;
    let heaviest = load;
    for (const other of this.#loads) if (other.count > heaviest.count) heaviest = other;
    this.#leave(heaviest);
    heaviest.end();
  }

  #change(load: Load, by: number): void {
    load.count += by;
    if (this.#loads.has(load)) this.#count += by;
  }

  #leave(load: Load): void {
    if (this.#loads.delete(load)) this.#count -= load.count;
  }
}

/** Those of this process. */
export const runningCalls = new RunningCalls(runningCallsMost);
