/**
 * NVIDIA's demultiplexer as a process: it splits one serial port into terminals and prints which of them is which
 * console, as `/dev/pts/3<TAB>CCPLEX: 0`. There is one for each port, which all drivers of that port share.
 *
 * @module
 */
import { basename, dirname, join } from "node:path";
import { JumpstarterError, messageOf } from "../../lib/core/errors.ts";
import { aborted, pause, withLimit } from "../../lib/core/limit.ts";
import type { Logger } from "../../lib/core/log.ts";

/** What it is started with. */
export interface DemuxerSettings {
  /** Its file. */
  readonly program: string;
  /** The port, or a pattern that finds it. */
  readonly device: string;
  readonly chip: string;
  /** Pause between looks for the port, in milliseconds. */
  readonly pollMs: number;
}

/** One console of it. Disposing the last one ends the process. */
export interface DemuxerTarget extends AsyncDisposable {
  /**
   * The terminal of this console, as soon as it is known.
   *
   * @throws {JumpstarterError} `deadline_exceeded` with what keeps it, after `limitMs` milliseconds.
   */
  terminal(limitMs: number, signal: AbortSignal): Promise<string>;
}

/** The processes that run, by the port. */
const demuxers = new Map<string, Demuxer>();

/** How long it may take to end when it is asked to, in milliseconds. */
const endMs = 5_000;
/** How long its last lines may take once it has ended, in milliseconds. */
const lastLinesMs = 500;

/**
 * Makes use of the port's demultiplexer, which is started for the first console.
 *
 * Of two drivers of one port the first one says how often it is looked at.
 *
 * @throws {JumpstarterError} `invalid_argument` when two drivers of one port differ in its program or chip, or want the
 * same console.
 */
export function joinDemuxer(settings: DemuxerSettings, target: string, log: Logger): DemuxerTarget {
  let demuxer = demuxers.get(settings.device);
  if (!demuxer) demuxers.set(settings.device, demuxer = new Demuxer(settings, log));
  return demuxer.join(settings, target);
}

class Demuxer {
  readonly #settings: DemuxerSettings;
  readonly #log: Logger;
  readonly #targets = new Set<string>();
  readonly #terminals = new Map<string, string>();
  readonly #stop = new AbortController();
  readonly #done: Promise<void>;
  #changed = Promise.withResolvers<void>();
  /** Why there are no terminals. */
  #state = "it has not been started";

  constructor(settings: DemuxerSettings, log: Logger) {
    this.#settings = settings;
    this.#log = log;
    this.#done = this.#run();
  }

