/** Several callers of one session, each over a connection of its own. @module */
import { type Board, boardOf } from "../lib/client/connect.ts";
import { ExporterConnection } from "../lib/client/connection.ts";
import { memoryPipe } from "../lib/core/pipe.ts";
import { Session } from "../lib/exporter/session.ts";
import { connectRpc } from "../lib/wire/rpc/client.ts";
import { serveConnection } from "../lib/wire/rpc/server.ts";

/** Opens a session on a plan, for callers that are named. */
export async function sessionFor(root: Parameters<typeof Session.open>[0]) {
  await using stack = new AsyncDisposableStack();
  const session = stack.use(await Session.open(root));
  const owned = stack.move();
  return {
    async caller(peer: string): Promise<{ board: Board; hangUp(): Promise<void> }> {
      const [near, far] = memoryPipe();
      const served = serveConnection(far, { router: session.router, peer });
      owned.defer(() => served.shutdown(0));
      const connection = new ExporterConnection(connectRpc(near, { authority: "localhost", peer }));
      const board = owned.use(await boardOf(connection));
      return { board, hangUp: () => connection[Symbol.asyncDispose]() };
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}
