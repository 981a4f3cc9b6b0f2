/**
 * The line of a console: the device that is kept open as long as somebody wants it, and opened again when it went.
 *
 * @module
 */
import { type ByteSink, type ByteStream, sinkOf, sourceOf } from "../../core/byte_stream.ts";
import { isJumpstarterError, JumpstarterError, messageOf } from "../../core/errors.ts";
import { pause } from "../../core/limit.ts";
import { Queue } from "../../core/queue.ts";
import { Turn } from "../../core/turn.ts";
import { Pace } from "../pace.ts";

/** An open device. What it cannot do it leaves out. */
export interface ConsoleLine extends AsyncDisposable {
  readonly bytes: ByteStream;
  /** Holds the line in its break state. */
  sendBreak?(durationMs: number): Promise<void>;
  setDtr?(on: boolean): void | Promise<void>;
  setRts?(on: boolean): void | Promise<void>;
}

/** What a line is made of, and who hears of it. */
export interface KeptLineOptions {
  /** Opens the device, by its identity rather than by a name that may change. */
  open(signal: AbortSignal): Promise<ConsoleLine>;
  /** What the device takes at most. @default Infinity */
  charsPerSecond?: number;
  onOpened(): void;
  onBytes(bytes: Uint8Array): void;
  /** The device is gone; it is looked for until it is back. */
  onLost(reason: string): void;
  /** It could not be opened. Told once until it could. */
  onMissing(reason: string): void;
  /**
   * First pause before the device is looked for again, in milliseconds; it doubles up to five times that.
   *
   * @default 100
   */
  retryMs?: number;
}

/** The longest pause, as a multiple of the first. */
const longestPause = 5;

/** Bytes that are written at a stretch: what the kernel holds for a UART. */
const pieceBytes = 4096;

interface Open {
  readonly line: ConsoleLine;
  readonly sink: ByteSink;
}

/** One device. Nothing is open before {@linkcode keep}, and nothing after {@linkcode release}. */
export class KeptLine {
  readonly #options: KeptLineOptions;
  readonly #pace: Pace;
  #stop?: AbortController;
  /** Settles when the device is closed; it is not opened again before. */
  #done: Promise<void> = Promise.resolve();
  #opened = quiet(Promise.withResolvers<Open>());
  /** Rejects when the attempt to open it fails that goes on, or comes next. */
  #attempt = quiet(Promise.withResolvers<never>());
  /** Pieces in their order: each waits for the one before. */
  readonly #writing = new Queue();
  /** Why a write failed; the reader tells. */
  #broken?: string;

  constructor(options: KeptLineOptions) {
    this.#options = options;
    this.#pace = new Pace(options.charsPerSecond, pieceBytes);
  }

