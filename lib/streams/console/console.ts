/**
 * The console: one reader of the line for as long as the session lasts, a history of what it read, any number of
 * viewers with their own places in it, and one writer at a time.
 *
 * @module
 */
import { type ByteStream, byteStreamOf } from "../../core/byte_stream.ts";
import { JumpstarterError, messageOf } from "../../core/errors.ts";
import { type Entry, History, type Place } from "./history.ts";
import { type ConsoleLine, KeptLine } from "./line.ts";
import { Recording, type RecordingOptions } from "./recording.ts";

/** Whoever calls. A claim ends with its caller's connection. */
export interface Caller {
  readonly signal: AbortSignal;
  /** For people: `127.0.0.1:41022`. */
  readonly peer: string;
}

/** What a console is made of. */
export interface ConsoleOptions {
  /** Opens the device. */
  open(signal: AbortSignal): Promise<ConsoleLine>;
  /** What the device takes at most. @default Infinity */
  charsPerSecond?: number;
  /** `session` keeps the device open from the start, `demand` while somebody uses it. */
  when: "session" | "demand";
  /** Hears what people should know, as constant text with fields. */
  onNote?(text: string, fields: Record<string, unknown>): void;
  /** Bytes of history; more than 4 MiB are kept in a file. @default 1048576 */
  historyBytes?: number;
  /** A file that outlives the session. */
  record?: RecordingOptions;
  /** First pause before a device that went is looked for again, in milliseconds. @default 100 */
  retryMs?: number;
  /** The wall clock in milliseconds. @default Date.now */
  now?: () => number;
}

/** One console. Disposing closes the device and forgets the history. */
export class Console implements AsyncDisposable {
  readonly history: History;
  readonly #line: KeptLine;
  readonly #when: ConsoleOptions["when"];
  readonly #recording?: Recording;
  readonly #seats = new Set<Seat>();
  #writer?: Seat;
  #isOpen = false;
  /** Why the device that is wanted is not there. */
  #away?: string;
  /** Why the last of what was said is not in the file; told once until it is again. */
  #unrecorded?: string;
  #claim?: { readonly name: string; readonly caller: Caller };

