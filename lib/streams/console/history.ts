/**
 * The history of a console: a ring of its bytes, each with the time it came at, and marks between them.
 *
 * Bytes are counted from the session's start, so an offset means the same to every reader, whatever is still kept.
 *
 * @module
 */
import { type Storage, storageOf } from "./storage.ts";

/**
 * What may stand between bytes. `opened` and `closed`: so the line was. `lost`: it went. `power-on`: the board was switched on.
 * `writer`: somebody else types from here. `gap`: bytes that this reader missed because it was too slow.
 */
export const marks = ["opened", "closed", "lost", "gap", "power-on", "writer"] as const;
export type Mark = typeof marks[number];

/** A piece of history. `offset` counts bytes from the session's start, `timeMs` is Unix time. */
export type Entry =
  | { readonly offset: number; readonly timeMs: number; readonly bytes: Uint8Array }
  | { readonly offset: number; readonly timeMs: number; readonly mark: Mark; readonly text?: string };

/** A reader's place. Whoever holds it moves it by reading. */
export interface Place {
  offset: number;
  /** The first event that has not been passed, counted from the session's start. */
  event: number;
}

/** Where bytes get another time, or a mark stands. */
interface Event {
  readonly offset: number;
  readonly timeMs: number;
  readonly mark?: Mark;
  readonly text?: string;
}

/** Bytes within this many milliseconds share a time. */
const sameTimeMs = 10;

/** Longest piece that one read gives, in bytes. */
const pieceBytes = 64 * 1024;

/** How history is kept. */
export interface HistoryOptions {
  /** Bytes that are kept. */
  bytes: number;
  /** The wall clock in milliseconds. @default Date.now */
  now?: () => number;
}

/** The ring. */
export class History implements Disposable {
  readonly #size: number;
  readonly #storage: Storage;
  readonly #now: () => number;
  /** Events of what is kept; the first one tells the time of the first byte. */
  #events: Event[] = [];
  /** How many events have been forgotten. */
  #forgotten = 0;
  #start = 0;
  #end = 0;
  #boot: Place = { offset: 0, event: 0 };
  #changed?: PromiseWithResolvers<void>;

  constructor({ bytes, now = Date.now }: HistoryOptions) {
    this.#size = bytes;
    this.#storage = storageOf(bytes);
    this.#now = now;
  }

  /** The offset of the oldest byte that is kept. */
  get start(): number {
    return this.#start;
  }

  /** The offset of the next byte to come. */
  get end(): number {
    return this.#end;
  }

