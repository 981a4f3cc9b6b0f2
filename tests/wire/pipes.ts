/**
 * Connections for tests: served listeners, and pairs of pipes of every kind.
 *
 * @module
 */

import { memoryPipe, type Pipe } from "../../lib/core/pipe.ts";
import { connectRpc, type Handler, type RpcClient, serveConnection } from "../../lib/wire/rpc/mod.ts";
import type { ServedConnection, ServeOptions } from "../../lib/wire/rpc/mod.ts";
import type { Limits } from "../../lib/wire/http2/mod.ts";

export type Handlers = Record<string, Handler>;

/** Serves whoever connects to `listener`, until it is disposed of. */
export function serveListener(listener: Deno.Listener, handlers: Handlers): AsyncDisposable {
  const served: ServedConnection[] = [];
  let closed = false;
  const accepting = (async () => {
    while (!closed) {
      // A connection that is reset before it is accepted rejects as well.
      const conn = await listener.accept().catch(() => undefined);
      if (conn === undefined) continue;
      served.push(serveConnection(conn, { peer: "test", router: (path) => handlers[path] }));
    }
  })();
  return {
    async [Symbol.asyncDispose]() {
      closed = true;
      listener.close();
      await accepting;
      await Promise.all(served.map((connection) => connection.shutdown(0)));
    },
  };
}

/** A way to get two joined pipes. */
export interface PipeKind {
  name: string;
  open(): Promise<[Pipe, Pipe]>;
}

/** Every kind of pipe that tests run over. */
export const pipeKinds: PipeKind[] = [
  { name: "memory", open: () => Promise.resolve(memoryPipe()) },
  { name: "TCP", open: () => joined(Deno.listen({ hostname: "127.0.0.1", port: 0 })) },
  {
    name: "a unix socket",
    async open() {
      const directory = await Deno.makeTempDir();
      try {
        return await joined(Deno.listen({ transport: "unix", path: `${directory}/s` }));
      } finally {
        await Deno.remove(directory, { recursive: true });
      }
    },
  },
];

async function joined(listener: Deno.Listener): Promise<[Pipe, Pipe]> {
  const { addr } = listener;
  const dialing = addr.transport === "unix"
    ? Deno.connect({ transport: "unix", path: addr.path })
    : Deno.connect({ hostname: "127.0.0.1", port: (addr as Deno.NetAddr).port });
  const accepted = await listener.accept();
  listener.close();
  return [await dialing, accepted];
}

/** A client and what serves it, joined by a pipe. */
export interface Joined extends AsyncDisposable {
  client: RpcClient;
  served: ServedConnection;
}

/** Joins a client with handlers. Disposing of it closes both ends. */
export function join(
  [near, far]: [Pipe, Pipe],
  handlers: Handlers,
  options: { limits?: Partial<Limits>; clientLimits?: Partial<Limits> } & Partial<ServeOptions> = {},
): Joined {
  const { clientLimits, ...serveOptions } = options;
  const served = serveConnection(far, { peer: "test", router: (path) => handlers[path], ...serveOptions });
  const client = connectRpc(near, { authority: "localhost", limits: clientLimits });
  return {
    client,
    served,
    async [Symbol.asyncDispose]() {
      await client.close();
      await served.closed;
    },
  };
}

/** A unary handler that waits until it is told to answer. */
export function gate(): { handlers: Handlers; started: Promise<void>; open: () => void } {
  const started = Promise.withResolvers<void>();
  const opened = Promise.withResolvers<void>();
  return {
    started: started.promise,
    open: opened.resolve,
    handlers: {
      "/test/Gate": {
        kind: "unary",
        async handle(request) {
          started.resolve();
          await opened.promise;
          return request;
        },
      },
      "/test/Unary": { kind: "unary", handle: (request) => request },
    },
  };
}
