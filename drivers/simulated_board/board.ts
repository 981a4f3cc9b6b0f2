/**
 * The simulated board: one state behind a power switch, a console and two network services.
 *
 * @module
 */
import { type ByteStream, makeByteStream } from "../../lib/core/byte_stream.ts";
import { JumpstarterError } from "../../lib/core/errors.ts";
import type { ConsoleLine } from "../../lib/streams/console/line.ts";
import type { Clock } from "./clock.ts";
import { banner, Interpreter, kernel, prompts, type Stage } from "./console.ts";
import { respond } from "./web.ts";

const encoder = new TextEncoder();

/** Has power or not, and boots when it has. */
export class Board {
  readonly #clock: Clock;
  readonly #interpreter = new Interpreter();
  /** Aborts when the power goes; the board is on while there is one. */
  #power?: AbortController;
  #stage: Stage = "booting";
  #line = "";
  #interrupted?: () => void;
  #hearer?: ReadableStreamDefaultController<Uint8Array>;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Switches the board on. One that is on already keeps running. */
  on(): void {
    if (this.#power) return;
    this.#power = new AbortController();
    void this.#run(this.#power.signal);
  }

  /** Cuts the power: the console falls silent and network connections break. */
  off(): void {
    this.#power?.abort(new JumpstarterError("unavailable", "The board has lost its power"));
    this.#power = undefined;
    this.#stage = "booting";
    this.#line = "";
  }

  /** What the board draws now. */
  measure(): { voltage: number; current: number } {
    if (!this.#power) return { voltage: 0, current: 0 };
    return { voltage: 5, current: this.#stage === "shell" ? 0.5 : 0.25 };
  }

  /** Opens the line of the console. There is one, and it has power as long as this program. */
  line(): Promise<ConsoleLine> {
    const readable = new ReadableStream<Uint8Array>({ start: (controller) => void (this.#hearer = controller) });
    const decoder = new TextDecoder();
    const writable = new WritableStream<Uint8Array>({
      write: (chunk) => this.#type(decoder.decode(chunk, { stream: true })),
    });
    const bytes = makeByteStream(readable, writable, () => {
      this.#hearer?.close();
      this.#hearer = undefined;
    });
    return Promise.resolve({ bytes, [Symbol.asyncDispose]: () => bytes[Symbol.asyncDispose]() });
  }

  /**
   * Connects to a service of the board.
   *
   * @throws {JumpstarterError} `unavailable` while the board is off.
   */
  connect(service: "echo" | "web"): ByteStream {
    if (!this.#power) throw new JumpstarterError("unavailable", "The board is off: it answers on no port");
    const gate = new AbortController();
    const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>(
      service === "web" ? respond() : undefined,
    );
    const output = readable.pipeThrough(new TransformStream<Uint8Array, Uint8Array>(), {
      signal: AbortSignal.any([this.#power.signal, gate.signal]),
    });
    return makeByteStream(
      output,
      writable,
      () => gate.abort(new JumpstarterError("canceled", "The connection was closed")),
    );
  }

  /** From power-on to the login, or to the loader's prompt when a key is hit in time. */
  async #run(power: AbortSignal): Promise<void> {
    try {
      this.#stage = "booting";
      await this.#clock.pause(50, power);
      this.#say(banner);
      if (await this.#countDown(power)) return this.#enter("loader");
      await this.#boot(power);
    } catch {
      // The power went; what was said until then stays said.
    }
  }

  async #countDown(power: AbortSignal): Promise<boolean> {
    let hit = false;
    const interrupted = new Promise<void>((resolve) => {
      this.#interrupted = () => {
        hit = true;
        resolve();
      };
    });
    this.#say("Hit any key to stop autoboot:  1");
    await Promise.race([this.#clock.pause(1_000, power), interrupted]);
    this.#interrupted = undefined;
    this.#say("\b 0\r\n");
    return hit;
  }

  async #boot(power: AbortSignal): Promise<void> {
    for (const text of kernel) {
      await this.#clock.pause(50, power);
      this.#say(text);
    }
    this.#enter("login");
  }

  #enter(stage: Stage): void {
    this.#stage = stage;
    this.#line = "";
    this.#say(prompts[stage]);
  }

  #type(text: string): void {
    const power = this.#power?.signal;
    if (!power) return; // Nobody is there to hear it.
    let echo = "";
    for (const character of text) {
      if (this.#interrupted) return this.#interrupted();
      if (this.#stage === "booting") continue;
      if (character === "\n" || character === "\r") {
        this.#say(echo);
        echo = "";
        this.#enterLine(power);
      } else if (character === "\b" || character === "\x7f") {
        if (this.#line !== "") echo += "\b \b";
        this.#line = this.#line.slice(0, -1);
      } else {
        this.#line = (this.#line + character).slice(0, 1024);
        echo += character;
      }
    }
    this.#say(echo);
  }

  #enterLine(power: AbortSignal): void {
    const { text, stage, then } = this.#interpreter.answer(this.#stage, this.#line.trim());
    this.#line = "";
    this.#stage = stage;
    this.#say(`\r\n${text}`);
    if (then === "boot") this.#boot(power).catch(() => {});
    else if (then === "reset") void this.#run(power);
    else if (!then) this.#say(prompts[stage]);
  }

  #say(text: string): void {
    if (text === "") return;
    this.#hearer?.enqueue(encoder.encode(text));
  }
}