  /** Adds bytes. */
  append(bytes: Uint8Array): void {
    const timeMs = this.#now();
    const last = this.#events.at(-1);
    if (!last || Math.abs(timeMs - last.timeMs) >= sameTimeMs) this.#events.push({ offset: this.#end, timeMs });
    const kept = bytes.subarray(Math.max(0, bytes.length - this.#size));
    const at = (this.#end + bytes.length - kept.length) % this.#size;
    const first = kept.subarray(0, this.#size - at);
    this.#storage.write(at, first);
    if (first.length < kept.length) this.#storage.write(0, kept.subarray(first.length));
    this.#end += bytes.length;
    this.#start = Math.max(this.#start, this.#end - this.#size);
    this.#forget();
    this.wake();
  }

  /** Adds a mark. */
  mark(mark: Mark, text?: string): void {
    this.#events.push({ offset: this.#end, timeMs: this.#now(), mark, text });
    this.#forget();
    this.wake();
  }

  /** Where the board was last switched on, else the session's start. */
  get boot(): Place {
    return { ...this.#boot };
  }

  /** Says that the board was switched on. `at` is where history was when that began: it may have spoken since. */
  bootedAt(at: Place): void {
    this.#boot = { ...at };
    this.mark("power-on");
  }

  /** Where nothing has been said yet. */
  get now(): Place {
    return { offset: this.#end, event: this.#forgotten + this.#events.length };
  }

  /** The place of an offset; what is no longer kept is a gap to the reader. */
  at(offset: number): Place {
    return this.#placeOf((event) => event.offset >= offset, Math.min(offset, this.#end));
  }

  /** The oldest that is kept. */
  get oldest(): Place {
    return { offset: this.#start, event: this.#forgotten };
  }

  /** The place of what was said in the last `durationMs` milliseconds. */
  ago(durationMs: number): Place {
    const since = this.#now() - durationMs;
    return this.#placeOf((event) => event.timeMs >= since);
  }

  /** What stands at a place, which is moved behind it; `undefined` at the end. */
  read(place: Place): Entry | undefined {
    const gap = this.#gapAt(place);
    if (gap) return gap;
    for (;;) {
      const event: Event | undefined = this.#events[place.event - this.#forgotten];
      if (event && event.offset <= place.offset) {
        place.event++;
        if (event.mark) return { offset: event.offset, timeMs: event.timeMs, mark: event.mark, text: event.text };
        continue;
      }
      const until = Math.min(event?.offset ?? this.#end, place.offset + pieceBytes);
      if (until <= place.offset) return undefined;
      const entry = { offset: place.offset, timeMs: this.#timeBefore(place.event), bytes: this.#slice(place, until) };
      place.offset = until;
      return entry;
    }
  }

  /** The bytes at an offset, marks passed over; `undefined` at the end. */
  bytesAt(offset: number): Uint8Array | undefined {
    if (offset >= this.#end) return undefined;
    return this.#slice({ offset }, Math.min(this.#end, offset + pieceBytes));
  }

  /** Resolves when something is added, or when somebody wakes the readers. */
  changed(): Promise<void> {
    return (this.#changed ??= Promise.withResolvers()).promise;
  }

  /** Makes all readers look again. */
  wake(): void {
    this.#changed?.resolve();
    this.#changed = undefined;
  }

  [Symbol.dispose](): void {
    this.#storage[Symbol.dispose]();
  }

  /** What a reader that is behind has missed. */
  #gapAt(place: Place): Entry | undefined {
    place.event = Math.max(place.event, this.#forgotten);
    if (place.offset >= this.#start) return undefined;
    const { offset } = place;
    place.offset = this.#start;
    while ((this.#events[place.event - this.#forgotten]?.offset ?? Infinity) < this.#start) place.event++;
    const timeMs = this.#timeBefore(place.event);
    return { offset, timeMs, mark: "gap", text: `${this.#start - offset} bytes are no longer kept` };
  }

  #timeBefore(event: number): number {
    return this.#events[Math.max(0, event - 1 - this.#forgotten)].timeMs;
  }

  #slice({ offset }: { offset: number }, until: number): Uint8Array {
    const at = offset % this.#size;
    const length = until - offset;
    const first = this.#storage.read(at, Math.min(length, this.#size - at));
    if (first.length === length) return first;
    const whole = new Uint8Array(length);
    whole.set(first);
    whole.set(this.#storage.read(0, length - first.length), first.length);
    return whole;
  }

  #placeOf(isFirst: (event: Event) => boolean, offset?: number): Place {
    const found = this.#events.findIndex(isFirst);
    const index = found < 0 ? this.#events.length : found;
    return { offset: offset ?? this.#events[index]?.offset ?? this.#end, event: this.#forgotten + index };
  }

  /** Drops events of bytes that are gone, and the oldest bytes when there are too many events. */
  #forget(): void {
    const most = Math.max(1024, this.#size / 16);
    let count = 0;
    while (this.#events.length - count > 1) {
      const [first, second] = [this.#events[count], this.#events[count + 1]];
      const passed = second.offset <= this.#start && !(first.mark && first.offset >= this.#start);
      if (!passed && this.#events.length - count <= most) break;
      this.#start = Math.max(this.#start, second.offset);
      count++;
    }
    if (count === 0) return;
    this.#events.splice(0, count);
    this.#forgotten += count;
  }
}
