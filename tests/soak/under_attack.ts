/**
 * What an exporter is worth to its clients while it is attacked.
 *
 * @module
 */
import { connect, power } from "../../mod.ts";
import { residentMemoryMiB } from "../bench/processes.ts";
import type { Order, Outcome } from "./attack_worker.ts";

/** An exporter with a power switch called `power`. */
export interface Target {
  readonly address: string;
  readonly pid: number;
}

/** What clients saw. */
export interface Seen {
  /** The longest call of a client that was there before, in milliseconds. */
  readonly steadyMs: number;
  /** The longest time from a new client's connection to its answer, in milliseconds. */
  readonly newcomerMs: number;
  /** How many calls were answered. */
  readonly calls: number;
  /** By how much the exporter's memory grew at most, in MiB. */
  readonly growthMiB: number;
  /** Connections that the attacker made. */
  readonly connections: number;
  /** What the exporter did to the attacker that it must not. */
  readonly complaints: readonly string[];
}

/** Attacks an exporter for so many milliseconds, while one client stays with it and others come and go. */
export async function underAttack(target: Target, name: string, lastsMs: number): Promise<Seen> {
  const [hostname, port] = target.address.split(":");
  await using steady = await connect({ host: target.address }, { power });
  await steady.power.on();
  const before = residentMemoryMiB(target.pid);
  const worker = new Worker(new URL("./attack_worker.ts", import.meta.url), { type: "module" });
  const tell = (order: Order) => worker.postMessage(order);
  const until = performance.now() + lastsMs;
  const seen = { steadyMs: 0, newcomerMs: 0, calls: 0, growthMiB: 0 };
  const measure = async (key: "steadyMs" | "newcomerMs", call: () => Promise<void>) => {
    while (performance.now() < until) {
      const start = performance.now();
      await call();
      seen[key] = Math.max(seen[key], performance.now() - start);
      seen.growthMiB = Math.max(seen.growthMiB, residentMemoryMiB(target.pid) - before);
      seen.calls++;
      await new Promise((wake) => setTimeout(wake, 20));
    }
  };
  try {
    tell({ name, target: { hostname, port: Number(port) } });
    await Promise.all([
      measure("steadyMs", () => steady.power.on()),
      measure("newcomerMs", async () => {
        await using board = await connect({ host: target.address }, { power });
        await board.power.on();
      }),
    ]);
    const outcome = new Promise<Outcome>((resolve) => worker.onmessage = ({ data }) => resolve(data));
    tell("stop");
    return { ...seen, ...await outcome };
  } finally {
    worker.terminate();
  }
}
