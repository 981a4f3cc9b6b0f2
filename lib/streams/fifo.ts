/**
 * Named pipes. Opening one waits for somebody at its other end, and the whole program waits with it where the runtime opens
 * files in line, as Deno 2.6 does. So a program of the system opens them.
 *
 * @module
 */
import { type OwnedSink, type OwnedSource, sinkOfWritable, sourceOfReadable } from "../core/byte_stream.ts";
import { JumpstarterError, messageOf } from "../core/errors.ts";

/** What comes out of a named pipe. Closing it gives the pipe up, also while nobody has written to it. */
export function readFifo(path: string): OwnedSource {
  const cat = new Cat(path, { args: ["-c", 'exec cat < "$0"', path], stdin: "null", stdout: "piped" });
  const { next, close } = sourceOfReadable(cat.child.stdout);
  return {
    async next() {
      const chunk = await next();
      if (!chunk) await cat.ended();
      return chunk;
    },
    close: () => cat.end(close),
  };
}

/** What goes into a named pipe. Ending waits until the other end has everything. */
export function writeFifo(path: string): OwnedSink {
  const cat = new Cat(path, { args: ["-c", 'exec cat > "$0"', path], stdin: "piped", stdout: "null" });
  const { write, end, abort } = sinkOfWritable(cat.child.stdin);
  return {
    write,
    async end() {
      await end();
      await cat.ended();
    },
    abort: (reason) => cat.end(() => abort(reason)),
  };
}

class Cat {
  readonly child: Deno.ChildProcess;
  readonly #path: string;
  readonly #said: Promise<string>;

  constructor(path: string, options: Deno.CommandOptions) {
    this.#path = path;
    try {
      this.child = new Deno.Command("sh", { ...options, stderr: "piped" }).spawn();
    } catch (cause) {
      throw new JumpstarterError("failed_precondition", `${path}: Cannot open a named pipe: ${messageOf(cause)}`, {
        cause,
      });
    }
    this.#said = new Response(this.child.stderr).text();
    // Nobody else ends it while it waits for the other end.
    addEventListener("unload", this.#kill);
    this.child.status.then(() => removeEventListener("unload", this.#kill));
  }

  /** Waits for its own end, and says what it failed with. */
  async ended(): Promise<void> {
    const [{ success }, why] = await Promise.all([this.child.status, this.#said]);
    if (success) return;
    // The shell says who says it, and where.
    const reason = why.trim().split(": ").at(-1) || "It was given up";
    throw new JumpstarterError("invalid_argument", `${this.#path}: ${reason}`, { phase: "usage" });
  }

  readonly #kill = () => {
    try {
      this.child.kill("SIGKILL");
    } catch { /* it has ended */ }
  };

  /** Ends it with what goes through it. */
  async end(close: () => void | Promise<void>): Promise<void> {
    this.#kill();
    await Promise.allSettled([close(), this.#said, this.child.status]);
  }
}
