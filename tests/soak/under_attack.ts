/**
 * What an exporter is worth to its clients while it is attacked.
 *
 * @module
 */
import { connect, power } from "../../mod.ts";
import { residentMemoryMiB } from "../bench/processes.ts";
import { withLimit } from "../../lib/core/limit.ts";
import type { Order, Outcome, Word } from "./attack_worker.ts";

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
  /** How many calls of each were answered. */
  readonly steadyCalls: number;
  readonly newcomerCalls: number;
  /** The most memory that the exporter had, in MiB. */
  readonly memoryMiB: number;
  /** Connections that the attacker made. */
  readonly connections: number;
  /** What the exporter did to the attacker that it must not. */
  readonly complaints: readonly string[];
}

/**
 * What an exporter's memory may grow by, in MiB, under any of the attacks: 32 for unread messages, up to 64 that V8 gives
 * back late, and the buffers of some hundred connections.
 */
export const toleratedGrowthMiB = 180;

/** Gives an exporter the memory that it has in use. Resolves to how much that is, in MiB. */
export async function warmUp(target: Target): Promise<number> {
  for (let round = 0; round < 5; round++) {
    await Promise.all(Array.from({ length: 100 }, async () => {
      await using board = await connect({ host: target.address }, { power });
      for (let call = 0; call < 20; call++) await board.power.on();
    }));
  }
  return residentMemoryMiB(target.pid);
}

/** Attacks an exporter for so many milliseconds, while one client stays with it and others come and go. */
export async function underAttack(target: Target, name: string, lastsMs: number): Promise<Seen> {
  const [hostname, port] = target.address.split(":");
  await using steady = await connect({ host: target.address }, { power });
  await steady.power.on();
  const worker = new Worker(new URL("./attack_worker.ts", import.meta.url), { type: "module" });
  const tell = (order: Order) => worker.postMessage(order);
  const word = () => new Promise<Word>((resolve) => worker.onmessage = ({ data }) => resolve(data));
  const seen = { steadyMs: 0, newcomerMs: 0, steadyCalls: 0, newcomerCalls: 0, memoryMiB: 0 };
  const measure = async (who: "steady" | "newcomer", call: () => Promise<void>) => {
    const until = performance.now() + lastsMs;
    do {
      const start = performance.now();
      await call();
      seen[`${who}Ms`] = Math.max(seen[`${who}Ms`], performance.now() - start);
      seen[`${who}Calls`]++;
      seen.memoryMiB = Math.max(seen.memoryMiB, residentMemoryMiB(target.pid));
      await new Promise((wake) => setTimeout(wake, 20));
    } while (performance.now() < until);
  };
  try {
    const begun = word();
    tell({ name, target: { hostname, port: Number(port) } });
    await withLimit(begun, 60_000, "The beginning of the attack");
    await Promise.all([
      measure("steady", () => steady.power.on()),
      measure("newcomer", async () => {
        await using board = await connect({ host: target.address }, { power });
        await board.power.on();
      }),
    ]);
    const outcome = word();
    tell("stop");
    return { ...seen, ...await outcome as Outcome };
  } finally {
    worker.terminate();
  }
}
