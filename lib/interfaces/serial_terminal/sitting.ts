/** Somebody at a console: keys to the device, the device's words to the terminal, and the menu between them. @module */
import type { CommandIo, RawTerminal, Terminal } from "../../contract/command.ts";
import { type ByteSink, type ByteSource, sinkOf, sourceOf } from "../../core/byte_stream.ts";
import { isJumpstarterError, JumpstarterError } from "../../core/errors.ts";
import { unlessAborted, withLimit } from "../../core/limit.ts";
import { ByteReader } from "../../streams/byte_reader.ts";
import { PastQueries } from "../../streams/console/past_queries.ts";
import { EscapeKeys, nameOfControlKey } from "../../streams/escape_keys.ts";
import type { ConsoleRecord, ConsoleState, SerialCalls } from "../serial.ts";
import { markText } from "../serial_marks.ts";
import { openFiles, progressOf, type Protocol, sendFiles } from "../serial_send_file.ts";
import { type ConsoleStream, consoleStream, isMissing, isRefusal } from "../serial_session.ts";
import { Inbox } from "./inbox.ts";
import { act, type Seat } from "./menu.ts";
import { Screen } from "./screen.ts";

/** How somebody sits at a console. */
export interface SittingOptions {
  /** Looks on only. */
  readonly watches: boolean;
  /** The name under which the console is held. */
  readonly claim?: string;
  readonly since: string;
  readonly switchName?: string;
  /** The byte of the escape key. */
  readonly escape: number;
  /** How things stood before; nothing where the exporter cannot tell. */
  readonly state?: ConsoleState;
  /** What is said first. */
  readonly greeting: string;
}

/** Holds the terminal until the user leaves or the console ends. */
export async function sit(
  calls: SerialCalls,
  io: CommandIo,
  terminal: Terminal,
  options: SittingOptions,
): Promise<"left" | "ended"> {
  let sitting: Sitting | undefined;
  // A terminal would answer them, and its answers be typed at the device.
  const past = new PastQueries(options.state?.offset ?? 0);
  await using stream = await consoleStream(calls, {
    since: options.since,
    signal: io.signal,
    onBytes: (bytes, offset) => past.shown(bytes, offset),
    onMark: (record) => sitting?.marked(record),
    onRefused: (error) => sitting?.refused(error),
    onLiveOnly: () => io.note("This exporter keeps no history: the console begins with what comes now"),
  });
  const end = await (async () => {
    using raw = terminal.raw();
    sitting = new Sitting(calls, io, stream, raw, { ...options, user: terminal.user });
    return await sitting.hold(sourceOf(stream));
  })();
  // What was typed before leaving is meant to arrive.
  if (end === "left") await withLimit(sitting!.end(), lastKeysMs, "The end").catch(() => {});
  return end;
}

/** How long the device may take for the last keys, and the terminal for the last words, in milliseconds. */
const lastKeysMs = 500;
const lastWordsMs = 500;

/** Bytes that may wait for the device. Whoever pastes more waits, and the menu with him. */
const mostWaiting = 1024 * 1024;

const ctrlC = 0x03;

class Sitting implements Seat {
  readonly calls: SerialCalls;
  readonly io: CommandIo;
  readonly screen: Screen;
  readonly watches: boolean;
  readonly switchName?: string;
  readonly escape: string;
  readonly #options: SittingOptions & { readonly user: string };
  readonly #stream: ConsoleStream;
  readonly #sink: ByteSink;
  readonly #keys: ByteReader;
  readonly #end = Promise.withResolvers<"left">();
  #receive: (bytes: Uint8Array) => Promise<void>;
  /** What this one is called in marks. */
  #me?: string;
  #handedOver = false;
  /** What was said of keys that went nowhere; it is not said again for each of them. */
  #refusal?: string;
  #lost = false;
  #sending: Promise<void> = Promise.resolve();
  /** Ends the transfer of a file that is going on. */
  #transfer?: AbortController;
  #waiting = 0;

  constructor(
    calls: SerialCalls,
    io: CommandIo,
    stream: ConsoleStream,
    raw: RawTerminal,
    options: SittingOptions & { readonly user: string },
  ) {
    this.calls = calls;
    this.io = io;
    this.screen = new Screen(raw, () => this.detach());
    this.watches = options.watches;
    this.switchName = options.switchName;
    this.escape = nameOfControlKey(options.escape);
    this.#options = options;
    this.#stream = stream;
    this.#sink = sinkOf(stream);
    this.#keys = new ByteReader(raw);
    this.#receive = (bytes) => this.screen.show(bytes);
    this.#me = options.claim ?? options.state?.you;
  }

