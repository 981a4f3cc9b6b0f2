/** One run of a script, with everything that it starts. @module */
import { JumpstarterError, messageOf } from "../../lib/core/errors.ts";

/** What is run, and where its end is. */
export interface Script {
  readonly words: readonly string[];
  /** Variables beside this process's own. */
  readonly env: Record<string, string>;
  readonly cwd?: string;
  readonly limitMs: number;
  /** Ends the script with all that it has started. */
  readonly signal: AbortSignal;
}

/** What a script has said since the last piece. The last piece has its exit code, or says that it was too late. */
export interface Piece {
  readonly stdout: string;
  readonly stderr: string;
  readonly code: number | null;
  readonly late: boolean;
}

/** How long a script may take to end when it is asked to, in milliseconds. */
const graceMs = 5_000;

/**
 * Runs a script to its end, which is when it has ended and nobody can write its output any more. It is the leader of a
 * session of its own: what it starts is ended with it, first by SIGTERM and after 5 s by SIGKILL. That happens when the
 * limit passes, when the signal aborts and when the reader stops.
 *
 * @throws {JumpstarterError} `failed_precondition` when its program cannot be run; the signal's reason when it aborts.
 */
export async function* runScript({ words, env, cwd, limitMs, signal }: Script): AsyncGenerator<Piece, void, undefined> {
  signal.throwIfAborted();
  const child = spawn(words, env, cwd);
  const stdout = new TextReader(child.stdout);
  const stderr = new TextReader(child.stderr);
  const group = new Group(child);
  let late = false;
  const limit = setTimeout(() => {
    late = true;
    group.end();
  }, Math.min(limitMs, 2 ** 31 - 1));
  const stop = () => group.end();
  signal.addEventListener("abort", stop, { once: true });
  try {
    while (!(stdout.ended && stderr.ended)) {
      await Promise.race([...[stdout, stderr].filter(({ ended }) => !ended).map((pipe) => pipe.ready()), group.gone]);
      // What has escaped from the group may hold the output open for ever.
      if (group.isGone) break;
      const [out, err] = [stdout.take(), stderr.take()];
      if (out || err) yield { stdout: out, stderr: err, code: null, late: false };
    }
    const { code } = await child.status;
    signal.throwIfAborted();
    yield { stdout: stdout.take(), stderr: stderr.take(), code: late ? null : code, late };
  } finally {
    clearTimeout(limit);
    signal.removeEventListener("abort", stop);
    if (!(stdout.ended && stderr.ended)) group.end();
    await Promise.all([stdout.cancel(), stderr.cancel(), child.status]);
    group[Symbol.dispose]();
  }
}

function spawn([program, ...args]: readonly string[], env: Record<string, string>, cwd?: string) {
  try {
    const options = { args, env, cwd, stdin: "null", stdout: "piped", stderr: "piped", detached: true } as const;
    return new Deno.Command(program, options).spawn();
  } catch (error) {
    // A zero byte cannot be part of an argument or a variable.
    const code = error instanceof TypeError ? "invalid_argument" : "failed_precondition";
    throw new JumpstarterError(code, `Cannot run ${program}: ${messageOf(error)}`, { phase: "driver", cause: error });
  }
}

/** The processes of a script. */
class Group implements Disposable {
  readonly #pid: number;
  readonly #gone = Promise.withResolvers<void>();
  #grace?: ReturnType<typeof setTimeout>;
  /** Whether the last means was used. */
  isGone = false;

  constructor({ pid }: Deno.ChildProcess) {
    this.#pid = pid;
  }

  /** Resolves when the last means was used. */
  get gone(): Promise<void> {
    return this.#gone.promise;
  }

  /** Asks all of them to end, and makes them after a while. */
  end(): void {
    if (this.#grace !== undefined) return;
    this.#kill("SIGTERM");
    this.#grace = setTimeout(() => {
      this.#kill("SIGKILL");
      this.isGone = true;
      this.#gone.resolve();
    }, graceMs);
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#grace);
  }

  #kill(signal: Deno.Signal): void {
    try {
      Deno.kill(-this.#pid, signal);
    } catch { /* they have ended */ }
  }
}

/** Text of a pipe. A character is never cut in two. */
class TextReader {
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  readonly #decoder = new TextDecoder();
  #pending?: Promise<void>;
  #text = "";
  ended = false;

  constructor(stream: ReadableStream<Uint8Array>) {
    this.#reader = stream.getReader();
  }

  /** Resolves when there is text, or the end. Nothing is read ahead of what was taken. */
  ready(): Promise<void> {
    if (this.#text) return Promise.resolve();
    return this.#pending ??= this.#read();
  }

  /** The text that is there. */
  take(): string {
    const text = this.#text;
    this.#text = "";
    return text;
  }

  async cancel(): Promise<void> {
    await this.#reader.cancel().catch(() => {});
  }

  async #read(): Promise<void> {
    try {
      const { value, done } = await this.#reader.read();
      this.#text += this.#decoder.decode(value, { stream: !done });
      this.ended = done;
    } finally {
      this.#pending = undefined;
    }
  }
}
