/**
 * `serve`: one driver in this process, behind the real wire, for its own tests.
 *
 * @module
 */
import { boardOf, clientsOf } from "../client/connect.ts";
import { ExporterConnection } from "../client/connection.ts";
import { clientOf } from "../contract/client.ts";
import { type Driver, type Interfaces, strictConfig } from "../contract/driver.ts";
import type { Client, Interface } from "../contract/interface.ts";
import type { Methods } from "../contract/method.ts";
import { planDriver } from "../contract/plan.ts";
import { check } from "../contract/values.ts";
import type { LogHub } from "../core/log.ts";
import { memoryPipe } from "../core/pipe.ts";
import { Session } from "../exporter/session.ts";
import { connectRpc } from "../wire/rpc/client.ts";
import { serveConnection } from "../wire/rpc/server.ts";
import type * as z from "zod/mini";

/** The client of a served driver, with those of the children that the driver provides. */
export type Served<T extends Methods, X, P extends Interfaces> =
  & Client<Interface<string, T, X>>
  & { readonly [N in keyof P]: Client<P[N]> }
  & AsyncDisposable;

/**
 * Runs one driver in this process and gives its typed client. Calls go over the real wire, through a pipe in memory.
 * Disposing closes the driver.
 *
 * @example
 * ```ts
 * await using relay = await serve(acmeRelay, { host: "127.0.0.1:8080" });
 * await relay.on();
 * ```
 * @throws {JumpstarterError} `invalid_argument` for a config that does not fit, or the driver's failure to open.
 */
export async function serve<
  C extends z.core.$ZodType,
  T extends Methods,
  X,
  K extends Interfaces,
  P extends Interfaces,
>(
  driver: Driver<C, T, X, K, P>,
  config: z.input<C>,
  options: { hub?: LogHub; stateFolder?: string } = {},
): Promise<Served<T, X, P>> {
  await using stack = new AsyncDisposableStack();
  const checked = check(strictConfig(driver.config), config, "config");
  const session = stack.use(await Session.open(planDriver("", driver, checked), options));
  const [near, far] = memoryPipe();
  const served = serveConnection(far, { router: session.router, peer: "memory" });
  stack.defer(() => served.shutdown(0));
  const connection = new ExporterConnection(connectRpc(near, { authority: "localhost", peer: "memory" }));
  const board = stack.use(await boardOf(connection));
  const clients = clientsOf(board, driver.provides ?? {});
  const own = clientOf(driver.implements as Interface<string, T, X>, board.root.caller);
  const owned = stack.move();
  // The client's own members are functions of their own; nothing of it is lost by copying them.
  return { ...own as object, ...clients, [Symbol.asyncDispose]: () => owned.disposeAsync() } as Served<T, X, P>;
}
