/**
 * Commands, calls and an idle exporter's memory, ours and Python's.
 *
 * @module
 */
import { join } from "node:path";
import type { PythonPeer } from "../interop/python.ts";
import { clientEnv } from "../interop/python.ts";
import { programWords } from "../system/program.ts";
import { type Contender, ourLibrary, ours, pythonOf, start, writeConfig } from "./contenders.ts";
import type { Figures } from "./library_client.ts";
import { type Program, proportionalMemoryMiB, runToEnd } from "./processes.ts";
import type { Bench, Requirement, Samples } from "./ratios.ts";

const here = import.meta.dirname!;
const sizes = { calls: 2_000, workers: 16, ticks: 20_000 };
/** How often a command is run in one round. */
const runs = 5;
/** How long an exporter rests before its memory is read, in milliseconds. */
const restMs = 1_000;

const libraryRows: [keyof Figures, string, string, ratio: number][] = [
  ["unaryP50Ms", "one call at a time, p50", "ms", 4],
  ["unaryP99Ms", "one call at a time, p99", "ms", 2],
  ["callsPerSecond", `${sizes.workers} calls at once`, "calls/s", 8],
  ["valuesPerSecond", `stream of ${sizes.ticks} values`, "values/s", 8],
];

const requirements: Requirement[] = [
  { what: "--help", unit: "ms", ours: "ours help", other: "python help", ratio: 6 },
  { what: "one-shot power on", unit: "ms", ours: "ours powerOn", other: "python powerOn", ratio: 6 },
  { what: "exporter start to first answer", unit: "ms", ours: "ours ready", other: "python ready", ratio: 8 },
  { what: "exporter's memory (PSS)", unit: "MiB", ours: "ours memory", other: "python memory", ratio: 1 / 0.7 },
  ...libraryRows.map(([key, what, unit, ratio]) => row(`ours to ours: ${what}`, unit, `ours ${key}`, key, ratio)),
  ...libraryRows.map(([key, what, unit]) => row(`Python's client on ours: ${what}`, unit, `mixed ${key}`, key, 1)),
  { what: "Python's j power on on ours", unit: "ms", ours: "mixed powerOn", other: "python powerOn", ratio: 1 },
];

function row(what: string, unit: string, ours: string, key: string, ratio: number): Requirement {
  return { what, unit, ours, other: `python ${key}`, moreIsBetter: unit.endsWith("/s"), ratio };
}

/** The bench of commands and calls. */
export const calls: Bench = (peer, scratch) => ({
  requirements,
  async round(samples) {
    await measureCommands(peer, scratch, samples);
    await measureLibraries(peer, scratch, samples);
  },
});

const power = "power: { type: jumpstarter_driver_power.driver.MockPower }";
const libraryArgs = Object.values(sizes).map(String);

function ourCaller(host: string): Program {
  const { deno, library } = ourLibrary();
  return { words: [deno, "run", "-A", "--no-check", join(here, "library_client.ts"), library, host, ...libraryArgs] };
}

function pythonCaller(peer: PythonPeer, host: string): Program {
  const words = [peer.python, join(here, "library_client.py"), ...libraryArgs];
  return { words, env: { ...clientEnv(host), PYTHONPATH: here } };
}

/** Exporters with nothing but a power switch, and commands that use it, in turns: the machine is not always as fast. */
async function measureCommands(peer: PythonPeer, scratch: string, samples: Samples): Promise<void> {
  const config = writeConfig(scratch, "power", [power]);
  const python = pythonOf(peer);
  await using own = await start(ours, config);
  await using theirs = await start(python, config);
  await new Promise((resolve) => setTimeout(resolve, restMs));
  for (const [name, exporter] of [["ours", own], ["python", theirs]] as const) {
    samples.add(`${name} ready`, exporter.readyMs);
    samples.add(`${name} memory`, proportionalMemoryMiB(exporter.pid));
  }
  const msOf = async (name: string, program: Program) => samples.add(name, (await runToEnd(program)).ms);
  const powerOn = (contender: Contender, host: string) => contender.client(host, ["power", "on"]);
  for (let run = 0; run < runs; run++) {
    await msOf("ours help", { words: [...programWords, "--help"] });
    await msOf("python help", { words: [peer.bin("jmp"), "--help"] });
    await msOf("ours powerOn", powerOn(ours, own.host));
    await msOf("python powerOn", powerOn(python, theirs.host));
    await msOf("mixed powerOn", powerOn(python, own.host));
  }
}

/** Exporters that count as well, and libraries that call them. */
async function measureLibraries(peer: PythonPeer, scratch: string, samples: Samples): Promise<void> {
  const config = (ticker: string) => writeConfig(scratch, ticker, [power, `ticker: { type: ${ticker} }`]);
  await using own = await start(ours, config("simulated-board"));
  await using theirs = await start(pythonOf(peer), config("ticker.Ticker"));
  const measure = async (name: string, program: Program) => {
    const figures: Figures = JSON.parse((await runToEnd(program)).printed);
    for (const [key, value] of Object.entries(figures)) samples.add(`${name} ${key}`, value);
  };
  await measure("ours", ourCaller(own.host));
  await measure("python", pythonCaller(peer, theirs.host));
  await measure("mixed", pythonCaller(peer, own.host));
}
