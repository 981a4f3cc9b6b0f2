/**
 * Commands that stay in the background of the session of the shell that they were started from.
 *
 * @module
 */
import process from "node:process";
import { noteLine, outliveReaders, printLine, writeError } from "./output.ts";
import { selfCommand } from "./self.ts";

/** How often a process in the background looks whether its session is there, in milliseconds. */
const lookMs = 500;

/**
 * Runs a command in a process of its own, and ends with what it has printed first. Until then it is as if the command ran
 * here: its errors and its exit code are those of this one.
 */
export async function startInBackground(words: readonly string[], interrupted: AbortSignal): Promise<number> {
  const [program, ...args] = selfCommand();
  const at = words.lastIndexOf("--background");
  const child = new Deno.Command(program, {
    args: [...args, "__stay", keeperOf(Deno.ppid), ...words.toSpliced(at, 1)],
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  interrupted.addEventListener("abort", () => endOf(child));
  const errors = passOn(child.stderr);
  const line = await firstLine(child.stdout);
  if (line === undefined) {
    await errors;
    return (await child.status).code;
  }
  if (words.includes("--json")) printLine(JSON.stringify({ ...JSON.parse(line), pid: child.pid }));
  else {
    printLine(line);
    noteLine(`In the background until this session ends, or: kill ${child.pid}`);
  }
  return 0;
}

function endOf(child: Deno.ChildProcess): void {
  try {
    child.kill("SIGTERM");
  } catch { /* it has ended */ }
}

/** Runs a command as long as its keeper is there. */
export async function stay([keeper, ...words]: readonly string[]): Promise<number> {
  outliveReaders();
  const { main } = await import("./main.ts");
  const running = main(words);
  const looking = setInterval(() => {
    if (!isThere(keeper)) Deno.kill(Deno.pid, "SIGHUP");
  }, lookMs);
  return await running.finally(() => clearInterval(looking));
}

/**
 * The process with which a command in the background ends, as `PID:START`: the leader of the session, which is the shell
 * of a terminal or what ssh has started, or `parent` where there is no other leader than this process, or none is known.
 */
function keeperOf(parent: number): string {
  const leader = Number(statOf(Deno.pid)?.[3]);
  const pid = leader > 0 && leader !== Deno.pid && statOf(leader) ? leader : parent;
  return `${pid}:${statOf(pid)?.[19] ?? ""}`;
}

function isThere(keeper: string): boolean {
  const [pid, start] = keeper.split(":");
  if (start) {
    const stat = statOf(Number(pid));
    return stat !== undefined && stat[0] !== "Z" && stat[19] === start;
  }
  try {
    // No signal: this only looks.
    return process.kill(Number(pid), 0);
  } catch (error) {
    return (error as { code?: string }).code === "EPERM";
  }
}

/** What Linux tells of a process behind its name: state, parent, group, session (3), … start (19). See proc(5). */
function statOf(pid: number): string[] | undefined {
  try {
    const stat = Deno.readTextFileSync(`/proc/${pid}/stat`);
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  } catch {
    return undefined;
  }
}

async function passOn(stream: ReadableStream<Uint8Array>): Promise<void> {
  for await (const text of stream.pipeThrough(new TextDecoderStream())) writeError(text);
}

/** The first line, or nothing where the stream ends before. */
async function firstLine(stream: ReadableStream<Uint8Array>): Promise<string | undefined> {
  let text = "";
  for await (const piece of stream.pipeThrough(new TextDecoderStream())) {
    text += piece;
    const end = text.indexOf("\n");
    if (end >= 0) return text.slice(0, end);
  }
  return undefined;
}
