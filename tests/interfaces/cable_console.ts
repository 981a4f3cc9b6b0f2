/** Consoles on a cable that the test holds. @module */
import { clientsOf } from "../../lib/client/connect.ts";
import { planDriver } from "../../lib/contract/plan.ts";
import { consoleConfig, defineDriver, serial, serialConsole, serve, z } from "../../mod.ts";
import { sessionFor } from "../callers.ts";
import { group } from "../contract/drivers.ts";
import type { Cable } from "../streams/console/lines.ts";

/** A console on a cable. */
export function driverOf(cable: Cable) {
  return defineDriver({
    name: "test-console",
    summary: "x",
    implements: serial,
    config: z.object(consoleConfig),
    open: (context) => serialConsole(cable.open, context),
  });
}

/** A served console on a cable. */
export async function consoleOn(cable: Cable) {
  return await serve(driverOf(cable), {});
}

/** The same with two callers. */
export async function consoleOfTwo(cable: Cable) {
  const driver = driverOf(cable);
  const session = await sessionFor(group("", planDriver("console", driver, driver.config.parse({}))));
  const caller = async (peer: string) => clientsOf((await session.caller(peer)).board, { console: serial }).console;
  return {
    callers: await Promise.all([caller("ci"), caller("me")]),
    [Symbol.asyncDispose]: () => session[Symbol.asyncDispose](),
  };
}
