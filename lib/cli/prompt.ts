/** Questions to the user, on standard error; answers are lines of standard input, typed or piped. @module */
import { unlessAborted } from "../core/limit.ts";
import { noteLine, writeError } from "./output.ts";

/** How a question is asked. */
export interface QuestionOptions {
  /** The answer stays invisible while it is typed. */
  hidden?: boolean;
  /** What an empty answer means; without it the question is asked again. */
  fallback?: string;
}

/** Standard input as a source of answers. */
export class Questions {
  readonly #interrupted: AbortSignal;
  readonly #decoder = new TextDecoder();
  /** Characters that were read and belong to answers to come. */
  #waiting: string[] = [];
  #isOver = false;

  constructor(interrupted: AbortSignal) {
    this.#interrupted = interrupted;
  }

  /** Asks until there is an answer. At the end of the input nothing more is asked, and there is none but the fallback. */
  async ask(question: string, { hidden = false, fallback }: QuestionOptions = {}): Promise<string | undefined> {
    while (!this.#isOver) {
      const typed = hidden && Deno.stdin.isTerminal() ? await this.#hiddenLine(question) : await this.#line(question);
      const answer = typed?.trim() || fallback;
      if (answer !== undefined || typed === undefined) return answer;
    }
    return fallback;
  }

  /** Whether the answer begins with a y. */
  async confirm(question: string): Promise<boolean> {
    return /^y/i.test(await this.ask(`${question} [y/N]`, { fallback: "n" }) ?? "n");
  }

  async #line(question: string): Promise<string | undefined> {
    writeError(`${question}: `);
    let line = "";
    for (;;) {
      const letter = await this.#next();
      if (letter === undefined) {
        this.#isOver = true;
        noteLine("");
        return line || undefined;
      }
      if (letter === "\n") return line.replace(/\r$/, "");
      line += letter;
    }
  }

  /** The terminal does not echo meanwhile, and Ctrl-C still interrupts. What it did for a line is done here. */
  async #hiddenLine(question: string): Promise<string | undefined> {
    const line: string[] = [];
    Deno.stdin.setRaw(true, { cbreak: true });
    try {
      writeError(`${question}: `);
      for (;;) {
        const letter = await this.#next();
        if (letter === undefined || letter === "\x04") return line.length > 0 ? line.join("") : undefined;
        if (letter === "\r" || letter === "\n") return line.join("");
        if (letter === "\x7f" || letter === "\b") line.pop();
        else if (letter === "\x15") line.length = 0;
        else line.push(letter);
      }
    } finally {
      Deno.stdin.setRaw(false);
      noteLine("");
    }
  }

  async #next(): Promise<string | undefined> {
    while (this.#waiting.length === 0) {
      const buffer = new Uint8Array(1024);
      const read = await unlessAborted(Deno.stdin.read(buffer), this.#interrupted);
      if (read === null) return undefined;
      this.#waiting = [...this.#decoder.decode(buffer.subarray(0, read), { stream: true })];
    }
    return this.#waiting.shift();
  }
}
