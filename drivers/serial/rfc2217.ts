/** A port of another machine, line settings and modem lines included (RFC 2217, telnet's COM-PORT option). @module */
import {
  type ByteSource,
  type ByteStream,
  byteStreamOf,
  byteStreamOfPipe,
  sourceOf,
} from "../../lib/core/byte_stream.ts";
import { JumpstarterError } from "../../lib/core/errors.ts";
import { hostPort } from "../../lib/core/host_port.ts";
import { pause, unlessAborted, withLimit } from "../../lib/core/limit.ts";
import { writeAll } from "../../lib/core/pipe.ts";
import { Queue } from "../../lib/core/queue.ts";
import type { ConsoleLine } from "../../lib/streams/console/line.ts";
import type { Port, PortSettings } from "./port.ts";
import { close, dial, parseAddress } from "./socket.ts";
import { COM_PORT, escaped, subnegotiation, Telnet } from "./telnet.ts";

/** Commands of the client; a server answers with the same number and 100. */
const SET_BAUDRATE = 1;
const SET_DATASIZE = 2;
const SET_PARITY = 3;
const SET_STOPSIZE = 4;
const SET_CONTROL = 5;
const FLOWCONTROL_SUSPEND = 8;
const FLOWCONTROL_RESUME = 9;
const SET_LINESTATE_MASK = 10;
const SET_MODEMSTATE_MASK = 11;
const PURGE_DATA = 12;
const ofServer = 100;

const noParity = 1;
const oneStopBit = 1;
const control = { noFlowControl: 1, breakOn: 5, breakOff: 6, dtrOn: 8, dtrOff: 9, rtsOn: 11, rtsOff: 12 } as const;
const purgeReceived = 1;

/** Answers to the server that may wait until it reads. */
const mostUnsentAnswers = 1_000;

/** The port at `rfc2217://HOST:PORT`, with pySerial's options `timeout` (seconds) and `ign_set_control`. */
export function rfc2217Port(url: string): Port {
  const { address, options } = parseAddress(url, "rfc2217", ["timeout", "ign_set_control"]);
  const answerMs = Number(options.get("timeout") ?? 3) * 1000;
  if (!(answerMs > 0)) {
    throw new JumpstarterError("invalid_argument", `Expected a number of seconds for timeout, got ${url}`);
  }
  const awaitsControl = !options.has("ign_set_control");
  return {
    async open(settings, signal) {
      const name = hostPort(address.hostname, address.port);
      const line = new RemoteLine(await dial(address, signal), { name, answerMs, awaitsControl });
      const stop = () => void line[Symbol.asyncDispose]();
      signal.addEventListener("abort", stop);
      try {
        await line.set(settings);
        return line;
      } catch (error) {
        stop();
        throw error;
      } finally {
        signal.removeEventListener("abort", stop);
      }
    },
  };
}

interface RemoteOptions {
  /** The server, for people. */
  readonly name: string;
  /** How long it may take to answer, in milliseconds. */
  readonly answerMs: number;
  /** Whether it answers when a modem line is set; some do not. */
  readonly awaitsControl: boolean;
}

class RemoteLine implements ConsoleLine {
  readonly bytes: ByteStream;
  readonly #connection: Deno.TcpConn;
  readonly #source: ByteSource;
  readonly #options: RemoteOptions;
  readonly #telnet: Telnet;
  readonly #closed = new AbortController();
  readonly #agreed = Promise.withResolvers<boolean>();
  /** Who waits for the answer to a command of ours. */
  readonly #answers = new Map<number, (content: Uint8Array) => void>();
  /** Commands and bytes go one after another, each whole. */
  readonly #sending = new Queue();
  #unsentAnswers = 0;
  /** Commands that are answered go one at a time. */
  readonly #asking = new Queue();
  /** A read that began while the port was being set. */
  #reading?: Promise<Uint8Array | undefined>;
  /** The server asked for a pause. */
  #suspended?: PromiseWithResolvers<void>;

  constructor(connection: Deno.TcpConn, options: RemoteOptions) {
    this.#connection = connection;
    this.#source = sourceOf(byteStreamOfPipe(connection));
    this.#options = options;
    this.#telnet = new Telnet({
      send: (bytes) => this.#answer(bytes),
      onAgreed: (option, yes) => void (option === COM_PORT && this.#agreed.resolve(yes)),
      onSub: (option, content) => void (option === COM_PORT && this.#heard(content[0], content.subarray(1))),
    });
    this.bytes = byteStreamOf({
      next: () => this.#next(),
      write: (bytes) => this.#write(bytes),
      end: () => Promise.resolve(),
      close: () => this[Symbol.asyncDispose](),
    });
  }

  /** Makes the port what it has to be. What it says until then is dropped. */
  async set({ baudRate, onDifference }: PortSettings): Promise<void> {
    this.#telnet.begin();
    let isSet = false;
    const setting = this.#negotiate(baudRate, onDifference).then(() => void (isSet = true));
    setting.catch(() => {});
    while (!isSet) {
      const reading = this.#reading ??= this.#read();
      const passOver = reading.then((bytes) => {
        this.#reading = undefined;
        if (!bytes) throw new JumpstarterError("unavailable", `The port's server at ${this.#options.name} hung up`);
      });
      passOver.catch(() => {});
      await Promise.race([passOver, setting]);
    }
  }

