/**
 * Processes as a benchmark sees them: how long they take, when they answer, what memory they hold.
 *
 * @module
 */
import { connectBoard } from "../../lib/client/connect.ts";
import { parseAddress } from "../../lib/client/address.ts";

/** A command and its surroundings. */
export interface Program {
  readonly words: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

/** Runs a program to its end. Resolves to the milliseconds that it took and to what it printed. */
export async function runToEnd({ words: [program, ...args], env }: Program): Promise<{ ms: number; printed: string }> {
  const start = performance.now();
  const { code, stdout, stderr } = await new Deno.Command(program, { args, env, stdin: "null" }).output();
  const ms = performance.now() - start;
  if (code === 0) return { ms, printed: new TextDecoder().decode(stdout) };
  throw new Error(`${program} ${args.join(" ")} ended with ${code}: ${new TextDecoder().decode(stderr)}`);
}

/** The same, with the most resident memory that the program was seen with, in MiB. */
export async function runWatched(
  { words: [program, ...args], env }: Program,
): Promise<{ ms: number; peakMiB: number }> {
  const start = performance.now();
  const child = new Deno.Command(program, { args, env, stdin: "null", stdout: "piped", stderr: "piped" }).spawn();
  let peakMiB = 0;
  const watch = setInterval(() => {
    try {
      peakMiB = peakMemoryMiB(child.pid);
    } catch { /* it has ended */ }
  }, 20);
  const { code, stderr } = await child.output();
  clearInterval(watch);
  if (code !== 0) {
    throw new Error(`${program} ${args.join(" ")} ended with ${code}: ${new TextDecoder().decode(stderr)}`);
  }
  return { ms: performance.now() - start, peakMiB };
}

/** A program that goes on, and the first line that it has printed. Disposing ends it. */
export interface StartedProgram extends AsyncDisposable {
  readonly pid: number;
  readonly line: string;
}

/** Starts a program and waits until it has printed a line. Its input stays open until it is disposed. */
export async function startAndHear({ words: [program, ...args], env }: Program): Promise<StartedProgram> {
  const child = new Deno.Command(program, { args, env, stdin: "piped", stdout: "piped", stderr: "piped" }).spawn();
  const errors = new Response(child.stderr).text();
  const output = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  let line = "";
  while (!line.includes("\n")) {
    const { value } = await output.read();
    if (value === undefined) throw new Error(`${program} ${args.join(" ")} ended: ${await errors}`);
    line += value;
  }
  return {
    pid: child.pid,
    line: line.trim(),
    async [Symbol.asyncDispose]() {
      // Python's forward ends on nothing else.
      for (const pid of processTree(child.pid)) kill(pid);
      await child.status;
      await Promise.allSettled([output.cancel(), child.stdin.close(), errors]);
    },
  };
}

/** An exporter that has answered a call. Disposing ends it. */
export interface StartedExporter extends AsyncDisposable {
  readonly pid: number;
  readonly host: string;
  /** From its start to the first answer, in milliseconds. */
  readonly readyMs: number;
}

/** Starts an exporter that will listen on a port, and waits until it has answered a call. */
export async function startExporter(
  { words: [program, ...args], env }: Program,
  port: number,
): Promise<StartedExporter> {
  const start = performance.now();
  const child = new Deno.Command(program, { args, env, stdin: "null", stdout: "null", stderr: "null" }).spawn();
  let ended = false;
  child.status.then(() => ended = true);
  const host = `127.0.0.1:${port}`;
  for (;;) {
    try {
      (await Deno.connect({ hostname: "127.0.0.1", port })).close();
      break;
    } catch {
      if (ended || performance.now() - start > 30_000) throw new Error(`${program} ${args.join(" ")} does not come up`);
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
  }
  await using _board = await connectBoard(parseAddress(host));
  const readyMs = performance.now() - start;
  return {
    pid: child.pid,
    host,
    readyMs,
    async [Symbol.asyncDispose]() {
      const pids = processTree(child.pid);
      child.kill("SIGTERM");
      const patience = setTimeout(() => pids.forEach(kill), 5_000);
      await child.status;
      clearTimeout(patience);
    },
  };
}

/** A TCP port that was free a moment ago. */
export function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

/** Memory of a process and its descendants in MiB, what they share counted once. */
export function proportionalMemoryMiB(root: number): number {
  return processTree(root).reduce((sum, pid) => sum + kilobytes(`/proc/${pid}/smaps_rollup`, "Pss") / 1024, 0);
}

/** Resident memory of one process in MiB. */
export function residentMemoryMiB(pid: number): number {
  return kilobytes(`/proc/${pid}/status`, "VmRSS") / 1024;
}

/** Most resident memory of a process in MiB, since its start or {@linkcode clearPeakMemory}. */
export function peakMemoryMiB(pid: number): number {
  return kilobytes(`/proc/${pid}/status`, "VmHWM") / 1024;
}

/** Begins {@linkcode peakMemoryMiB} anew. */
export function clearPeakMemory(pid: number): void {
  Deno.writeTextFileSync(`/proc/${pid}/clear_refs`, "5");
}

/** How many file descriptors a process has open. */
export function openFiles(pid: number): number {
  return [...Deno.readDirSync(`/proc/${pid}/fd`)].length;
}

function kilobytes(file: string, key: string): number {
  const [, value] = new RegExp(`^${key}:\\s*(\\d+) kB`, "m").exec(Deno.readTextFileSync(file)) ?? [];
  if (!value) throw new Error(`${file} has no ${key}`);
  return Number(value);
}

/** A process and its descendants. */
function processTree(root: number): number[] {
  const found = [root];
  for (const { name } of Deno.readDirSync("/proc")) {
    if (!/^\d+$/.test(name) || Number(name) === root) continue;
    if (isBelow(Number(name), root)) found.push(Number(name));
  }
  return found;
}

function isBelow(pid: number, root: number): boolean {
  while (pid > 1) {
    pid = parentOf(pid);
    if (pid === root) return true;
  }
  return false;
}

function parentOf(pid: number): number {
  try {
    // The name in the second field may hold spaces and brackets.
    const stat = Deno.readTextFileSync(`/proc/${pid}/stat`);
    return Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]);
  } catch {
    return 0; // It has ended.
  }
}

function kill(pid: number): void {
  try {
    Deno.kill(pid, "SIGKILL");
  } catch { /* it has ended */ }
}
