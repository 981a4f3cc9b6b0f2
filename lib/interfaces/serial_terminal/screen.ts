/** What the user of a console sees: the device's bytes, and between them what this program has to say. @module */
import type { RawTerminal } from "../../contract/command.ts";
import { printableLine } from "../../core/printable.ts";
import type { ByteReader } from "../../streams/byte_reader.ts";

const encoder = new TextEncoder();
const newline = 10;

/** A raw terminal that is written to in order. */
export class Screen {
  readonly #terminal: Pick<RawTerminal, "write">;
  readonly #onGone: () => void;
  #last: Promise<void> = Promise.resolve();
  /** Where the cursor is: at the start of a line, in one of the device's, or behind a text of progress. */
  #cursor: "start" | "line" | "progress" = "start";

  /** `onGone` hears that the terminal takes nothing any more. */
  constructor(terminal: Pick<RawTerminal, "write">, onGone: () => void) {
    this.#terminal = terminal;
    this.#onGone = onGone;
  }

  /** Shows bytes of the device as they are. Resolves when the terminal has taken them. */
  show(bytes: Uint8Array): Promise<void> {
    if (bytes.length === 0) return this.#last;
    if (this.#cursor === "progress") void this.#say("\r\n");
    this.#cursor = bytes.at(-1) === newline ? "start" : "line";
    return this.#write(bytes);
  }

  /** Says something on a line of its own. */
  note(text: string): void {
    void this.#say(`${this.#newLine()}-- ${printableLine(text)}\r\n`);
  }

  /** Says how far something is; the next text takes its place. */
  progress(text: string): void {
    void this.#say(`${this.#cursor === "progress" ? "\r" : this.#newLine()}-- ${printableLine(text)}\x1b[K`);
    this.#cursor = "progress";
  }

  /** Asks for a line; `undefined` when it is given up by Ctrl-C or Escape. */
  async ask(question: string, keys: ByteReader): Promise<string | undefined> {
    void this.#say(`${this.#newLine()}-- ${question}: `);
    const line: number[] = [];
    try {
      for (;;) {
        const key = await keys.next();
        if (key === undefined || key === 0x03 || key === 0x1b) return undefined;
        if (key === 0x0d || key === 0x0a) return new TextDecoder().decode(Uint8Array.from(line)).trim();
        if (key === 0x7f || key === 0x08) {
          if (line.length === 0) continue;
          // The bytes behind the first of a character go with it.
          while (line.length > 1 && (line.at(-1)! & 0xc0) === 0x80) line.pop();
          line.pop();
          void this.#say("\b \b");
        } else if (key >= 0x20) {
          line.push(key);
          void this.#write(Uint8Array.of(key));
        }
      }
    } finally {
      void this.#say("\r\n");
    }
  }

  /** Leaves the cursor at the start of a line. Resolves when everything so far has been shown. */
  async leave(): Promise<void> {
    await this.#say(this.#newLine());
  }

  /** What it takes to get to the start of a line. */
  #newLine(): string {
    const isThere = this.#cursor === "start";
    this.#cursor = "start";
    return isThere ? "" : "\r\n";
  }

  #say(text: string): Promise<void> {
    return this.#write(encoder.encode(text));
  }

  #write(bytes: Uint8Array): Promise<void> {
    return this.#last = this.#last.then(() => this.#terminal.write(bytes)).catch(this.#onGone);
  }
}