  join(settings: DemuxerSettings, target: string): DemuxerTarget {
    const { device } = settings;
    for (const key of ["program", "chip"] as const) {
      const [mine, other] = [settings[key], this.#settings[key]];
      if (mine !== other) throw refusal(`Drivers of ${device} have to agree on the ${key}, got ${other} and ${mine}`);
    }
    if (this.#targets.has(target)) throw refusal(`Another driver has the console "${target}" of ${device} already`);
    this.#targets.add(target);
    return {
      terminal: (limitMs, signal) => this.#terminal(target, limitMs, signal),
      [Symbol.asyncDispose]: () => this.#leave(target),
    };
  }

  async #leave(target: string): Promise<void> {
    this.#targets.delete(target);
    if (this.#targets.size > 0) return;
    demuxers.delete(this.#settings.device);
    this.#stop.abort();
    await this.#done;
  }

  async #terminal(target: string, limitMs: number, signal: AbortSignal): Promise<string> {
    const over = AbortSignal.any([signal, AbortSignal.timeout(limitMs)]);
    while (!over.aborted) {
      const path = this.#terminals.get(target);
      if (path) return path;
      await Promise.race([this.#changed.promise, aborted(over)]);
    }
    signal.throwIfAborted();
    const known = [...this.#terminals.keys()].map((name) => `"${name}"`).join(", ");
    throw new JumpstarterError(
      "deadline_exceeded",
      `The demultiplexer has no console "${target}" after ${limitMs / 1000} s: ${
        known ? `it has ${known}` : this.#state
      }`,
    );
  }

  async #run(): Promise<void> {
    const { device: pattern, pollMs } = this.#settings;
    const { signal } = this.#stop;
    while (!signal.aborted) {
      const device = await findDevice(pattern);
      if (signal.aborted) return;
      if (device) await this.#runOn(device);
      else this.#state = `there is no port ${pattern}`;
      await pause(pollMs, signal).catch(() => {});
    }
  }

  /** Runs the program to its end, which comes when the port goes. */
  async #runOn(device: string): Promise<void> {
    const { program, chip } = this.#settings;
    let child: Deno.ChildProcess;
    try {
      // The kernel ends it when this process dies, however it does.
      const args = ["--pdeathsig", "TERM", program, "-m", chip, "-d", device];
      child = new Deno.Command("setpriv", { args, stdin: "null", stdout: "piped", stderr: "piped" }).spawn();
    } catch (error) {
      this.#state = `it cannot be started: ${messageOf(error)}`;
      return;
    }
    this.#state = "it has said nothing of it";
    const { signal } = this.#stop;
    let killing: ReturnType<typeof setTimeout> | undefined;
    const end = () => {
      child.kill("SIGTERM");
      killing = setTimeout(() => child.kill("SIGKILL"), endMs);
    };
    signal.addEventListener("abort", end, { once: true });
    let complaint = "";
    const over = new AbortController();
    const lines = Promise.all([
      eachLine(child.stdout, over.signal, (line) => this.#hear(line)),
      eachLine(child.stderr, over.signal, (line) => {
        complaint = line;
        this.#log.warn("demultiplexer complains", { said: line });
      }),
    ]);
    const { code } = await child.status;
    signal.removeEventListener("abort", end);
    clearTimeout(killing);
    // Somebody else may still hold its output.
    await withLimit(lines, lastLinesMs, "Its last words").catch((error) => over.abort(error));
    this.#terminals.clear();
    this.#state = `it ended with ${code}${complaint && `: ${complaint}`}`;
    if (!signal.aborted) this.#log.warn("demultiplexer ended", { code });
  }

  #hear(line: string): void {
    const [path, target] = line.split("\t").map((part) => part.trim());
    if (!path.startsWith("/dev/") || !target) return;
    this.#terminals.set(target, path);
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  }
}

function refusal(message: string): JumpstarterError {
  return new JumpstarterError("invalid_argument", message);
}

async function eachLine(
  stream: ReadableStream<Uint8Array>,
  signal: AbortSignal,
  hear: (line: string) => void,
): Promise<void> {
  let rest = "";
  for await (const text of stream.pipeThrough(new TextDecoderStream(), { signal })) {
    const lines = (rest + text).split("\n");
    rest = lines.pop()!.slice(-longestLine);
    for (const line of lines) if (line.trim()) hear(line.trim());
  }
  if (rest.trim()) hear(rest.trim());
}

/** What is kept of a line that does not end, in characters. */
const longestLine = 4096;

/** The first file that a pattern matches. */
async function findDevice(pattern: string): Promise<string | undefined> {
  const folder = dirname(pattern);
  try {
    const matching = nameMatching(basename(pattern));
    const names = (await Array.fromAsync(Deno.readDir(folder))).map(({ name }) => name);
    const found = names.filter((name) => matching.test(name)).sort();
    return found.length > 0 ? join(folder, found[0]) : undefined;
  } catch {
    return undefined; // There is no such folder, or it is no pattern.
  }
}

function nameMatching(pattern: string): RegExp {
  const expression = pattern.replace(/[\\^$.|+(){}]/g, "\\$&").replaceAll("*", ".*").replaceAll("?", ".");
  return new RegExp(`^${expression}$`);
}
