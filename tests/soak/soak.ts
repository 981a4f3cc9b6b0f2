/**
 * An exporter under many clients: `deno task soak`. A hundred at once with a hundred calls each, several times over, then
 * ten thousand connections one after another. No call may fail, and the exporter may not grow: neither its memory nor
 * its open files. Then strangers attack it, each in their own way: no client may wait for more than a second, and memory
 * may only grow so far. Then a serial console is flooded with 200 MB, none of which may be lost.
 *
 * Set JUMPSTARTER_BIN to test the executable. Ends with 1 when something is not as it has to be.
 *
 * @module
 */
import { connect, power } from "../../mod.ts";
import { openFiles, residentMemoryMiB } from "../bench/processes.ts";
import { flood } from "../system/serial_flood.ts";
import { programWords, startExporter, temporaryFolder } from "../system/program.ts";
import { attacks } from "./attacks.ts";
import { toleratedGrowthMiB, underAttack, warmUp } from "./under_attack.ts";

const clients = 100;
const callsEach = 100;
const rounds = 40;
const connects = 10_000;
/** How often the exporter is looked at while connections come and go. */
const looks = 20;
/** How long each attack goes on, and what a client may have to wait meanwhile, in milliseconds. */
const attackMs = 3_000;
const toleratedMs = 1_000;
/** How often an attack is tried that goes badly. */
const attempts = 3;
/** What memory may grow by between the second quarter and the last: a heap breathes, a leak goes on. */
const tolerated = 1.2;

const config = `
apiVersion: jumpstarter.dev/v1alpha1
kind: ExporterConfig
metadata: { namespace: default, name: soak }
export:
  power: { type: mock-power }
`;

/** What the exporter holds at one moment. */
interface Look {
  readonly memoryMiB: number;
  readonly files: number;
}

function look(pid: number): Look {
  return { memoryMiB: residentMemoryMiB(pid), files: openFiles(pid) };
}

/** One client's life: connect, call, leave. */
async function live(host: string, calls: number): Promise<void> {
  await using board = await connect({ host }, { power });
  for (let call = 0; call < calls; call++) await board.power.on();
}

/** Many clients at once. Resolves to how many of them failed, and why the first did. */
async function crowd(host: string): Promise<{ failed: number; reason?: unknown }> {
  const lives = await Promise.allSettled(Array.from({ length: clients }, () => live(host, callsEach)));
  const failed = lives.filter((life) => life.status === "rejected");
  return { failed: failed.length, reason: failed[0]?.reason };
}

/** Waits until the exporter has noticed that all have left, and looks at it. */
async function settled(pid: number, files: number): Promise<Look> {
  const deadline = performance.now() + 5_000;
  while (openFiles(pid) > files && performance.now() < deadline) await new Promise((wake) => setTimeout(wake, 20));
  return look(pid);
}

function report(what: string, { memoryMiB, files }: Look, seconds?: number): void {
  const took = seconds === undefined ? "" : `${seconds.toFixed(2)} s`;
  console.log(`${what.padEnd(36)} ${took.padStart(9)}  ${memoryMiB.toFixed(1).padStart(6)} MiB  ${files} open files`);
}

const complaints: string[] = [];

function complainOfGrowth(what: string, idle: Look, seen: readonly Look[]): void {
  const quarter = Math.ceil(seen.length / 4);
  const most = (part: readonly Look[]) => Math.max(...part.map(({ memoryMiB }) => memoryMiB));
  const [before, after] = [most(seen.slice(quarter, 2 * quarter)), most(seen.slice(-quarter))];
  if (after > before * tolerated) {
    complaints.push(`${what}: memory grew from ${before.toFixed(1)} to ${after.toFixed(1)} MiB`);
  }
  const { files } = seen.at(-1)!;
  if (files > idle.files) complaints.push(`${what}: open files grew from ${idle.files} to ${files}`);
}

