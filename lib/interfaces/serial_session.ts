/**
 * A console on the client's side as one byte stream: what it says, from the past if wanted, and what is typed.
 *
 * @module
 */
import type { CommandIo } from "../contract/command.ts";
import {
  type ByteSink,
  type ByteSource,
  type ByteStream,
  byteStreamOf,
  sinkOf,
  sourceOf,
} from "../core/byte_stream.ts";
import { isJumpstarterError, JumpstarterError } from "../core/errors.ts";
import { unlessAborted, withLimit } from "../core/limit.ts";
import { Expect, type ExpectOptions } from "../streams/expect.ts";
import type { ConsoleRecord, ConsoleState, SerialCalls } from "./serial.ts";

/** How a console is opened. */
export interface ConsoleStreamOptions {
  /** Where it begins: `boot`, `0`, `5m`, or an offset. Left out, with what comes. */
  since?: string;
  /** Cancels it. */
  signal?: AbortSignal;
  /** Gets each piece of the history with its offset in the session, and returns what the stream gives of it. */
  onBytes?(bytes: Uint8Array, offset: number): Uint8Array;
  /** Gets the marks between the bytes. Without it a gap is an error. */
  onMark?(record: ConsoleRecord): unknown;
  /**
   * Told when somebody else takes the console over. A write that is refused fails, and the next one is tried anew; a
   * caller that goes on knows such a failure by {@linkcode isRefusal}.
   */
  onRefused?(error: JumpstarterError): void;
  /** Told when the exporter keeps no history, as Python's does not: the stream then begins with what comes. */
  onLiveOnly?(): void;
}

/** A console, and what was typed there. */
export interface ConsoleStream extends ByteStream {
  /**
   * Resolves when the device has taken what was written, as far as the exporter tells: Python's does not. Nothing may be
   * written meanwhile.
   */
  flush(): Promise<void>;
  /** Has the device not typed what it has not taken yet, as far as the exporter can: Python's cannot. */
  discard(): Promise<void>;
}

/** Opens a console. Nobody is a writer before the first byte. */
export async function consoleStream(calls: SerialCalls, options: ConsoleStreamOptions = {}): Promise<ConsoleStream> {
  const { since, signal } = options;
  const said = since === undefined ? await live(calls, signal) : await history(calls, since, options);
  if (!said) {
    if (since !== undefined) options.onLiveOnly?.();
    return Object.assign(await calls.connect({ signal }), { flush: nothing, discard: nothing });
  }
  const typing = new Typing(calls, options);
  const stream = byteStreamOf({
    next: () => said.source.next(),
    write: (bytes) => typing.write(bytes),
    end: () => typing.flush(),
    async close() {
      await Promise.all([said.close(), typing.close()]);
    },
  });
  return Object.assign(stream, { flush: () => typing.flush(), discard: () => typing.close() });
}

const nothing = () => Promise.resolve();

/** Settings of a session. */
export interface SessionOptions extends ExpectOptions {
  /** Where it begins: `boot`, `0`, `5m`. Left out, with what comes. */
  since?: string;
  /** Holds the console under this name: nobody else can type until the session is disposed. */
  claim?: string;
}

/**
 * Opens a conversation with a console.
 *
 * @throws {JumpstarterError} `failed_precondition` with the holder's name when somebody else holds the console.
 */
export async function openSession(calls: SerialCalls, options: SessionOptions): Promise<Expect> {
  const { since, claim, signal } = options;
  if (claim !== undefined) await calls.claim({ name: claim }, { signal });
  const release = async () => {
    // The claim is gone already when the connection is.
    if (claim !== undefined) await calls.release().catch(() => {});
  };
  try {
    const stream = await consoleStream(calls, { since, signal });
    const { [Symbol.asyncDispose]: dispose } = stream;
    return new Expect(Object.assign(stream, { [Symbol.asyncDispose]: () => dispose().finally(release) }), options);
  } catch (error) {
    await release();
    throw error;
  }
}

