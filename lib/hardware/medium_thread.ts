/** The threads that calls to a medium are made on, so that no other waits for them. @module */
import { JumpstarterError } from "../core/errors.ts";
import type { SystemError } from "./libc.ts";
import type { Answer, Operations, Question } from "./medium_worker.ts";
import { Slots } from "./slots.ts";

interface Asked {
  resolve(result: unknown): void;
  reject(error: unknown): void;
}

/** One thread. What it is asked it does in order, and answers in order. Disposing closes what it has open. */
export class MediumThread implements AsyncDisposable {
  readonly #worker: Worker;
  readonly #asked = new Map<number, Asked>();
  #next = 0;
  /** Why it answers no more. */
  #failure?: JumpstarterError;

  constructor(worker: Worker = new Worker(new URL("./medium_worker.ts", import.meta.url), { type: "module" })) {
    this.#worker = worker;
    this.#worker.onmessage = ({ data }: MessageEvent<Answer>) => this.#answered(data);
    this.#worker.onerror = (event) => {
      event.preventDefault();
      this.#failure = new JumpstarterError("internal", `The thread of the medium has failed: ${event.message}`);
      for (const { reject } of this.#asked.values()) reject(this.#failure);
      this.#asked.clear();
    };
  }

  /**
   * Has something done.
   *
   * @throws {SystemError} what the operating system said.
   */
  ask<K extends keyof Operations>(name: K, ...args: Parameters<Operations[K]>): Promise<ReturnType<Operations[K]>> {
    if (this.#failure) return Promise.reject(this.#failure);
    const id = this.#next++;
    return new Promise((resolve, reject) => {
      this.#asked.set(id, { resolve: resolve as Asked["resolve"], reject });
      this.#worker.postMessage({ id, name, args } satisfies Question);
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      if (!this.#failure) await this.ask("close");
    } finally {
      this.#worker.terminate();
    }
  }

  #answered(answer: Answer): void {
    const { resolve, reject } = this.#asked.get(answer.id)!;
    this.#asked.delete(answer.id);
    if ("result" in answer) return resolve(answer.result);
    const { message, errno, code } = answer.failure;
    reject(Object.assign(new Error(message), { errno, code } as Partial<SystemError>));
  }
}

/**
 * The threads that an image goes through and the memory that they share: one reads and writes the medium, the other
 * hashes meanwhile.
 */
export interface MediumThreads extends AsyncDisposable {
  readonly device: MediumThread;
  readonly hasher: MediumThread;
  readonly slots: Slots;
}

/** Starts them. */
export async function startThreads(): Promise<MediumThreads> {
  await using stack = new AsyncDisposableStack();
  // It is let go of when the threads are gone.
  const slots = stack.use(new Slots());
  const [device, hasher] = [stack.use(new MediumThread()), stack.use(new MediumThread())];
  await Promise.all([device.ask("share", slots.shared), hasher.ask("share", slots.shared)]);
  const owned = stack.move();
  return { device, hasher, slots, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}
