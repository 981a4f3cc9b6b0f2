/**
 * Expect: a conversation with whatever is at the other end of a byte stream. Text is awaited by patterns, and typed.
 *
 * @module
 */
import { type ByteSink, type ByteSource, type ByteStream, sinkOf, sourceOf } from "../core/byte_stream.ts";
import { JumpstarterError } from "../core/errors.ts";
import { Pace } from "./pace.ts";
import { Shell, type ShellOptions } from "./shell.ts";
import { UBoot, type UBootOptions } from "./uboot.ts";

/** Among the patterns: the other end has nothing more to say. */
export const endOfStream: unique symbol = Symbol("the end of the stream");
/** Among the patterns: nothing matched within the limit. */
export const limitPassed: unique symbol = Symbol("the limit passed");

/** What can be awaited: text as it stands, a regular expression, the end, or the limit. */
export type Pattern = string | RegExp | typeof endOfStream | typeof limitPassed;

/** What was found. */
export interface Match {
  /** Which of the patterns, from 0. */
  readonly index: number;
  /** What was said before it, since the last match. */
  readonly before: string;
  /** The text that matched; empty for the end and the limit. */
  readonly match: string;
  /** The groups of a regular expression, from 1, with those that did not take part as `undefined`. */
  readonly groups: readonly (string | undefined)[];
}

/** Settings of a conversation. */
export interface ExpectOptions {
  /** Limit of one `expect` that has none of its own, in milliseconds. @default 30000 */
  timeoutMs?: number;
  /** Typed characters per second, where a `send` does not say. Left out, as fast as they go. */
  charsPerSecond?: number;
  /** Gets everything that is said as it comes, and what is typed, marked as such. */
  log?(text: string, direction: "said" | "typed"): void;
  /** Ends every wait. */
  signal?: AbortSignal;
}

/**
 * How far a pattern may reach back beyond what came last, in characters. It bounds what is searched again with each
 * piece; a match that is longer than this is found only when it comes in one piece.
 */
const reach = 16 * 1024;

/** Characters that are kept for `before`. Older ones are dropped. */
const kept = 4 * 1024 * 1024;

/** A conversation. Disposing gives the stream up. */
export class Expect implements AsyncDisposable {
  readonly #stream: ByteStream;
  readonly #source: ByteSource;
  readonly #sink: ByteSink;
  readonly #options: ExpectOptions;
  readonly #decoder = new TextDecoder();
  /** What was said and has not been matched, in two parts: what is searched with each piece, and before it the rest. */
  #heard = "";
  #past: string[] = [];
  /** Up to where the first part has been searched. */
  #searched = 0;
  #ended = false;
  #pending?: Promise<Uint8Array | undefined>;

  /** What was said before the last match, since the one before it. */
  before = "";
  /** The text of the last match. */
  match = "";

  constructor(stream: ByteStream, options: ExpectOptions = {}) {
    this.#stream = stream;
    this.#source = sourceOf(stream);
    this.#sink = sinkOf(stream);
    this.#options = options;
  }

  /** What was said since the last match, as far as it was read. */
  get heard(): string {
    return this.#past.join("") + this.#heard;
  }

