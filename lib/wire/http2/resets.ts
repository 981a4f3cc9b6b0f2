import { ConnectionError, ErrorCode } from "./error_code.ts";
import type { Limits } from "./limits.ts";
import { RateLimit } from "./rate.ts";

/** Streams we reset that are remembered: the peer may not have known when it sent its next frame. */
const remembered = 1024;

/** The streams of one connection that were reset, by either side. */
export class Resets {
  readonly #rate: RateLimit;
  readonly #byUs = new Set<number>();
  #tooMany = false;

  constructor({ resetBurst, resetsPerSecond }: Pick<Limits, "resetBurst" | "resetsPerSecond">) {
    this.#rate = new RateLimit(resetBurst, resetsPerSecond);
  }

  /** A stream was reset, by the peer or because of it. It may not be within input that is parsed, so nothing is thrown. */
  count(): void {
    if (!this.#rate.take()) this.#tooMany = true;
  }

  /** @throws {ConnectionError} `ENHANCE_YOUR_CALM` when there were too many. */
  check(): void {
    if (this.#tooMany) throw new ConnectionError(ErrorCode.ENHANCE_YOUR_CALM, "Too many streams are reset");
  }

  /** This side has reset it. */
  remember(streamId: number): void {
    this.#byUs.add(streamId);
    if (this.#byUs.size > remembered) this.#byUs.delete(this.#byUs.values().next().value!);
  }

  /** Whether this side has reset it not long ago, which the peer may not have known. */
  remembers(streamId: number): boolean {
    return this.#byUs.has(streamId);
  }
}
