/**
 * Drivers that write down what happens to them.
 *
 * @module
 */
import * as z from "zod";
import type { AnyDriver, DriverContext, Interfaces } from "../../lib/contract/driver.ts";
import { defineInterface } from "../../lib/contract/interface.ts";
import { byteStream, serverStreaming, unary } from "../../lib/contract/method.ts";
import type { PlannedNode, PlannedProxy } from "../../lib/contract/plan.ts";
import { planDriver } from "../../lib/contract/plan.ts";
import { echoStream } from "../../lib/core/byte_stream.ts";
import { composite } from "../../lib/interfaces/composite.ts";

/** One method of each kind. */
export const probe = defineInterface({
  name: "probe",
  summary: "One method of each kind",
  pythonClients: [],
  methods: {
    add: unary("Sum", { params: { a: z.int(), b: z.int().default(1) }, result: z.number() }),
    fail: unary("Fail", { optional: true }),
    countTo: serverStreaming("Count", { params: { end: z.int() }, result: z.int() }),
    connect: byteStream("Echo"),
  },
});

/** What a working probe does. */
export const probeMethods = {
  add: ({ a, b }: { a: number; b: number }) => a + b,
  async *countTo({ end }: { end: number }) {
    for (let count = 1; count <= end; count++) yield count;
  },
  connect: () => echoStream(),
};

/** What `open` gets, with children that may be called anyhow. */
// deno-lint-ignore no-explicit-any
type Context = Omit<DriverContext<any, Interfaces>, "children"> & { children: any };

/** A driver whose `open` does what a test wants, which the compiler would rather not allow. */
export function opener(open: (context: Context) => unknown, more: Partial<AnyDriver> = {}): AnyDriver {
  const own = { name: "opener", summary: "opener", implements: composite, config: z.object({}) };
  return { ...own, ...more, open: open as AnyDriver["open"] };
}

/** A probe that tells `events` when it is opened and closed. */
export function recorder(name: string, events: string[], more: object = {}): AnyDriver {
  return opener(() => {
    events.push(`${name} opened`);
    return { ...probeMethods, [Symbol.asyncDispose]: () => void events.push(`${name} closed`), ...more };
  }, { name, implements: probe });
}

/** A driver that holds others. */
export const holder = opener(() => ({}), { name: "holder" });

/** A planned composite. */
export function group(name: string, ...children: PlannedNode[]) {
  return planDriver(name, holder, {}, children);
}

/** A planned proxy. */
export function proxy(name: string, ref: string): PlannedProxy {
  return { kind: "proxy", name, ref };
}

/** A driver that makes children of these interfaces, all probes. */
export function provider(provides: Interfaces): AnyDriver {
  return opener(() => ({}), { name: "provider", provides });
}
