/**
 * Python's own Jumpstarter as a peer: virtual environments with pinned versions, made on first use.
 *
 *     const peer = await pythonPeer("0.9.0");
 *     peerTest(peer, "Power can be switched by a Python client", async (peer) => {
 *       await runPython(peer, `from jumpstarter.utils.env import env …`, { host });
 *     });
 *
 * An environment is kept in `$XDG_CACHE_HOME/jumpstarter-tests`, by default `~/.cache/jumpstarter-tests`, under a hash
 * of what it is made from. Removing that folder is safe at any time when no test runs.
 *
 * @module
 */
import { createHash } from "node:crypto";
import { join } from "node:path";
import { withLimit } from "../../lib/core/limit.ts";

/** The versions that tests can ask for: the newest, and the last one that knows unix sockets only. */
export type PythonVersion = "0.9.0" | "0.7.4";

/** One version of Python's Jumpstarter with its drivers, ready to run. */
export interface PythonPeer {
  readonly version: PythonVersion;
  /** The interpreter that finds the packages. */
  readonly python: string;
  /** The path of one of the environment's programs, e.g. `jmp`. */
  bin(name: string): string;
}

const peers = new Map<PythonVersion, Promise<PythonPeer | undefined>>();

/**
 * A version of Python's Jumpstarter, or nothing where it cannot be had; the reason is then on stderr, once. The first
 * call on a machine takes about a minute.
 *
 * With `CI` in the environment it throws instead, so that a run cannot pass without its peers.
 */
export function pythonPeer(version: PythonVersion): Promise<PythonPeer | undefined> {
  let peer = peers.get(version);
  if (!peer) peers.set(version, peer = findOrMake(version));
  return peer;
}

/** A test with a peer. It is ignored where there is none. */
export function peerTest(peer: PythonPeer | undefined, name: string, fn: (peer: PythonPeer) => Promise<void>): void {
  Deno.test({ name, ignore: !peer, fn: () => fn(peer!) });
}

/** How a script is run. */
export interface RunOptions {
  /** The exporter that `jumpstarter.utils.env` is to connect to: a socket's path, or host and port without TLS. */
  host?: string;
  args?: string[];
  env?: Record<string, string>;
  /** After this many milliseconds the script is killed and the run fails; 60 000 by default. */
  limitMs?: number;
}

/**
 * Runs a Python script to its end and resolves to what it printed.
 *
 * @throws {Error} with its stderr, when it ends with another code than 0.
 */
export async function runPython(peer: PythonPeer, script: string, options: RunOptions = {}): Promise<string> {
  const { host, args = [], env = {}, limitMs = 60_000 } = options;
  const process = new Deno.Command(peer.python, {
    args: ["-c", script, ...args],
    env: { ...host === undefined ? {} : clientEnv(host), ...env },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const ended = process.output();
  try {
    const { success, code, stdout, stderr } = await withLimit(ended, limitMs, "The Python script");
    if (!success) throw new Error(`The Python script ended with ${code}:\n${decode(stderr)}`);
    return decode(stdout);
  } catch (error) {
    killIfAlive(process);
    await ended;
    throw error;
  }
}

/** Runs a Python script on a file with one text in each line, its argument, and resolves to the lines that it prints. */
export async function mapLines(peer: PythonPeer, script: string, lines: string[]): Promise<string[]> {
  const file = await Deno.makeTempFile();
  try {
    await Deno.writeTextFile(file, lines.join("\n"));
    const printed = await runPython(peer, script, { args: [file] });
    return printed.trimEnd().split("\n");
  } finally {
    await Deno.remove(file);
  }
}

/** What Python's client needs in its environment to reach an exporter without TLS and to load any driver's client. */
export function clientEnv(host: string): Record<string, string> {
  return { JUMPSTARTER_HOST: host, JMP_DRIVERS_ALLOW: "UNSAFE", JMP_GRPC_INSECURE: "1" };
}

async function findOrMake(version: PythonVersion): Promise<PythonPeer | undefined> {
  const folder = await pythonPackages(version);
  if (folder === undefined) return undefined;
  const bin = (name: string) => join(folder, "bin", name);
  return { version, python: bin("python"), bin };
}

/** The virtual environment of `requirements-NAME.txt`, or nothing as {@linkcode pythonPeer}. */
export async function pythonPackages(name: string): Promise<string | undefined> {
  try {
    return await environment(name);
  } catch (error) {
    if (!(error instanceof CannotHave) || Deno.env.has("CI")) throw error;
    console.error(`${error.message}: tests with Python packages (${name}) are skipped`);
    return undefined;
  }
}

/** Why there is no peer; everything else is a defect. */
class CannotHave extends Error {}

/** The folder of the virtual environment, which is made where it is missing. */
async function environment(version: string): Promise<string> {
  const requirements = join(import.meta.dirname!, `requirements-${version}.txt`);
  const interpreter = await run("python3", ["-c", "import sys; print(sys.executable, sys.version)"]);
  const hash = createHash("sha256").update(interpreter).update(await Deno.readTextFile(requirements));
  const cache = join(cacheHome(), "jumpstarter-tests");
  const folder = join(cache, `python-${version}-${hash.digest("hex").slice(0, 16)}`);
  // The marker is written last. A folder cannot be made elsewhere and moved here: its programs hold its path.
  const marker = join(folder, "complete");
  await Deno.mkdir(cache, { recursive: true });
  using lock = await Deno.open(`${folder}.lock`, { create: true, write: true });
  await lock.lock(true);
  if (await exists(marker)) return folder;
  console.error(`Making an environment with Python packages (${version}) …`);
  await run("python3", ["-m", "venv", "--clear", folder]);
  await run(join(folder, "bin", "python"), ["-m", "pip", "install", "--quiet", "--requirement", requirements]);
  await Deno.writeTextFile(marker, "");
  return folder;
}

/** What a program printed. */
async function run(program: string, args: string[]): Promise<string> {
  let output;
  try {
    output = await new Deno.Command(program, { args, stdin: "null" }).output();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) throw new CannotHave(`${program} is not installed`);
    throw error;
  }
  if (output.success) return decode(output.stdout);
  const said = decode(output.stderr).trim() || decode(output.stdout).trim();
  throw new CannotHave(`\`${program} ${args.slice(0, 3).join(" ")}\` failed: ${said}`);
}

function cacheHome(): string {
  return Deno.env.get("XDG_CACHE_HOME") || join(Deno.env.get("HOME") ?? ".", ".cache");
}

async function exists(path: string): Promise<boolean> {
  try {
    await Deno.stat(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

function killIfAlive(process: Deno.ChildProcess): void {
  try {
    process.kill("SIGKILL");
  } catch {
    // It has ended.
  }
}

function decode(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}
