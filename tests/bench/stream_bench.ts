/**
 * Forwards and a console: ours, Python's, and two plain TCP relays in a row, which are the same hops without HTTP/2.
 *
 * @module
 */
import { join } from "node:path";
import { pause } from "../../lib/core/limit.ts";
import type { PythonPeer } from "../interop/python.ts";
import { type Contender, ourLibrary, ours, pythonOf, start, writeConfig } from "./contenders.ts";
import {
  clearPeakMemory,
  peakMemoryMiB,
  type Program,
  residentMemoryMiB,
  runToEnd,
  startAndHear,
} from "./processes.ts";
import type { Bench, Requirement, Samples } from "./ratios.ts";

const here = import.meta.dirname!;
const MiB = 1024 * 1024;
const sizes = { bytes: 192 * MiB, slowBytes: 64 * MiB, connections: 32, opens: 300, keys: 1_000 };
/** How often the contenders take turns at each transfer in a round: a busy machine is not as fast from one to the next. */
const turns = 3;
/** How long an exporter rests before its memory is read, in milliseconds. */
const restMs = 1_000;
/** How long all connections go on before the memory that they cost is read, in milliseconds. */
const saturatedMs = 5_000;
const extraMiB = 100;

const transfers = ["up", "down", "echo", "echo-many"] as const;
type Transfer = (typeof transfers)[number];

const names: Record<Transfer, string> = {
  "up": "one connection, up",
  "down": "one connection, down",
  "echo": "one connection, echo",
  "echo-many": `${sizes.connections} connections, echo`,
};

/** A requirement on a rate. */
function rate(what: string, ours: string, other: string, ratio: number): Requirement {
  return { what, unit: "MB/s", ours, other, moreIsBetter: true, ratio };
}

/** A requirement on a time. */
function time(what: string, ours: string, other: string, ratio: number): Requirement {
  return { what, unit: "ms", ours, other, ratio };
}

const requirements: Requirement[] = [
  ...transfers.map((name) => rate(`${names[name]}, to Python's`, `ours ${name}`, `python ${name}`, 3)),
  ...transfers.map((name) => rate(`${names[name]}, to two plain relays`, `ours ${name}`, `relays ${name}`, 0.5)),
  time("opening and first echo, p50", "ours open p50", "python open p50", 2),
  time("opening and first echo, p99", "ours open p99", "python open p99", 3),
  time("key to echo, p50", "ours key p50", "python key p50", 2),
  ...transfers.map((name) => rate(`Python's client on ours: ${names[name]}`, `mixed ${name}`, `python ${name}`, 1)),
  time("Python's client on ours: opening, p50", "mixed open p50", "python open p50", 1),
  time("Python's client on ours: key to echo, p50", "mixed key p50", "python key p50", 1),
  {
    what: `exporter, ${sizes.connections} saturated, above idle`,
    unit: "MiB",
    ours: "ours memory",
    other: "allowed memory",
    ratio: 1,
  },
];

/** The bench of streams. */
export const streams: Bench = (peer, scratch) => ({ requirements, round: (samples) => round(peer, scratch, samples) });

/** A contender whose forwards stand: the ports of this machine by what is behind them. */
interface Standing {
  readonly name: string;
  readonly ports: Ports;
}

interface Ports {
  readonly sink: number;
  readonly source: number;
  readonly echo: number;
}

