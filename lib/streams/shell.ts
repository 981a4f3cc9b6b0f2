/** A shell at the other end of a conversation. @module */
import type { Expect } from "./expect.ts";

/** How a shell is talked to. */
export interface ShellOptions {
  /** What the shell shows when it waits for a command: `/# $/`. */
  prompt: string | RegExp;
  /** Limit of one command, in milliseconds. @default 30000 */
  timeoutMs?: number;
  /** Typed characters per second. Left out, as fast as they go. */
  charsPerSecond?: number;
}

/** What became of a command. */
export interface ShellResult {
  /** What it said, with `\n` at the ends of its lines and none at its very end. */
  readonly stdout: string;
  readonly exitCode: number;
}

/** A POSIX shell, busybox' included. */
export class Shell {
  readonly #talk: Expect;
  readonly #options: ShellOptions;

  constructor(talk: Expect, options: ShellOptions) {
    this.#talk = talk;
    this.#options = options;
  }

  /**
   * Runs a command line and waits for the prompt behind it.
   *
   * @throws {JumpstarterError} `deadline_exceeded` when it does not end in time.
   */
  async run(
    command: string,
    { timeoutMs = this.#options.timeoutMs }: { timeoutMs?: number } = {},
  ): Promise<ShellResult> {
    const { prompt, charsPerSecond } = this.#options;
    const mark = crypto.randomUUID().slice(0, 8);
    // The shell echoes what is typed, so the marks are typed in two parts and said in one.
    await this.#talk.sendLine(`echo "${mark}""-begin"; ${command}; echo "${mark}""-end:$?:"`, { charsPerSecond });
    await this.#talk.expect(new RegExp(`${mark}-begin\\r*\\n`), { timeoutMs });
    const { before, groups: [code] } = await this.#talk.expect(new RegExp(`${mark}-end:(\\d+):\\r*\\n`), { timeoutMs });
    await this.#talk.expect(prompt, { timeoutMs });
    return { stdout: withoutReturns(before), exitCode: Number(code) };
  }
}

/** Text of a terminal as a program would have written it. */
export function withoutReturns(text: string): string {
  return text.replace(/\r+\n/g, "\n").replace(/\n$/, "");
}