async function soakWithCrowds(host: string, pid: number, idle: Look): Promise<void> {
  const seen: Look[] = [];
  for (let round = 1; round <= rounds; round++) {
    const start = performance.now();
    const { failed, reason } = await crowd(host);
    const seconds = (performance.now() - start) / 1000;
    if (failed > 0) complaints.push(`${failed} of ${clients} clients failed in round ${round}: ${reason}`);
    seen.push(await settled(pid, idle.files));
    report(`${clients} clients, ${callsEach} calls each`, seen.at(-1)!, seconds);
  }
  complainOfGrowth("Many clients at once", idle, seen);
}

async function soakWithConnections(host: string, pid: number, idle: Look): Promise<void> {
  const seen: Look[] = [];
  const share = connects / looks;
  for (let part = 1; part <= looks; part++) {
    const start = performance.now();
    for (let count = 0; count < share; count++) await live(host, 1);
    const seconds = (performance.now() - start) / 1000;
    seen.push(await settled(pid, idle.files));
    report(`${part * share} of ${connects} connections`, seen.at(-1)!, seconds);
  }
  complainOfGrowth("One connection after another", idle, seen);
}

async function soakWithAttacks(config: string): Promise<void> {
  for (const name of Object.keys(attacks)) {
    // Attackers and clients share the machine with the exporter, and with others: only what stays slow counts.
    let own: string[] = [];
    for (let attempt = 0; attempt < attempts; attempt++) {
      own = await soakWithAttack(config, name);
      if (own.length === 0) break;
    }
    complaints.push(...own);
  }
}

/** Resolves to what is to complain about. */
async function soakWithAttack(config: string, name: string): Promise<string[]> {
  // A fresh exporter for each, so that none profits from the memory that another one has made it take.
  await using exporter = await startExporter(config, ["--log-level", "error"]);
  const before = await warmUp(exporter);
  const { steadyMs, newcomerMs, memoryMiB, connections, complaints } = await underAttack(exporter, name, attackMs);
  const grown = Math.max(0, memoryMiB - before);
  const longest = `${steadyMs.toFixed(0).padStart(4)} and ${newcomerMs.toFixed(0).padStart(4)} ms`;
  console.log(`${name.padEnd(50)} ${longest}  +${grown.toFixed(1).padStart(5)} MiB  ${connections} connections`);
  const found = [...complaints];
  if (Math.max(steadyMs, newcomerMs) > toleratedMs) found.push(`a client waited ${longest}`);
  if (grown > toleratedGrowthMiB) found.push(`memory grew by ${grown.toFixed(1)} MiB`);
  return found.map((complaint) => `Under ${name}: ${complaint}`);
}

async function soakWithConsole(): Promise<void> {
  try {
    const { seconds, handOvers, missed, slept } = await flood({
      total: 200_000_000,
      handOverBytes: 10_000_000,
      limitMs: 20 * 60_000,
    });
    const told = Object.entries({ ...missed, sleeper: slept }).map(([name, bytes]) => `${name} ${bytes}`).join(", ");
    console.log(`200 MB of a serial console: ${seconds.toFixed(2)} s, ${handOvers} hand-overs, record complete`);
    console.log(`Bytes that viewers were told they missed: ${told}`);
  } catch (error) {
    complaints.push(`The flooded console: ${error}`);
  }
}

{
  using folder = temporaryFolder();
  const path = folder.file("soak.yaml", config);
  {
    await using exporter = await startExporter(path, ["--log-level", "error"], { limitMs: 20 * 60_000 });
    const { address, pid } = exporter;
    console.log(`${programWords.join(" ")} on ${address}`);
    // The first client shows what an exporter opens once and keeps.
    await live(address, 1);
    await new Promise((wake) => setTimeout(wake, 500));
    const idle = look(pid);
    report("idle", idle);
    await soakWithCrowds(address, pid, idle);
    await soakWithConnections(address, pid, idle);
  }
  console.log("The longest waits of a client that stays and of those that come, by attack:");
  await soakWithAttacks(path);
}
await soakWithConsole();
for (const complaint of complaints) console.error(`Error: ${complaint}`);
console.log(complaints.length === 0 ? "No failure, no growth" : "See the errors above");
Deno.exitCode = complaints.length === 0 ? 0 : 1;
