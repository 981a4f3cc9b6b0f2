/**
 * The program as a user has it: the executable that JUMPSTARTER_BIN names, or the checkout.
 *
 * @module
 */
import { fileURLToPath } from "node:url";

const checkout = fileURLToPath(new URL("../../cli.ts", import.meta.url));

/** The words that start a program: its file, and what always follows it. */
export type ProgramWords = readonly [string, ...string[]];

/** The words that start the program. */
export const programWords: ProgramWords = Deno.env.get("JUMPSTARTER_BIN")
  ? [Deno.realPathSync(Deno.env.get("JUMPSTARTER_BIN")!)]
  : [Deno.execPath(), "run", "-A", checkout];

/** Whether the tests run on the compiled executable. */
export const isExecutable = Deno.env.has("JUMPSTARTER_BIN");

/** The environment in which the program keeps what it remembers in a folder. Deno's own cache stays where it is. */
export function isolated(cache: string = sharedCache()): Record<string, string> {
  const { env } = Deno;
  const usual = `${env.get("XDG_CACHE_HOME") || `${env.get("HOME")}/.cache`}/deno`;
  return { XDG_CACHE_HOME: cache, DENO_DIR: env.get("DENO_DIR") || usual };
}

let shared: string | undefined;

/** One folder for all runs that are not told another, removed at the end. */
function sharedCache(): string {
  if (shared) return shared;
  const path = shared = Deno.makeTempDirSync({ prefix: "jumpstarter-test-cache-" });
  addEventListener("unload", () => Deno.removeSync(path, { recursive: true }));
  return path;
}

/** How a run ended. */
export interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Surroundings of a run. */
export interface RunOptions {
  env?: Record<string, string>;
  cwd?: string;
  stdin?: string;
  /** What is run instead of the program that the tests are of. */
  words?: ProgramWords;
  /** Limit after which the process is killed and the test fails, in milliseconds. @default 20000 */
  limitMs?: number;
}

/** Runs the program to its end. */
export async function run(args: string[], options: RunOptions = {}): Promise<Ended> {
  await using running = start(args, options);
  return await running.ended;
}

/** A run that is going on. Disposing kills what is left of it. */
export interface Running extends AsyncDisposable {
  readonly ended: Promise<Ended>;
  readonly pid: number;
  /** Resolves to everything said on standard output once it contains `text`. */
  said(text: string): Promise<string>;
  /** The same for standard error. */
  noted(text: string): Promise<string>;
  kill(signal: Deno.Signal): void;
}

/** Starts the program. */
export function start(args: string[], options: RunOptions = {}): Running {
  const { env, cwd, stdin, words = programWords, limitMs = 20_000 } = options;
  const [program, ...prefix] = words;
  const child = new Deno.Command(program, {
    args: [...prefix, ...args],
    env: { JUMPSTARTER_HOST: "", NO_COLOR: "1", ...isolated(), ...env },
    cwd,
    stdin: stdin === undefined ? "null" : "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const output = new Collector(child.stdout);
  const errors = new Collector(child.stderr);
  const feeding = stdin === undefined ? Promise.resolve() : feed(child.stdin, stdin);
  const end = () => {
    try {
      child.kill("SIGKILL");
    } catch { /* it has ended, though somebody else may still hold its streams */ }
  };
  const limit = setTimeout(end, limitMs);
  const ended = (async () => {
    const [{ code }] = await Promise.all([child.status, output.done, errors.done, feeding]);
    clearTimeout(limit);
    return { code, stdout: output.text, stderr: errors.text };
  })();
  const until = (collector: Collector, text: string) =>
    Promise.race([
      collector.until(text),
      ended.then(({ code, stderr }) => {
        if (collector.text.includes(text)) return collector.text;
        throw new Error(`The program ended with ${code} before it said ${JSON.stringify(text)}: ${stderr}`);
      }),
    ]);
  return {
    ended,
    pid: child.pid,
    said: (text) => until(output, text),
    noted: (text) => until(errors, text),
    kill: (signal) => child.kill(signal),
    async [Symbol.asyncDispose]() {
      end();
      await ended;
    },
  };
}

/** An exporter that is up. */
export interface Exporter extends Running {
  readonly address: string;
  /** Where it listens: its TCP address, then the socket for local clients. */
  readonly addresses: readonly string[];
}

/** Starts an exporter of a config on a free port and waits until it serves. */
export async function startExporter(config: string, args: string[] = [], options: RunOptions = {}): Promise<Exporter> {
  const words = ["exporter", "run", config, "--listen", "127.0.0.1:0", "--json", ...args];
  const running = start(words, { limitMs: 120_000, ...options });
  const { addresses } = JSON.parse(await running.said("\n")) as { addresses: string[] };
  return { ...running, address: addresses[0], addresses, [Symbol.asyncDispose]: () => running[Symbol.asyncDispose]() };
}

/** A folder for one test. */
export function temporaryFolder(): { path: string; file(name: string, text: string): string } & Disposable {
  const path = Deno.makeTempDirSync({ prefix: "jumpstarter-test-" });
  return {
    path,
    file(name, text) {
      Deno.writeTextFileSync(`${path}/${name}`, text);
      return `${path}/${name}`;
    },
    [Symbol.dispose]: () => Deno.removeSync(path, { recursive: true }),
  };
}

/** The config that `exporter init` prints, in a folder of its own. */
export async function benchConfig(): Promise<{ path: string; folder: string } & Disposable> {
  const folder = temporaryFolder();
  const { stdout } = await run(["exporter", "init"]);
  return {
    path: folder.file("bench.yaml", stdout),
    folder: folder.path,
    [Symbol.dispose]: () => folder[Symbol.dispose](),
  };
}

class Collector {
  text = "";
  readonly done: Promise<void>;
  #waiting: { text: string; resolve(said: string): void }[] = [];

  constructor(stream: ReadableStream<Uint8Array>) {
    this.done = this.#collect(stream);
  }

  async #collect(stream: ReadableStream<Uint8Array>): Promise<void> {
    const decoder = new TextDecoder();
    for await (const chunk of stream) {
      this.text += decoder.decode(chunk, { stream: true });
      this.#waiting = this.#waiting.filter(({ text, resolve }) => {
        if (!this.text.includes(text)) return true;
        resolve(this.text);
        return false;
      });
    }
  }

  until(text: string): Promise<string> {
    if (this.text.includes(text)) return Promise.resolve(this.text);
    return new Promise((resolve) => this.#waiting.push({ text, resolve }));
  }
}

async function feed(stdin: WritableStream<Uint8Array>, text: string): Promise<void> {
  const writer = stdin.getWriter();
  await writer.write(new TextEncoder().encode(text));
  await writer.close();
}
