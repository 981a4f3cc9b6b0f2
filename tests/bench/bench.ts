/**
 * Speed and memory as ratios to Python's own programs, measured in the same run: `deno task bench [--repeat N]`.
 *
 * Set JUMPSTARTER_BIN to measure the executable; left out, the checkout is measured. The library runs under the Deno
 * that the executable was made with, where JUMPSTARTER_DENORT_DIR holds it. Figures are medians of the rounds, in which
 * the contenders take turns. Ends with 1 when a ratio is lower than it has to be.
 *
 * @module
 */
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { clientEnv, pythonPeer } from "../interop/python.ts";
import { isExecutable, programWords } from "../system/program.ts";
import type { Figures } from "./library_client.ts";
import {
  freePort,
  type Program,
  proportionalMemoryMiB,
  runToEnd,
  type StartedExporter,
  startExporter,
} from "./processes.ts";

const here = import.meta.dirname!;
const sizes = { calls: 2_000, workers: 16, ticks: 20_000 };
/** How often a command is run in one round. */
const runs = 5;
/** How long an exporter rests before its memory is read, in milliseconds. */
const restMs = 1_000;

/** An exporter, a one-shot client and a library of one make. */
interface Contender {
  readonly help: Program;
  exporter(config: string, port: number): Program;
  powerOn(host: string): Program;
  library(host: string): Program;
  /** The driver that counts. */
  readonly ticker: string;
}

/** Samples by what they are of. */
type Samples = Map<string, number[]>;

/** What the issue asks for: the ratio of the figures, Python's to ours or, where more is better, ours to Python's. */
interface Requirement {
  readonly what: string;
  readonly unit: string;
  readonly ours: string;
  readonly python: string;
  readonly moreIsBetter?: boolean;
  readonly ratio: number;
}

const libraryRows: [keyof Figures, string, string, ratio: number][] = [
  ["unaryP50Ms", "one call at a time, p50", "ms", 4],
  ["unaryP99Ms", "one call at a time, p99", "ms", 2],
  ["callsPerSecond", `${sizes.workers} calls at once`, "calls/s", 8],
  ["valuesPerSecond", `stream of ${sizes.ticks} values`, "values/s", 8],
];

const requirements: Requirement[] = [
  { what: "--help", unit: "ms", ours: "ours help", python: "python help", ratio: 6 },
  { what: "one-shot power on", unit: "ms", ours: "ours powerOn", python: "python powerOn", ratio: 6 },
  { what: "exporter start to first answer", unit: "ms", ours: "ours ready", python: "python ready", ratio: 8 },
  { what: "exporter's memory (PSS)", unit: "MiB", ours: "ours memory", python: "python memory", ratio: 1 / 0.7 },
  ...libraryRows.map(([key, what, unit, ratio]) => row(`ours to ours: ${what}`, unit, `ours ${key}`, key, ratio)),
  ...libraryRows.map(([key, what, unit]) => row(`Python's client on ours: ${what}`, unit, `mixed ${key}`, key, 1)),
  { what: "Python's j power on on ours", unit: "ms", ours: "mixed powerOn", python: "python powerOn", ratio: 1 },
];

function row(what: string, unit: string, ours: string, key: string, ratio: number): Requirement {
  return { what, unit, ours, python: `python ${key}`, moreIsBetter: unit.endsWith("/s"), ratio };
}

const { values } = parseArgs({ options: { repeat: { type: "string", default: "3" } } });
const peer = await pythonPeer("0.9.0");
if (!peer) Deno.exit(1);
const scratch = Deno.makeTempDirSync({ prefix: "jumpstarter-bench-" });

/** The Deno that the executable was made with, and the library as it is in there. */
function ourLibrary(): { deno: string; library: string } {
  const folder = Deno.env.get("JUMPSTARTER_DENORT_DIR");
  const name = folder && [...Deno.readDirSync(folder)].map(({ name }) => name).find((name) => /^deno-\d/.test(name));
  const deno = name ? join(folder, name) : Deno.execPath();
  const bundled = join(dirname(programWords[0]), "bundle", "library.js");
  const library = isExecutable ? bundled : join(here, "..", "..", "mod.ts");
  return { deno, library: pathToFileURL(library).href };
}

const { deno, library } = ourLibrary();
const libraryArgs = Object.values(sizes).map(String);

const ours: Contender = {
  help: { words: [...programWords, "--help"] },
  exporter: (config, port) => ({
    words: [...programWords, "exporter", "run", config, "--listen", `127.0.0.1:${port}`],
  }),
  powerOn: (host) => ({ words: [...programWords, "client", "--host", host, "power", "on"] }),
  library: (host) => ({
    words: [deno, "run", "-A", "--no-check", join(here, "library_client.ts"), library, host, ...libraryArgs],
  }),
  ticker: "simulated-board",
};

const pythonPath = { PYTHONPATH: here };
const python: Contender = {
  help: { words: [peer.bin("jmp"), "--help"] },
  exporter: (config, port) => ({
    words: [
      peer.bin("jmp"),
      "run",
      "--exporter-config",
      config,
      "--tls-grpc-listener",
      `127.0.0.1:${port}`,
      "--tls-grpc-insecure",
    ],
    env: pythonPath,
  }),
  powerOn: (host) => ({ words: [peer.bin("j"), "power", "on"], env: clientEnv(host) }),
  library: (host) => ({
    words: [peer.python, join(here, "library_client.py"), ...libraryArgs],
    env: { ...clientEnv(host), ...pythonPath },
  }),
  ticker: "ticker.Ticker",
};