  async sendBreak(durationMs: number): Promise<void> {
    await this.#control(control.breakOn);
    try {
      await pause(durationMs, this.#closed.signal);
    } finally {
      if (!this.#closed.signal.aborted) await this.#control(control.breakOff);
    }
  }

  async setDtr(on: boolean): Promise<void> {
    await this.#control(on ? control.dtrOn : control.dtrOff);
  }

  async setRts(on: boolean): Promise<void> {
    await this.#control(on ? control.rtsOn : control.rtsOff);
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#closed.abort(new JumpstarterError("canceled", "The port was closed"));
    return close(this.#connection);
  }

  async #negotiate(baudRate: number, onDifference: (difference: string) => void): Promise<void> {
    const { name } = this.#options;
    if (!await this.#limited(this.#agreed.promise)) {
      throw new JumpstarterError("failed_precondition", `The port's server at ${name} does not speak RFC 2217`, {
        hint: "socket:// passes bytes without it",
      });
    }
    const baudBytes = [24, 16, 8, 0].map((bits) => baudRate >>> bits & 0xff);
    const wanted = [
      { what: "bits per second", command: SET_BAUDRATE, value: baudBytes },
      { what: "data bits", command: SET_DATASIZE, value: [8] },
      { what: "as parity (1 is none)", command: SET_PARITY, value: [noParity] },
      { what: "stop bits", command: SET_STOPSIZE, value: [oneStopBit] },
    ];
    for (const { what, command, value } of wanted) {
      const [got, asked] = [numberOf(await this.#ask(command, value)), numberOf(value)];
      if (got !== asked) onDifference(`${got} ${what}, not ${asked}`);
    }
    await this.#control(control.noFlowControl);
    await this.#control(control.dtrOn);
    await this.#control(control.rtsOn);
    for (const mask of [SET_LINESTATE_MASK, SET_MODEMSTATE_MASK]) await this.#send(subnegotiation(COM_PORT, [mask, 0]));
    await this.#ask(PURGE_DATA, [purgeReceived]);
  }

  async #control(value: number): Promise<void> {
    if (this.#options.awaitsControl) await this.#ask(SET_CONTROL, [value]);
    else await this.#send(subnegotiation(COM_PORT, [SET_CONTROL, value]));
  }

  /** Sends a command and resolves to what the server answers. */
  #ask(command: number, value: readonly number[]): Promise<Uint8Array> {
    return this.#asking.run(async () => {
      const answer = Promise.withResolvers<Uint8Array>();
      this.#answers.set(command + ofServer, answer.resolve);
      await this.#send(subnegotiation(COM_PORT, [command, ...value]));
      return await this.#limited(answer.promise);
    });
  }

  async #limited<T>(work: Promise<T>): Promise<T> {
    const { name, answerMs } = this.#options;
    const given = unlessAborted(work, this.#closed.signal);
    return await withLimit(given, answerMs, `The answer of the port's server at ${name}`);
  }

  #heard(command: number, content: Uint8Array): void {
    if (command === FLOWCONTROL_SUSPEND || command === FLOWCONTROL_SUSPEND + ofServer) {
      this.#suspended ??= Promise.withResolvers();
    } else if (command === FLOWCONTROL_RESUME || command === FLOWCONTROL_RESUME + ofServer) {
      this.#suspended?.resolve();
      this.#suspended = undefined;
    } else {
      this.#answers.get(command)?.(content);
      this.#answers.delete(command);
    }
  }

  #next(): Promise<Uint8Array | undefined> {
    const reading = this.#reading ?? this.#read();
    this.#reading = undefined;
    return reading;
  }

  /** The next bytes; a chunk of commands alone is empty. */
  async #read(): Promise<Uint8Array | undefined> {
    const chunk = await this.#source.next();
    return chunk && this.#telnet.receive(chunk);
  }

  async #write(bytes: Uint8Array): Promise<void> {
    const { signal } = this.#closed;
    while (this.#suspended && !signal.aborted) {
      await unlessAborted(this.#suspended.promise, signal).catch(() => {});
    }
    await this.#send(escaped(bytes));
  }

  /** Answers the server's negotiation. One that asks and asks and reads nothing is given up. */
  #answer(bytes: Uint8Array): void {
    if (this.#unsentAnswers >= mostUnsentAnswers) return void this[Symbol.asyncDispose]();
    this.#unsentAnswers++;
    // A failure is the reader's and the next writer's as well.
    this.#send(bytes).catch(() => {}).finally(() => this.#unsentAnswers--);
  }

  #send(bytes: Uint8Array): Promise<void> {
    return this.#sending.run(() => writeAll(this.#connection, bytes));
  }
}

/** A number as RFC 2217 writes it, the high byte first. */
function numberOf(bytes: Iterable<number>): number {
  return [...bytes].reduce((number, byte) => number * 256 + byte, 0);
}
