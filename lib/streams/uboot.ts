/** U-Boot, or a loader that behaves like it, at the other end of a conversation. @module */
import { JumpstarterError } from "../core/errors.ts";
import type { Expect } from "./expect.ts";
import { type ShellResult, withoutReturns } from "./shell.ts";

/** How a loader is talked to. */
export interface UBootOptions {
  /** What it shows when it waits for a command. @default "=> " */
  prompt?: string;
  /** What it says while a key stops it. @default /Hit any key to stop autoboot/ */
  countdown?: string | RegExp;
  /** The key that stops it. @default " " */
  key?: string;
  /** Limit of one command, in milliseconds. @default 30000 */
  timeoutMs?: number;
  /** Typed characters per second. Left out, as fast as they go. */
  charsPerSecond?: number;
}

/** The loader. */
export class UBoot {
  readonly #talk: Expect;
  readonly #options: Required<Omit<UBootOptions, "charsPerSecond">> & UBootOptions;
  /** The prompt at the beginning of a line: commands such as crc32 say it in the middle of one. */
  readonly #prompt: RegExp;

  constructor(talk: Expect, options: UBootOptions) {
    this.#talk = talk;
    const usual = { prompt: "=> ", countdown: /Hit any key to stop autoboot/, key: " ", timeoutMs: 30_000 };
    this.#options = { ...usual, ...options };
    this.#prompt = new RegExp(`(?:^|\\r*\\n)${this.#options.prompt.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&")}`);
  }

  /**
   * Waits for the countdown, or for a prompt that is there already, and stops at the prompt. The board has to be switched
   * on before or meanwhile.
   *
   * @throws {JumpstarterError} `deadline_exceeded` when neither comes in time.
   */
  async enter({ timeoutMs = this.#options.timeoutMs }: { timeoutMs?: number } = {}): Promise<void> {
    const { countdown, key } = this.#options;
    const { index } = await this.#talk.expect([countdown, this.#prompt], { timeoutMs });
    if (index === 1) return;
    await this.#talk.send(key);
    await this.#talk.expect(this.#prompt, { timeoutMs });
  }

  /** Runs a command and waits for the prompt behind it. */
  async run(
    command: string,
    { timeoutMs = this.#options.timeoutMs }: { timeoutMs?: number } = {},
  ): Promise<ShellResult> {
    const stdout = await this.#answer(command, timeoutMs);
    const code = await this.#answer("echo $?", timeoutMs);
    if (!/^\d+$/.test(code)) {
      throw new JumpstarterError("failed_precondition", `Expected an exit code, got ${JSON.stringify(code)}`, {
        hint: "Without the hush shell U-Boot has no exit codes; talk to it with send and expect",
      });
    }
    return { stdout, exitCode: Number(code) };
  }

  async #answer(command: string, timeoutMs: number): Promise<string> {
    const { charsPerSecond } = this.#options;
    await this.#talk.sendLine(command, { charsPerSecond });
    // The echo of the line comes first. It may be wrapped by a narrow terminal, so only its end is looked for.
    await this.#talk.expect(/\r*\n/, { timeoutMs });
    return withoutReturns((await this.#talk.expect(this.#prompt, { timeoutMs })).before);
  }
}