/** Writes an exporter's file with a power switch and further lines. */
function writeConfig(name: string, further = ""): string {
  const file = join(scratch, `${name}.yaml`);
  const head =
    "apiVersion: jumpstarter.dev/v1alpha1\nkind: ExporterConfig\nmetadata: { namespace: default, name: bench }\n";
  const power = "  power: { type: jumpstarter_driver_power.driver.MockPower }\n";
  Deno.writeTextFileSync(file, `${head}export:\n${power}${further}`);
  return file;
}

function add(samples: Samples, name: string, value: number): void {
  samples.set(name, [...samples.get(name) ?? [], value]);
}

async function measureLibrary(samples: Samples, name: string, program: Program): Promise<void> {
  const figures: Figures = JSON.parse((await runToEnd(program)).printed);
  for (const [key, value] of Object.entries(figures)) add(samples, `${name} ${key}`, value);
}

/** Starts an exporter of a config. */
function start(contender: Contender, config: string): Promise<StartedExporter> {
  const port = freePort();
  return startExporter(contender.exporter(config, port), port);
}

/** Exporters with nothing but a power switch, and commands that use it, in turns: the machine is not always as fast. */
async function measureCommands(samples: Samples): Promise<void> {
  const config = writeConfig("power");
  await using own = await start(ours, config);
  await using theirs = await start(python, config);
  await new Promise((resolve) => setTimeout(resolve, restMs));
  for (const [name, exporter] of [["ours", own], ["python", theirs]] as const) {
    add(samples, `${name} ready`, exporter.readyMs);
    add(samples, `${name} memory`, proportionalMemoryMiB(exporter.pid));
  }
  for (let run = 0; run < runs; run++) {
    add(samples, "ours help", (await runToEnd(ours.help)).ms);
    add(samples, "python help", (await runToEnd(python.help)).ms);
    add(samples, "ours powerOn", (await runToEnd(ours.powerOn(own.host))).ms);
    add(samples, "python powerOn", (await runToEnd(python.powerOn(theirs.host))).ms);
    add(samples, "mixed powerOn", (await runToEnd(python.powerOn(own.host))).ms);
  }
}

/** Exporters that count as well, and libraries that call them. */
async function measureLibraries(samples: Samples): Promise<void> {
  const ticker = ({ ticker }: Contender) => writeConfig(ticker, `  ticker: { type: ${ticker} }\n`);
  await using own = await start(ours, ticker(ours));
  await using theirs = await start(python, ticker(python));
  await measureLibrary(samples, "ours", ours.library(own.host));
  await measureLibrary(samples, "python", python.library(theirs.host));
  await measureLibrary(samples, "mixed", python.library(own.host));
}

/** One round: each contender on its own exporter, and Python's clients on ours as well. */
async function round(samples: Samples): Promise<void> {
  await measureCommands(samples);
  await measureLibraries(samples);
}

/** A requirement with the figures that were measured. */
function judge({ what, unit, ours, python, moreIsBetter, ratio: least }: Requirement, samples: Samples) {
  const [a, b] = [median(samples.get(ours)!), median(samples.get(python)!)];
  const ratio = moreIsBetter ? a / b : b / a;
  return { what, ours: `${show(a)} ${unit}`, python: `${show(b)} ${unit}`, ratio, least, met: ratio >= least };
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return (sorted[(sorted.length - 1) >> 1] + sorted[sorted.length >> 1]) / 2;
}

function show(value: number): string {
  return value >= 100 ? value.toFixed(0) : value.toPrecision(3);
}

try {
  if (!isExecutable) console.log("JUMPSTARTER_BIN is not set: this measures the checkout, not the executable");
  const { stdout } = new Deno.Command(deno, { args: ["--version"] }).outputSync();
  console.log(`Program: ${programWords.join(" ")}`);
  console.log(`Library: ${library} on ${new TextDecoder().decode(stdout).split("\n")[0]}`);
  // What is read for the first time comes from the disk: the first round does not count.
  await round(new Map());
  const samples: Samples = new Map();
  for (let left = Number(values.repeat); left > 0; left--) await round(samples);
  const judged = requirements.map((requirement) => judge(requirement, samples));
  const width = Math.max(...judged.map(({ what }) => what.length));
  console.log(`${"".padEnd(width)}  ${"ours".padStart(16)}  ${"Python's".padStart(16)}   ratio  required`);
  for (const { what, ours, python, ratio, least, met } of judged) {
    const verdict = met ? "" : "  MISSED";
    console.log(
      `${what.padEnd(width)}  ${ours.padStart(16)}  ${python.padStart(16)}  ${show(ratio).padStart(6)}  ` +
        `${show(least).padStart(8)}${verdict}`,
    );
  }
  if (judged.some(({ met }) => !met)) Deno.exitCode = 1;
} finally {
  Deno.removeSync(scratch, { recursive: true });
}
