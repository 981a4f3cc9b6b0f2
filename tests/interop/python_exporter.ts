/**
 * Exporters of Python's Jumpstarter, as processes of their own.
 *
 * @module
 */
import { join } from "node:path";
import { withLimit } from "../../lib/core/limit.ts";
import type { PythonPeer } from "./python.ts";

/** An exporter that runs until it is disposed. */
export interface PythonExporter extends AsyncDisposable {
  /** Where it listens, as `JUMPSTARTER_HOST` has it: a socket's path, or `127.0.0.1:PORT` without TLS. */
  readonly host: string;
  /** What it has written to stderr so far. */
  log(): string;
}

/** How a child process becomes an exporter and ends being one. */
interface Start {
  program: string;
  args: string[];
  /** Resolves to the host once it accepts connections; rejects when the process ends before. */
  ready(stdout: Output, stderr: Output): Promise<string>;
  /** Asks it to end. */
  stop(process: Deno.ChildProcess): Promise<void> | void;
}

const startLimitMs = 60_000;
const stopLimitMs = 10_000;

/**
 * Starts an exporter from the text of its config file, and waits until it accepts connections. TCP, which is there
 * since 0.9.0, is `jmp run`, with the flags of `protection`; a unix socket is served by Python's library.
 *
 * @throws {Error} with what it wrote to stderr, when it does not come up.
 */
export async function startPythonExporter(
  peer: PythonPeer,
  config: string,
  transport: "tcp" | "unix",
  protection: readonly string[] = ["--tls-grpc-insecure"],
  env: Record<string, string> = {},
): Promise<PythonExporter> {
  const folder = await Deno.makeTempDir({ prefix: "jumpstarter-peer-" });
  const file = join(folder, "exporter.yaml");
  await Deno.writeTextFile(file, config);
  const { program, args, ready, stop } = transport === "tcp" ? jmpRun(peer, file, protection) : serveUnix(peer, file);
  const process = new Deno.Command(program, { args, env, stdin: "piped", stdout: "piped", stderr: "piped" }).spawn();
  const stdout = new Output(process.stdout);
  const stderr = new Output(process.stderr);

  async function dispose(): Promise<void> {
    await stop(process);
    try {
      await withLimit(process.status, stopLimitMs, "The end of a Python exporter");
    } catch {
      for (const pid of [...await childrenOf(process.pid), process.pid]) Deno.kill(pid, "SIGKILL");
      await process.status;
    }
    await process.stdin.close().catch(() => {}); // Closed already, or broken by the end of the process.
    await Promise.all([stdout.ended, stderr.ended]);
    await Deno.remove(folder, { recursive: true });
  }

  try {
    const host = await withLimit(ready(stdout, stderr), startLimitMs, "The start of a Python exporter");
    return { host, log: () => stderr.text, [Symbol.asyncDispose]: dispose };
  } catch (error) {
    await dispose();
    throw new Error(`Python's exporter does not come up:\n${stderr.text}`, { cause: error });
  }
}

function jmpRun(peer: PythonPeer, file: string, protection: readonly string[]): Start {
  const host = `127.0.0.1:${freePort()}`;
  return {
    program: peer.bin("jmp"),
    args: ["run", "--exporter-config", file, "--tls-grpc-listener", host, ...protection],
    ready: async (_stdout, stderr) => {
      await stderr.match(/Session server started on .*\n/);
      return host;
    },
    // It forwards the signal to the process that it forked, and waits for that one.
    stop: (process) => killIfAlive(process),
  };
}

function serveUnix(peer: PythonPeer, file: string): Start {
  return {
    program: peer.python,
    args: [join(import.meta.dirname!, "serve_unix.py"), file],
    ready: async (stdout) => (await stdout.match(/^(.+)\n/))[1],
    stop: (process) => process.stdin.close().catch(() => {}),
  };
}

/** Collects what a process writes, and waits for parts of it. */
class Output {
  text = "";
  /** Resolves once nothing more can come. */
  readonly ended: Promise<void>;
  #hasEnded = false;
  #grown = Promise.withResolvers<void>();

  constructor(stream: ReadableStream<Uint8Array>) {
    this.ended = this.#collect(stream);
  }

  /** Resolves to the first match, as soon as there is one. */
  async match(pattern: RegExp): Promise<RegExpMatchArray> {
    for (;;) {
      const match = this.text.match(pattern);
      if (match) return match;
      if (this.#hasEnded) throw new Error(`The process ended before it wrote ${pattern}`);
      await this.#grown.promise;
    }
  }

  async #collect(stream: ReadableStream<Uint8Array>): Promise<void> {
    for await (const part of stream.pipeThrough(new TextDecoderStream())) {
      this.text += part;
      this.#wake();
    }
    this.#hasEnded = true;
    this.#wake();
  }

  #wake(): void {
    this.#grown.resolve();
    this.#grown = Promise.withResolvers();
  }
}

/** A port that nobody listens on; `jmp run` does not take 0. */
function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

function killIfAlive(process: Deno.ChildProcess): void {
  try {
    process.kill("SIGTERM");
  } catch {
    // It has ended.
  }
}

/** The processes that a process started itself, as Linux tells. */
async function childrenOf(pid: number): Promise<number[]> {
  const text = await Deno.readTextFile(`/proc/${pid}/task/${pid}/children`).catch(() => "");
  return text.split(" ").filter(Boolean).map(Number);
}