  /** Opens the device and keeps it open. Does nothing when that is so already. */
  keep(): void {
    if (this.#stop) return;
    const { signal } = this.#stop = new AbortController();
    this.#done = this.#done.then(() => this.#run(signal));
  }

  /** Closes the device; whoever waits for it fails. */
  async release(): Promise<void> {
    const stop = this.#stop;
    this.#stop = undefined;
    if (stop) {
      stop.abort(new JumpstarterError("canceled", "The console was closed"));
      for (const waiting of [this.#opened, this.#attempt]) waiting.reject(stop.signal.reason);
      this.#forgetOpen();
      this.#attempt = quiet(Promise.withResolvers());
    }
    await this.#done;
  }

  /** The device once it is open, however long that takes. */
  async opened(): Promise<ConsoleLine> {
    return (await this.#opened.promise).line;
  }

  /**
   * The device if it is open, or can be.
   *
   * @throws why it cannot be opened now; it is still looked for.
   */
  reached(): Promise<ConsoleLine> {
    return Promise.race([this.opened(), this.#attempt.promise]);
  }

  /**
   * Writes when the device is there, however long that takes. Bytes that were on their way when it went may have
   * arrived or not, so they are not sent twice. Whoever else writes meanwhile gets a turn between two pieces, of which
   * none has more than 4 KiB.
   *
   * `check` is asked when a piece's turn has come, and throws when it is no longer wanted.
   *
   * @throws {JumpstarterError} `canceled` when the console is closed before.
   */
  async write(bytes: Uint8Array, check: () => void): Promise<void> {
    let left = bytes.length;
    for (const piece of this.#pace.cut(bytes)) {
      if (!await this.#writing.run(() => this.#write(piece, left, check))) return;
      left -= piece.length;
    }
  }

  /** Whether the device took a piece. */
  async #write(piece: Uint8Array, left: number, check: () => void): Promise<boolean> {
    const { line, sink } = await this.#opened.promise;
    await this.#pace.ready(this.#stop?.signal);
    check();
    try {
      await sink.write(piece);
      this.#pace.sent(piece);
      return true;
    } catch (error) {
      // Giving it up ends the reading as well, which looks for it again.
      this.#broken = `${messageOf(error)}; ${left} bytes may not have arrived`;
      await closeQuietly(line);
      return false;
    }
  }

  #forgetOpen(): void {
    this.#opened = quiet(Promise.withResolvers());
  }

  async #run(stop: AbortSignal): Promise<void> {
    const { retryMs = 100 } = this.#options;
    let pauseMs = retryMs;
    for (let isFirst = true; !stop.aborted; isFirst = false) {
      const line = await this.#open(stop, isFirst);
      if (line) {
        const since = performance.now();
        const reason = await this.#read(line, stop);
        if (stop.aborted) return;
        // One that stayed for longer than it is ever waited for is worth an early look; one that comes and goes is not.
        if (performance.now() - since > longestPause * retryMs) pauseMs = retryMs;
        this.#options.onLost(reason);
      }
      await pause(pauseMs, stop).catch(() => {});
      pauseMs = Math.min(longestPause * retryMs, pauseMs * 2);
    }
  }

  async #open(stop: AbortSignal, tell: boolean): Promise<ConsoleLine | undefined> {
    const attempt = this.#attempt;
    try {
      const line = await this.#options.open(stop);
      if (!stop.aborted) return line;
      await closeQuietly(line);
    } catch (error) {
      if (stop.aborted) return undefined;
      this.#attempt = quiet(Promise.withResolvers());
      attempt.reject(awayError(error));
      if (tell) this.#options.onMissing(messageOf(error));
    }
    return undefined;
  }

  /** Reads until the device is gone or no longer wanted, and closes it. */
  async #read(line: ConsoleLine, stop: AbortSignal): Promise<string> {
    const close = () => void closeQuietly(line);
    stop.addEventListener("abort", close, { once: true });
    const opened = this.#opened;
    const turn = new Turn();
    this.#broken = undefined;
    try {
      const source = sourceOf(line.bytes);
      this.#options.onOpened();
      opened.resolve({ line, sink: sinkOf(line.bytes) });
      for (let bytes = await source.next(); bytes && !stop.aborted; bytes = await source.next()) {
        if (bytes.length > 0) this.#options.onBytes(bytes);
        const over = turn.over();
        if (over) await over;
      }
      return this.#broken ?? "it has ended";
    } catch (error) {
      return this.#broken ?? messageOf(error);
    } finally {
      if (this.#opened === opened) this.#forgetOpen();
      stop.removeEventListener("abort", close);
      await closeQuietly(line);
    }
  }
}

/** What callers are told: to them `not_found` means that an exporter does not know what they ask for. */
function awayError(error: unknown): unknown {
  if (!isJumpstarterError(error, "not_found")) return error;
  const { message, phase, hint } = error;
  return new JumpstarterError("unavailable", message, { phase, hint, cause: error });
}

/** A failure that nobody waits for is told elsewhere. */
function quiet<T>(waiting: PromiseWithResolvers<T>): PromiseWithResolvers<T> {
  waiting.promise.catch(() => {});
  return waiting;
}

/** A device that is gone may complain of being closed. */
async function closeQuietly(line: ConsoleLine): Promise<void> {
  try {
    await line[Symbol.asyncDispose]();
  } catch { /* there is nothing left to give back */ }
}
