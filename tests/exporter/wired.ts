/**
 * A session behind the real wire, for tests that look at the wire's side of it.
 *
 * @module
 */
import { ExporterConnection } from "../../lib/client/connection.ts";
import type { PlannedDriver } from "../../lib/contract/plan.ts";
import { memoryPipe } from "../../lib/core/pipe.ts";
import { Session, type SessionOptions } from "../../lib/exporter/session.ts";
import type { Limits } from "../../lib/wire/http2/mod.ts";
import { connectRpc } from "../../lib/wire/rpc/client.ts";
import { serveConnection } from "../../lib/wire/rpc/server.ts";
import type { RpcClient } from "../../lib/wire/rpc/types.ts";

/** A session and one connection to it. */
export interface Wired extends AsyncDisposable {
  readonly session: Session;
  readonly rpc: RpcClient;
  readonly connection: ExporterConnection;
}

/** Opens a session and connects to it. */
export async function wired(
  root: PlannedDriver,
  options: SessionOptions = {},
  limits: Partial<Limits> = {},
): Promise<Wired> {
  await using stack = new AsyncDisposableStack();
  const session = stack.use(await Session.open(root, options));
  const [near, far] = memoryPipe();
  const served = serveConnection(far, { router: session.router, peer: "memory", limits });
  stack.defer(() => served.shutdown(0));
  const rpc = connectRpc(near, { authority: "localhost", peer: "memory" });
  const connection = stack.use(new ExporterConnection(rpc));
  const owned = stack.move();
  return { session, rpc, connection, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}