  async hold(source: ByteSource): Promise<"left" | "ended"> {
    const { signal } = this.io;
    this.screen.note(this.#options.greeting);
    try {
      return await unlessAborted(Promise.race([this.#end.promise, this.#listen(source), this.#type()]), signal);
    } finally {
      // A terminal that shows nothing any more keeps nobody.
      await withLimit(this.screen.leave(), lastWordsMs, "The terminal").catch(() => {});
    }
  }

  /** Nothing more is typed. Resolves when the device has taken everything that was. */
  async end(): Promise<void> {
    await this.#sending;
    await this.#sink.end();
  }

  /** Hears of a mark in the history. Those of the past say nothing about now. */
  marked(record: ConsoleRecord): void {
    const { mark, text, offset } = record;
    const isPast = offset < (this.#options.state?.offset ?? 0);
    if (mark === "writer" && text === this.#me) this.#refusal = undefined;
    const tells = {
      lost: true,
      gap: true,
      opened: this.#lost && !isPast,
      closed: !isPast,
      writer: text !== this.#me && !isPast,
      "power-on": !isPast,
    };
    if (tells[mark!]) this.screen.note(markText(record));
    if (mark === "lost" || mark === "opened") this.#lost = mark === "lost";
  }

  /** Hears that what was typed did not reach the device. */
  refused(error: JumpstarterError): void {
    if (this.#transfer) this.#transfer.abort(error);
    else this.#refuse(`${error.message}; what you type is not sent`);
  }

  /** Why nothing of this one's may reach the device now. */
  get silence(): string | undefined {
    if (this.watches) return "You look on";
    return this.#handedOver ? `You have handed over (${this.escape} t takes over)` : undefined;
  }

  ask(question: string): Promise<string | undefined> {
    return this.#aside(() => this.screen.ask(question, this.#keys));
  }

  typeEscape(): Promise<void> {
    return this.#send(Uint8Array.of(this.#options.escape));
  }

  async sendFile(path: string, protocol: Protocol): Promise<void> {
    using files = openFiles([path]);
    this.screen.note(`Sending ${files.size} bytes by ${protocol}; Ctrl-C cancels`);
    const cancel = this.#transfer = new AbortController();
    const done = new AbortController();
    const cancelling = this.#cancelKey(done.signal).then(
      () => cancel.abort(new JumpstarterError("canceled", "The transfer was cancelled")),
      () => {},
    );
    const signal = AbortSignal.any([this.io.signal, cancel.signal]);
    const send = async (source: ByteSource) => {
      const onProgress = progressOf(files, (text) => this.screen.progress(text));
      return await sendFiles({ source, sink: this.#sink }, files, protocol, { signal, onProgress });
    };
    try {
      await unlessAborted(this.#sending, signal);
      // What a receiver answers is not for people; what a device says to what is typed is.
      if (protocol === "raw") await send({ next: () => new Promise(() => {}) });
      else await this.#aside(async (heard) => await this.screen.show(await send(heard)));
      await unlessAborted(this.#stream.flush(), signal);
      this.screen.note("Sent");
    } catch (error) {
      // A receiver has been told; a device would go on with what is on its way.
      if (protocol === "raw") await this.#stream.discard();
      throw error;
    } finally {
      this.#transfer = undefined;
      done.abort();
      await cancelling;
    }
  }

  async handOver(): Promise<void> {
    this.#handedOver = true;
    this.#me = this.#options.state?.you;
    await this.calls.release({ signal: this.io.signal }).catch((error) => {
      // Where nothing is held, or by somebody else, there is nothing to give back.
      if (!isMissing(error) && !isJumpstarterError(error, "failed_precondition")) throw error;
    });
    this.screen.note(`Others may type, and you look on; ${this.escape} t takes over again`);
  }

  async takeOver(): Promise<void> {
    const { claim: name = this.#options.user } = this.#options;
    try {
      await this.calls.claim({ name }, { signal: this.io.signal });
      this.#me = name;
      this.screen.note(`You hold the console as ${name}`);
    } catch (error) {
      if (!isMissing(error)) throw error;
      this.screen.note("You type again; this exporter cannot keep others from it");
    }
    this.#handedOver = false;
    this.#refusal = undefined;
  }

  detach(): void {
    this.#end.resolve("left");
  }

  async #listen(source: ByteSource): Promise<"ended"> {
    for (let bytes = await source.next(); bytes; bytes = await source.next()) await this.#receive(bytes);
    return "ended";
  }

  async #type(): Promise<"left"> {
    const { escape } = this.#options;
    const escapes = new EscapeKeys(escape);
    for (;;) {
      const { typed, asked, rest } = escapes.split(await this.#keys.some());
      this.#keys.putBack(rest);
      if (typed.length > 0) await this.#send(typed);
      if (asked === "leave") return "left";
      if (asked === "menu") await act(await this.#keys.next(), escape, this);
    }
  }

  /** Puts bytes on their way. The device may take its time: meanwhile the menu works. */
  async #send(bytes: Uint8Array): Promise<void> {
    if (this.silence) return this.#refuse(`${this.silence}: what you type is not sent`);
    this.#waiting += bytes.length;
    const sending = this.#sending = this.#sending.then(() => this.#sink.write(bytes)).catch((error) => {
      if (!isRefusal(error)) throw error;
      this.refused(error);
    });
    sending.then(() => this.#waiting -= bytes.length, (error) => this.#end.reject(error));
    if (this.#waiting > mostWaiting) await sending;
  }

  #refuse(why: string): void {
    if (why !== this.#refusal) this.screen.note(why);
    this.#refusal = why;
  }

  /** What the device says goes to `work` meanwhile; what is left of it is shown afterwards. */
  async #aside<T>(work: (heard: ByteSource) => Promise<T>): Promise<T> {
    const receive = this.#receive;
    const inbox = new Inbox();
    this.#receive = (bytes) => inbox.put(bytes);
    try {
      return await work(inbox);
    } finally {
      this.#receive = receive;
      const left = inbox.close();
      if (left) void receive(left);
    }
  }

  /** Resolves when a transfer is to be cancelled. */
  async #cancelKey(signal: AbortSignal): Promise<void> {
    for (;;) {
      const key = await this.#keys.next(Infinity, signal);
      if (key === ctrlC || key === this.#options.escape) return;
    }
  }
}