  /**
   * Waits for a pattern, or for the first of several: the one that stands first in the text, then the first in the list.
   * In a regular expression `$` is the end of what has been said so far.
   *
   * @throws {JumpstarterError} `deadline_exceeded` when nothing matches in time, `unavailable` when the stream ends
   * before; both tell the last thing that was said. With {@linkcode limitPassed} or {@linkcode endOfStream} among the
   * patterns these are matches instead.
   */
  async expect(
    wanted: Pattern | readonly Pattern[],
    { timeoutMs = this.#options.timeoutMs ?? 30_000, signal }: { timeoutMs?: number; signal?: AbortSignal } = {},
  ): Promise<Match> {
    const patterns = Array.isArray(wanted) ? wanted as readonly Pattern[] : [wanted as Pattern];
    const limit = AbortSignal.timeout(timeoutMs);
    const signals = [limit, signal, this.#options.signal].filter((one) => one !== undefined);
    const stop = AbortSignal.any(signals);
    const aborted = Promise.withResolvers<void>();
    const abort = () => aborted.resolve();
    stop.addEventListener("abort", abort, { once: true });
    this.#lookAtAll();
    try {
      for (;;) {
        const found = this.#search(patterns);
        if (found) return found;
        if (this.#ended) return this.#special(patterns, endOfStream, "unavailable", "The stream ended");
        if (!stop.aborted) await Promise.race([this.#hear(), aborted.promise]);
        if (!stop.aborted) continue;
        if (!limit.aborted) throw stop.reason;
        // What came in the last moment counts.
        return this.#search(patterns) ??
          this.#special(patterns, limitPassed, "deadline_exceeded", `Nothing matched within ${timeoutMs / 1000} s`);
      }
    } finally {
      stop.removeEventListener("abort", abort);
    }
  }

  /** Types text or bytes, at a pace where one is given. Resolves when they are on their way. */
  async send(
    content: string | Uint8Array,
    { charsPerSecond = this.#options.charsPerSecond, signal = this.#options.signal }: {
      charsPerSecond?: number;
      signal?: AbortSignal;
    } = {},
  ): Promise<void> {
    const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
    this.#options.log?.(new TextDecoder().decode(bytes), "typed");
    if (!charsPerSecond) return await this.#sink.write(bytes);
    for await (const piece of new Pace(charsPerSecond).pieces(bytes, signal)) await this.#sink.write(piece);
  }

  /** Types a line. */
  async sendLine(line: string, options?: { charsPerSecond?: number; signal?: AbortSignal }): Promise<void> {
    await this.send(`${line}\n`, options);
  }

  /** A shell at the other end, which shows a prompt now or once it is asked. */
  shell(options: ShellOptions): Shell {
    return new Shell(this, options);
  }

  /** U-Boot at the other end, or about to be. */
  uboot(options: UBootOptions = {}): UBoot {
    return new UBoot(this, options);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stream[Symbol.asyncDispose]();
  }

  async #hear(): Promise<void> {
    // One read at a time: a limit that passed leaves it for the next wait.
    this.#pending ??= this.#source.next();
    const bytes = await this.#pending.finally(() => this.#pending = undefined);
    const text = this.#decoder.decode(bytes, { stream: bytes !== undefined });
    if (bytes === undefined) this.#ended = true;
    if (text === "") return;
    this.#options.log?.(text, "said");
    this.#heard += text;
  }

  /** New patterns may be anywhere. */
  #lookAtAll(): void {
    this.#heard = this.heard;
    this.#past = [];
    this.#searched = 0;
  }

  /** Puts aside what no match reaches any more: a text that grows by pieces is copied whole whenever it is searched. */
  #putAside(): void {
    if (this.#heard.length <= 2 * reach) return;
    const length = this.#heard.length - reach;
    this.#past.push(this.#heard.slice(0, length));
    this.#heard = this.#heard.slice(length);
    this.#searched -= length;
    while (this.#past.length * reach > kept) this.#past.shift();
  }

  #search(patterns: readonly Pattern[]): Match | undefined {
    // What follows something else is not the beginning of what was said, which `^` means.
    const from = Math.max(this.#past.length > 0 ? 1 : 0, this.#searched - reach);
    let best: { index: number; at: number; text: string; groups: (string | undefined)[] } | undefined;
    patterns.forEach((pattern, index) => {
      if (typeof pattern === "symbol") return;
      const found = typeof pattern === "string"
        ? findText(this.#heard, pattern, from)
        : findRegExp(this.#heard, pattern, from);
      if (found && (!best || found.at < best.at)) best = { index, ...found };
    });
    this.#searched = this.#heard.length;
    if (!best) {
      this.#putAside();
      return undefined;
    }
    return this.#found(best.index, best.at, best.text, best.groups);
  }

  #found(index: number, at: number, match: string, groups: (string | undefined)[] = []): Match {
    const before = this.before = this.#past.join("") + this.#heard.slice(0, at);
    this.#past = [];
    this.match = match;
    this.#heard = this.#heard.slice(at + match.length);
    this.#searched = 0;
    return { index, before, match, groups };
  }

  #special(
    patterns: readonly Pattern[],
    which: typeof endOfStream | typeof limitPassed,
    code: "unavailable" | "deadline_exceeded",
    what: string,
  ): Match {
    const index = patterns.indexOf(which);
    // The limit takes nothing away: what was said may be matched by the next wait.
    if (index >= 0 && which === limitPassed) return { index, before: this.heard, match: "", groups: [] };
    if (index >= 0) return this.#found(index, this.#heard.length, "");
    const last = this.heard.slice(-200);
    throw new JumpstarterError(
      code,
      `${what} before ${patterns.map(show).join(" or ")}; the last thing said was ${JSON.stringify(last)}`,
      { phase: "driver" },
    );
  }
}

function findText(heard: string, text: string, from: number) {
  const at = heard.indexOf(text, from);
  return at < 0 ? undefined : { at, text, groups: [] };
}

function findRegExp(heard: string, pattern: RegExp, from: number) {
  // A copy with a place of its own; `^` means the beginning of what was said, not of what is searched again.
  const searching = new RegExp(pattern, pattern.flags.replace(/[gy]/g, "") + "g");
  searching.lastIndex = from;
  const found = searching.exec(heard);
  return found ? { at: found.index, text: found[0], groups: found.slice(1) } : undefined;
}

function show(pattern: Pattern): string {
  return typeof pattern === "string"
    ? JSON.stringify(pattern)
    : typeof pattern === "symbol"
    ? pattern.description!
    : `${pattern}`;
}
