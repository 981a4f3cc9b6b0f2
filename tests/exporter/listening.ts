/** An exporter of one probe on a real socket. @module */
import { planDriver } from "../../lib/contract/plan.ts";
import { serve } from "../../lib/exporter/listen.ts";
import { Session } from "../../lib/exporter/session.ts";
import { type ListenAddress, ServerSocket } from "../../lib/exporter/socket.ts";
import { recorder } from "../contract/drivers.ts";

/** Serves a driver on loopback until it is disposed of. */
export async function listening(more: Partial<ListenAddress> = {}, driver = recorder("probe", [])) {
  await using stack = new AsyncDisposableStack();
  const session = stack.use(await Session.open(planDriver("", driver, {})));
  const listener = serve(session, new ServerSocket({ hostname: "127.0.0.1", port: 0, ...more }));
  stack.defer(() => listener.close(0));
  const owned = stack.move();
  return { listener, address: listener.address, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

/** The content type of JSON. */
export const json = { "content-type": "application/json" };
/** The path of one of the probe's methods. */
export const pathOf = (method: string) => `/jumpstarter.interfaces.probe.v1.ProbeInterface/${method}`;