  constructor(options: ConsoleOptions) {
    const { open, charsPerSecond, when, historyBytes = 1024 * 1024, record, retryMs, now, onNote = () => {} } = options;
    this.#when = when;
    const history = this.history = new History({ bytes: historyBytes, now });
    const recording = this.#recording = record && new Recording(record);
    const lost = (note: string, reason: string) => {
      this.#isOpen = false;
      this.#away = reason;
      history.mark("lost", reason);
      onNote(note, { reason });
    };
    this.#line = new KeptLine({
      open,
      charsPerSecond,
      retryMs,
      onOpened: () => {
        this.#away = undefined;
        this.#isOpen = true;
        history.mark("opened");
      },
      onBytes: (bytes) => {
        history.append(bytes);
        try {
          recording?.append(bytes);
          this.#unrecorded = undefined;
        } catch (thrown) {
          const error = messageOf(thrown);
          if (error !== this.#unrecorded) onNote("console not recorded", { error });
          this.#unrecorded = error;
        }
      },
      onLost: (reason) => lost("console lost", reason),
      onMissing: (reason) => lost("console not available", reason),
    });
    if (when === "session") this.#line.keep();
  }

  /**
   * Resolves when whoever has just come can be served. Who opens the device on demand waits for it; from the session's
   * start on it is kept, and one that is not there comes some time.
   *
   * @throws why the device cannot be opened.
   */
  async ready(): Promise<void> {
    if (this.#when === "demand") await this.#line.reached();
  }

  /** Resolves when the device is open; rejects when the console is closed before. */
  async opened(): Promise<void> {
    await this.#line.opened();
  }

  /**
   * What is said from now on, and what is typed. The first byte written makes the caller the writer. A reader that falls
   * behind the history is ended with `data_loss`, since bytes cannot say that others are missing.
   */
  connect(caller: Caller): ByteStream {
    const seat = this.#sit(caller);
    return byteStreamOf({
      next: this.#reader(seat),
      write: (bytes) => this.#write(seat, bytes),
      end: () => Promise.resolve(),
      close: () => this.#leave(seat),
    });
  }

  /** What is said from now on. Nothing can be written. */
  watch(caller: Caller): ByteStream {
    const seat = this.#sit(caller);
    return byteStreamOf({
      next: this.#reader(seat),
      write: () => Promise.reject(new JumpstarterError("failed_precondition", "Who watches cannot write")),
      end: () => Promise.resolve(),
      close: () => this.#leave(seat),
    });
  }

  /**
   * What is typed, and nothing else. Its reading direction ends once the device has taken everything, or with the reason
   * why it did not. Whoever goes before that, by the signal, has given up what is not typed yet.
   *
   * @throws {JumpstarterError} `failed_precondition` while somebody else holds the console.
   */
  input(caller: Caller, signal: AbortSignal): ByteStream {
    const other = this.#claimOfAnother(caller);
    if (other) throw held(other.name);
    const seat = this.#sit(caller);
    const taken = Promise.withResolvers<undefined>();
    taken.promise.catch(() => {});
    const settle = () => seat.failure ? taken.reject(seat.failure) : taken.resolve(undefined);
    seat.onGone = settle;
    signal.addEventListener("abort", () => this.#leave(seat), { once: true });
    return byteStreamOf({
      next: () => taken.promise,
      write: (bytes) => this.#write(seat, bytes),
      end: () => Promise.resolve(settle()),
      close: () => this.#leave(seat),
    });
  }

  /** History from a place on, with its marks; with `follow` also what comes. A reader that is too slow is told its gap. */
  async *records(from: Place, caller: Caller, { follow, signal }: { follow: boolean; signal: AbortSignal }) {
    const place = { ...from };
    const seat = follow ? this.#sit(caller) : undefined;
    const wake = () => this.history.wake();
    signal.addEventListener("abort", wake);
    try {
      if (seat) await this.ready();
      while (!signal.aborted) {
        const entry: Entry | undefined = this.history.read(place);
        if (entry) yield entry;
        else if (!seat || seat.gone) return;
        else await this.history.changed();
      }
    } finally {
      signal.removeEventListener("abort", wake);
      if (seat) this.#leave(seat);
    }
  }

  /**
   * Holds the console for one caller's connection: nobody else can write until it is released or the connection ends.
   *
   * @throws {JumpstarterError} `failed_precondition` while somebody else holds it.
   */
  claim(name: string, caller: Caller): void {
    const other = this.#claimOfAnother(caller);
    if (other) throw held(other.name);
    caller.signal.throwIfAborted();
    this.#unclaim();
    this.#claim = { name, caller };
    caller.signal.addEventListener("abort", this.#unclaim, { once: true });
    if (this.#writer && this.#writer.caller !== caller) {
      this.#throwOut(this.#writer, new JumpstarterError("aborted", `The console was taken over by ${name}`));
    }
  }

  /** Gives a claim of the caller's back. */
  release(caller: Caller): void {
    const other = this.#claimOfAnother(caller);
    if (other) throw held(other.name);
    this.#unclaim();
  }

  readonly #unclaim = () => {
    this.#claim?.caller.signal.removeEventListener("abort", this.#unclaim);
    this.#claim = undefined;
  };

  /** How things stand, as a caller sees it. */
  state(caller: Caller): ConsoleState {
    const callers = new Set([...this.#seats].map((seat) => seat.caller));
    callers.delete(caller);
    return {
      offset: this.history.end,
      you: caller.peer,
      writer: this.#writer?.caller.peer,
      holder: this.#claim?.name,
      others: callers.size,
      away: this.#away,
    };
  }

  /**
   * Does something with the open device, which is opened for it where nobody else has it open.
   *
   * @throws why it cannot be opened now.
   */
  async withLine<T>(caller: Caller, work: (line: ConsoleLine) => T | Promise<T>): Promise<T> {
    const other = this.#claimOfAnother(caller);
    if (other) throw held(other.name);
    const seat = this.#sit(caller);
    try {
      return await work(await this.#line.reached());
    } finally {
      this.#leave(seat);
    }
  }

  /** Ends every stream and frees the device until somebody uses the console again. */
  async close(): Promise<void> {
    this.#unclaim();
    const released = this.#release();
    for (const seat of this.#seats) this.#throwOut(seat);
    await released;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
    this.history[Symbol.dispose]();
    this.#recording?.[Symbol.dispose]();
  }

  #sit(caller: Caller): Seat {
    const seat: Seat = { caller, gone: false, onGone: () => this.history.wake() };
    this.#seats.add(seat);
    this.#line.keep();
    return seat;
  }

  #leave(seat: Seat): void {
    if (!seat.gone) this.#throwOut(seat);
    if (this.#seats.size === 0 && this.#when === "demand") void this.#release();
  }

  async #release(): Promise<void> {
    if (this.#isOpen) this.history.mark("closed");
    this.#isOpen = false;
    this.#away = undefined;
    await this.#line.release();
  }

  #throwOut(seat: Seat, failure?: JumpstarterError): void {
    this.#seats.delete(seat);
    if (this.#writer === seat) this.#writer = undefined;
    seat.gone = true;
    seat.failure = failure;
    seat.onGone();
  }

  #reader(seat: Seat): () => Promise<Uint8Array | undefined> {
    let offset = this.history.end;
    return async () => {
      for (;;) {
        if (seat.failure) throw seat.failure;
        const { start } = this.history;
        if (offset < start) throw fellBehind(start - offset);
        const bytes = this.history.bytesAt(offset);
        if (bytes) {
          offset += bytes.length;
          return bytes;
        }
        if (seat.gone) return undefined;
        await this.history.changed();
      }
    };
  }

  async #write(seat: Seat, bytes: Uint8Array): Promise<void> {
    if (bytes.length === 0) return;
    this.#refuse(seat);
    // Whoever types in the middle is the writer from then on, though the rest of this follows.
    let begun = false;
    await this.#line.write(bytes, () => {
      this.#refuse(seat);
      const isFirst = !begun;
      begun = true;
      if (!isFirst || this.#writer === seat) return;
      this.#writer = seat;
      this.history.mark("writer", this.#claim?.name ?? seat.caller.peer);
    });
  }

  /** Throws what keeps a seat from writing. One that meets a claim is told in both of its directions. */
  #refuse(seat: Seat): void {
    const other = this.#claimOfAnother(seat.caller);
    if (other && !seat.gone) this.#throwOut(seat, held(other.name));
    if (seat.gone) throw seat.failure ?? new JumpstarterError("canceled", "The console was closed");
  }

  #claimOfAnother(caller: Caller): { readonly name: string } | undefined {
    return this.#claim && this.#claim.caller !== caller ? this.#claim : undefined;
  }
}

/** How things stand with a console. */
export interface ConsoleState {
  /** The offset of the next byte to come. */
  readonly offset: number;
  /** What the caller is called in marks, while it holds nothing. */
  readonly you: string;
  /** Who typed last and is still there. */
  readonly writer?: string;
  /** The name of the claim, where there is one. */
  readonly holder?: string;
  /** Callers that use it, this one aside. */
  readonly others: number;
  /** Why the device that is wanted is not there. */
  readonly away?: string;
}

/** Somebody who reads, writes, or both. */
interface Seat {
  readonly caller: Caller;
  /** It left, or was thrown out. */
  gone: boolean;
  /** Why it was thrown out. */
  failure?: JumpstarterError;
  onGone(): void;
}

function held(name: string): JumpstarterError {
  return new JumpstarterError("failed_precondition", `The console is held by ${name}`);
}

function fellBehind(bytes: number): JumpstarterError {
  return new JumpstarterError("data_loss", `The reader fell behind: ${bytes} bytes are no longer kept`, {
    hint: "A reader of records is told what it missed and goes on; a longer history helps as well",
  });
}
