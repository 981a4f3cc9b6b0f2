/**
 * Log records and who gets them. A session has one {@linkcode LogHub}: loggers put records in, every subscriber gets
 * all of them, and a subscriber that comes late gets the recent past first.
 *
 * @module
 */
import { isJumpstarterError, messageOf } from "./errors.ts";

/** How much a record matters; `error` means that someone must act. */
export type LogLevel = "debug" | "info" | "warn" | "error";

/** What spoke: a driver, a hook at a lease's boundary, or the program itself. */
export type LogSource = "driver" | "before_lease_hook" | "after_lease_hook" | "system";

/** One thing that happened. */
export interface LogRecord {
  readonly time: Date;
  readonly level: LogLevel;
  /** A constant phrase; what varies is in `fields`. */
  readonly message: string;
  readonly source: LogSource;
  /** Who spoke, dotted: `driver.power`. */
  readonly logger: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

/** Fields of a record, with units in their names. An error's stack stays on this machine. */
export type LogFields = Record<string, unknown>;

/** Where code reports what happened. It already knows its place. */
export interface Logger {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
}

const severity: Record<LogLevel, number> = { debug: 0, info: 1, warn: 2, error: 3 };

/** Records kept for subscribers that come late, and queued for one that is slow; the oldest are dropped first. */
const keptRecords = 256;

/** Whether a record of `level` is to be kept where `lowest` is the least that matters. */
export function matters(level: LogLevel, lowest: LogLevel): boolean {
  return severity[level] >= severity[lowest];
}

/** One session's log. */
export class LogHub {
  /** Records below it are dropped, unless a logger has a level of its own. */
  readonly level: LogLevel;
  #past: LogRecord[] = [];
  #subscribers = new Set<Subscription>();

  constructor({ level = "info" }: { level?: LogLevel } = {}) {
    this.level = level;
  }

  /** A logger that labels its records. Records below `level`, the hub's when left out, are dropped. */
  logger(logger: string, source: LogSource, options: { level?: LogLevel; fields?: LogFields } = {}): Logger {
    const { level: lowest = this.level, fields: common } = options;
    const at = (level: LogLevel) => (message: string, fields: LogFields = {}) => {
      if (!matters(level, lowest)) return;
      this.add({ time: new Date(), level, message, source, logger, fields: { ...common, ...fields } });
    };
    return { debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") };
  }

  /** Gives a record to every subscriber. */
  add(record: LogRecord): void {
    this.#past.push(record);
    if (this.#past.length > keptRecords) this.#past.shift();
    for (const subscriber of this.#subscribers) subscriber.add(record);
  }

  /**
   * Every record from now on, after those still kept. Ends when `signal` aborts. A reader slower than the log loses the
   * oldest records and gets one `log records dropped` record in their place.
   */
  async *subscribe(signal: AbortSignal): AsyncGenerator<LogRecord, void, undefined> {
    const subscription = new Subscription(this.#past, signal);
    this.#subscribers.add(subscription);
    try {
      for (let record = await subscription.next(); record; record = await subscription.next()) yield record;
    } finally {
      this.#subscribers.delete(subscription);
    }
  }

  /** How many read the log now. */
  get subscribers(): number {
    return this.#subscribers.size;
  }
}

class Subscription {
  #records: LogRecord[];
  #dropped = 0;
  #signal: AbortSignal;
  #wake?: () => void;

  constructor(past: readonly LogRecord[], signal: AbortSignal) {
    this.#records = [...past];
    this.#signal = signal;
    signal.addEventListener("abort", () => this.#wake?.(), { once: true });
  }

  add(record: LogRecord): void {
    this.#records.push(record);
    if (this.#records.length > keptRecords) {
      this.#records.shift();
      this.#dropped++;
    }
    this.#wake?.();
  }

  async next(): Promise<LogRecord | undefined> {
    while (this.#records.length === 0) {
      if (this.#signal.aborted) return undefined;
      await new Promise<void>((resolve) => this.#wake = resolve);
    }
    if (this.#signal.aborted) return undefined;
    if (this.#dropped > 0) {
      const fields = { dropped: this.#dropped };
      this.#dropped = 0;
      const time = this.#records[0].time;
      return { time, level: "warn", message: "log records dropped", source: "system", logger: "log", fields };
    }
    return this.#records.shift();
  }
}

/**
 * Text for a record: `12:03:11.482 WARN  driver.power  outlet switched outlet=3 state=on`. The stack of an error among
 * the fields follows on lines of its own, unless the error was foreseen.
 */
export function renderText(record: LogRecord): string {
  const time = record.time.toISOString().slice(11, 23);
  const fields = Object.entries(record.fields).map(([key, value]) => ` ${key}=${renderField(value)}`).join("");
  const stack = unforeseen(record)?.stack;
  return `${time} ${record.level.toUpperCase().padEnd(5)} ${record.logger}  ${record.message}${fields}` +
    (stack ? `\n${stack}` : "");
}

/** One JSON object for a record, with the keys `ts`, `level`, `logger`, `source`, `msg` and the record's own fields. */
export function renderJson(record: LogRecord): string {
  const { time, level, logger, message, source } = record;
  const fields = Object.fromEntries(Object.entries(record.fields).map(([key, value]) => [key, plainField(value)]));
  const stack = unforeseen(record)?.stack;
  return JSON.stringify({ ...fields, ts: time.toISOString(), level, logger, source, msg: message, stack });
}

/** A field's value without what must stay on this machine: of an error, the text only. It can be written as JSON. */
export function plainField(value: unknown): unknown {
  if (value instanceof Error) return messageOf(value);
  if (typeof value !== "object" && typeof value !== "bigint") return value;
  try {
    JSON.stringify(value);
    return value;
  } catch { // It contains itself, or a bigint.
    return String(value);
  }
}

function unforeseen({ fields }: LogRecord): Error | undefined {
  return Object.values(fields).find((value): value is Error => value instanceof Error && !isJumpstarterError(value));
}

/** A field as text: what is not text already is JSON. */
export function fieldText(field: unknown): string {
  const value = plainField(field);
  return typeof value === "string" ? value : JSON.stringify(value) ?? String(value);
}

function renderField(field: unknown): string {
  const text = fieldText(field);
  return /^[^\s"=]+$/.test(text) ? text : JSON.stringify(text);
}