/** How things stand, or nothing where the exporter cannot tell, as Python's cannot. */
export async function stateOf(calls: SerialCalls, signal: AbortSignal): Promise<ConsoleState | undefined> {
  try {
    return await calls.state({ signal });
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

/** What whoever wants to type is told of a device that is not there. */
export function awayText(reason: string): string {
  return `The device is not there (${reason}); what is typed waits for it`;
}

/** Tells why typing may take long. Nobody waits for this. */
export function noteAbsence(calls: SerialCalls, io: Pick<CommandIo, "signal" | "note">): void {
  stateOf(calls, io.signal).then(
    (state) => state?.away !== undefined && io.note(awayText(state.away)),
    () => {}, // whatever is typed fails as well, and tells
  );
}

/** Whether an error means that somebody else holds the console, or has taken it over. */
export function isRefusal(error: unknown): error is JumpstarterError {
  return isJumpstarterError(error, "failed_precondition", "aborted");
}

/** Whether an error means that an exporter does not know a method: Python says not found, we say unimplemented. */
export function isMissing(error: unknown): boolean {
  return isJumpstarterError(error, "not_found", "unimplemented");
}

/**
 * Records of a console.
 *
 * @throws {JumpstarterError} `unimplemented` when the exporter keeps none, as Python's does not.
 */
export async function* recordsOf(
  calls: SerialCalls,
  which: { since: string; follow?: boolean },
  signal: AbortSignal,
): AsyncGenerator<ConsoleRecord> {
  try {
    yield* calls.records(which, { signal });
  } catch (error) {
    if (!isMissing(error)) throw error;
    throw new JumpstarterError("unimplemented", "This exporter keeps no history of its console", {
      phase: "driver",
      hint: "pipe prints what comes from now on",
      cause: error,
    });
  }
}

/** What a console says, and what gives it up. */
interface Said {
  readonly source: ByteSource;
  close(): Promise<unknown>;
}

async function live(calls: SerialCalls, signal?: AbortSignal): Promise<Said | undefined> {
  try {
    const stream = await calls.watch({ signal });
    return { source: sourceOf(stream), close: () => stream[Symbol.asyncDispose]() };
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

async function history(
  calls: SerialCalls,
  since: string,
  { signal, onMark, onBytes = (bytes) => bytes }: ConsoleStreamOptions,
): Promise<Said | undefined> {
  const end = new AbortController();
  const both = signal ? AbortSignal.any([signal, end.signal]) : end.signal;
  try {
    // A stream that has nothing to say yet does not tell whether it is there.
    for await (const _ of calls.records({ since: "now" }, { signal: both })) break;
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
  const records = calls.records({ since, follow: true }, { signal: both })[Symbol.asyncIterator]();
  const next = async () => {
    for (;;) {
      const { value, done } = await records.next();
      if (done) return undefined;
      if (value.data !== undefined) return onBytes(Uint8Array.fromBase64(value.data), value.offset);
      if (onMark) onMark(value);
      else if (value.mark === "gap") {
        throw new JumpstarterError("data_loss", `Some of the console is lost: ${value.text}`);
      }
    }
  };
  return {
    source: { next },
    close: () => Promise.resolve(end.abort(new JumpstarterError("canceled", "The console was closed"))),
  };
}

/** The way to the device, opened by the first byte, and again after somebody else has taken it. */
class Typing {
  readonly #calls: SerialCalls;
  readonly #options: ConsoleStreamOptions;
  #input?: Promise<Input>;

  constructor(calls: SerialCalls, options: ConsoleStreamOptions) {
    this.#calls = calls;
    this.#options = options;
  }

  async write(bytes: Uint8Array): Promise<void> {
    const opening = this.#input ??= this.#open();
    try {
      const input = await opening;
      if ("failure" in input) throw input.failure;
      await input.sink.write(bytes);
    } catch (error) {
      await this.#giveUp(opening);
      throw error;
    }
  }

  /** Resolves when the device has taken everything. */
  async flush(): Promise<void> {
    const opening = this.#input;
    if (!opening) return;
    const { sink, taken } = await opening;
    await sink.end();
    await taken;
    await this.#giveUp(opening);
  }

  async close(): Promise<void> {
    if (this.#input) await this.#giveUp(this.#input);
  }

  async #open(): Promise<Input> {
    const stream = await this.#calls.input({ signal: this.#options.signal });
    const input: Input = { stream, sink: sinkOf(stream), taken: sourceOf(stream).next() };
    input.taken.catch((error) => {
      input.failure = error;
      const { onRefused } = this.#options;
      if (!onRefused || !isRefusal(error)) return;
      onRefused(error);
      void this.close();
    });
    return input;
  }

  async #giveUp(opening: Promise<Input>): Promise<void> {
    if (this.#input === opening) this.#input = undefined;
    const input = await opening.catch(() => undefined);
    await input?.stream[Symbol.asyncDispose]().catch(() => {});
  }
}

interface Input {
  readonly stream: ByteStream;
  readonly sink: ByteSink;
  /** Settles when the device has taken everything, or with why it did not. */
  readonly taken: Promise<unknown>;
  /** Somebody else has taken the console over. */
  failure?: unknown;
}

/** How long a device that does not say what it took may take for the last bytes, in milliseconds: Python's does not. */
const settleMs = 500;

/** Types everything and resolves when the device has taken it. */
export async function typeAll(
  calls: SerialCalls,
  content: AsyncIterable<Uint8Array>,
  signal: AbortSignal,
): Promise<void> {
  let tells = true;
  await using stream = await calls.input({ signal }).catch((error) => {
    if (!isMissing(error)) throw error;
    tells = false;
    return calls.connect({ signal });
  });
  const [source, sink] = [sourceOf(stream), sinkOf(stream)];
  const ended = drain(source);
  const typing = (async () => {
    for await (const chunk of content) await sink.write(chunk);
    await sink.end();
  })();
  for (const work of [ended, typing]) work.catch(() => {});
  // What is typed may take its time to come: an interrupt or a refusal does not wait for it.
  await unlessAborted(Promise.race([typing, ended.then(() => typing)]), signal);
  if (tells) return await ended;
  await withLimit(ended, settleMs, "The end").catch((error) => {
    if (!isJumpstarterError(error, "deadline_exceeded")) throw error;
  });
}

async function drain(source: ByteSource): Promise<void> {
  while (await source.next()) { /* nobody wants it */ }
}
