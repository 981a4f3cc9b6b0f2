/** Devices for consoles under test. @module */
import { byteStreamOfPipe, echoStream } from "../../../lib/core/byte_stream.ts";
import { memoryPipe, type Pipe, writeAll } from "../../../lib/core/pipe.ts";
import type { Caller } from "../../../lib/streams/console/console.ts";
import type { ConsoleLine } from "../../../lib/streams/console/line.ts";

/** A board at the end of a cable that can be pulled. */
export class Cable {
  /** How often the device was opened, and how often it was closed. */
  opened = 0;
  closed = 0;
  #far?: Pipe;
  #plugged = true;
  #changed = Promise.withResolvers<void>();

  open = (): Promise<ConsoleLine> => {
    if (!this.#plugged) return Promise.reject(new Deno.errors.NotFound("No such device"));
    const [near, far] = memoryPipe();
    this.#far = far;
    this.opened++;
    this.#changed.resolve();
    const bytes = byteStreamOfPipe(near);
    const close = async () => {
      this.closed++;
      await bytes[Symbol.asyncDispose]();
    };
    let closing: Promise<void> | undefined;
    return Promise.resolve({ bytes, [Symbol.asyncDispose]: () => closing ??= close() });
  };

  pull(): void {
    this.#plugged = false;
    this.#far?.close();
    this.#far = undefined;
  }

  plug(): void {
    this.#changed = Promise.withResolvers();
    this.#plugged = true;
  }

  /** Resolves once the device is open. */
  async ready(): Promise<void> {
    if (!this.#far) await this.#changed.promise;
  }

  /** The board says something. */
  async say(what: string | Uint8Array): Promise<void> {
    await this.ready();
    await writeAll(this.#far!, typeof what === "string" ? new TextEncoder().encode(what) : what);
  }

  /** Everything that the board hears, until it has heard that many bytes. */
  async hear(count: number): Promise<string> {
    await this.ready();
    let heard = "";
    const buffer = new Uint8Array(count);
    while (heard.length < count) {
      const got = await this.#far!.read(buffer.subarray(0, count - heard.length));
      if (got === null) break;
      heard += new TextDecoder().decode(buffer.subarray(0, got));
    }
    return heard;
  }
}

/** A line that gives back what it gets. */
export function loop(): Promise<ConsoleLine> {
  const bytes = echoStream();
  return Promise.resolve({ bytes, [Symbol.asyncDispose]: () => bytes[Symbol.asyncDispose]() });
}

/** Somebody who calls, and may hang up. */
export function caller(peer: string): Caller & { hangUp(): void } {
  const end = new AbortController();
  return { peer, signal: end.signal, hangUp: () => end.abort() };
}