async function round(peer: PythonPeer, scratch: string, samples: Samples): Promise<void> {
  await using stack = new AsyncDisposableStack();
  const load = (...words: (string | number)[]): Program => ({
    words: [peer.python, join(here, "tcp_load.py"), ...words.map(String)],
  });
  const servers = stack.use(await startAndHear(load("servers")));
  const ports: Ports = JSON.parse(servers.line);
  const config = writeConfig(scratch, "streams", [
    ...Object.entries(ports).map(([name, port]) =>
      `${name}: { type: jumpstarter_driver_network.driver.TcpNetwork, config: { host: 127.0.0.1, port: ${port} } }`
    ),
    "serial: { type: jumpstarter_driver_pyserial.driver.PySerial, config: { url: 'loop://' } }",
  ]);
  const python = pythonOf(peer);
  const own = stack.use(await start(ours, config));
  const theirs = stack.use(await start(python, config));
  await pause(restMs);
  const idleMiB = residentMemoryMiB(own.pid);
  const pairs = [
    ["ours", ours, own.host, ["start-console"]],
    ["python", python, theirs.host, ["start-console"]],
    ["mixed", python, own.host, ["start-console"]],
  ] as const;

  for (const [name, client, host, console] of pairs) {
    const { words, env } = client.client(host, ["serial", ...console]);
    const { printed } = await runToEnd({ words: [...load("key", sizes.keys).words, ...words], env });
    addPercentiles(samples, `${name} key`, printed);
  }
  const standing: Standing[] = [{ name: "relays", ports: await relaysTo(ports, stack) }];
  for (const [name, client, host] of pairs) {
    standing.push({ name, ports: await forwardsOf(client, host, ports, stack) });
  }
  const saturate = load("saturate", standing.find(({ name }) => name === "ours")!.ports.echo, sizes.connections);
  samples.add("ours memory", await peakMemoryWhile(saturate, own.pid) - idleMiB);
  samples.add("allowed memory", extraMiB);
  for (const transfer of transfers) {
    for (const { name, ports } of Array.from({ length: turns }, () => standing).flat()) {
      const port = ports[transfer === "up" ? "sink" : transfer === "down" ? "source" : "echo"];
      const bytes = name === "ours" || name === "relays" ? sizes.bytes : sizes.slowBytes;
      const more = transfer === "echo-many" ? [sizes.connections] : [];
      samples.add(`${name} ${transfer}`, JSON.parse((await runToEnd(load(transfer, port, bytes, ...more))).printed));
    }
  }
  for (const { name, ports } of standing) {
    addPercentiles(samples, `${name} open`, (await runToEnd(load("open", ports.echo, sizes.opens))).printed);
  }
}

/** The most that a process has held while a load went on. */
async function peakMemoryWhile(load: Program, pid: number): Promise<number> {
  await using _running = await startAndHear(load);
  clearPeakMemory(pid);
  await pause(saturatedMs);
  return peakMemoryMiB(pid);
}

function addPercentiles(samples: Samples, name: string, printed: string): void {
  const { p50, p99 } = JSON.parse(printed);
  samples.add(`${name} p50`, p50);
  samples.add(`${name} p99`, p99);
}

/** Forwards of each driver by a client. */
async function forwardsOf(client: Contender, host: string, ports: Ports, stack: AsyncDisposableStack): Promise<Ports> {
  return await eachPort(ports, async (name) => {
    const program = client.client(host, [name, "forward-tcp", "--address", "127.0.0.1", "0"]);
    const { line } = stack.use(await startAndHear(program));
    return Number(line.slice(line.lastIndexOf(":") + 1));
  });
}

/** Two relays in a row to each port. */
async function relaysTo(ports: Ports, stack: AsyncDisposableStack): Promise<Ports> {
  const { deno } = ourLibrary();
  const relayTo = async (port: number) => {
    const relay = await startAndHear({
      words: [deno, "run", "-A", "--no-check", join(here, "relay.ts"), String(port)],
    });
    return Number(stack.use(relay).line);
  };
  return await eachPort(ports, async (_, port) => await relayTo(await relayTo(port)));
}

async function eachPort(ports: Ports, make: (name: string, port: number) => Promise<number>): Promise<Ports> {
  const entries = Object.entries(ports).map(async ([name, port]) => [name, await make(name, port)] as const);
  return Object.fromEntries(await Promise.all(entries)) as unknown as Ports;
}
