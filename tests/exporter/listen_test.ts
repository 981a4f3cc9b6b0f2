import assert from "node:assert/strict";
import { ExporterConnection } from "../../lib/client/connection.ts";
import { parseAddress } from "../../lib/client/address.ts";
import { planDriver } from "../../lib/contract/plan.ts";
import { withLimit } from "../../lib/core/limit.ts";
import { type ListenLimits, serve } from "../../lib/exporter/listen.ts";
import { Session } from "../../lib/exporter/session.ts";
import { type ListenAddress, ServerSocket } from "../../lib/exporter/socket.ts";
import { opener, probe, probeMethods, recorder } from "../contract/drivers.ts";
import { folderOf } from "../folder.ts";

const anyPort = { hostname: "127.0.0.1", port: 0 };

async function listening(at: ListenAddress = anyPort, limits?: ListenLimits, driver = recorder("probe", [])) {
  await using stack = new AsyncDisposableStack();
  const session = stack.use(await Session.open(planDriver("", driver, {})));
  const listener = serve(session, new ServerSocket(at), limits);
  stack.defer(() => listener.close(0));
  const owned = stack.move();
  return { session, listener, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

const dial = (address: string) => ExporterConnection.dial(parseAddress(address));

Deno.test("A session is served on TCP and on a unix socket, which is gone afterwards", async () => {
  using folder = await folderOf();
  const path = `${folder.path}/socket`;
  for (const at of [anyPort, { path }]) {
    await using server = await listening(at);
    await using client = await dial(server.listener.address);
    assert.equal((await client.report()).uuid, server.session.uuid);
  }
  assert.throws(() => Deno.lstatSync(path), Deno.errors.NotFound);
});

Deno.test("Where all places are taken by silent connections, whoever wants to call takes that of the oldest", async () => {
  await using server = await listening(anyPort, { connections: 2 });
  const { hostname, port } = parseAddress(server.listener.address) as Deno.NetAddr;
  using oldest = await Deno.connect({ hostname, port });
  using other = await Deno.connect({ hostname, port });
  await using client = await dial(server.listener.address);
  await client.report();
  while (await withLimit(oldest.read(new Uint8Array(100)), 5_000, "The end of the oldest") !== null);
  await using second = await dial(server.listener.address);
  await second.report();
  while (await withLimit(other.read(new Uint8Array(100)), 5_000, "The end of the other") !== null);
  await client.report();
});

Deno.test("There is a limit to the connections at once", async () => {
  await using server = await listening(anyPort, { connections: 1 });
  await using first = await dial(server.listener.address);
  await first.report();
  await using second = await dial(server.listener.address);
  await assert.rejects(second.report(), { code: "unavailable" });
  await first.report();
});

Deno.test("close() lets a call finish that is in time, and drops one that is not", async () => {
  const { promise: started, resolve: start } = Promise.withResolvers<void>();
  const { promise: finished, resolve: finish } = Promise.withResolvers<number>();
  const driver = opener(() => ({
    ...probeMethods,
    add: () => {
      start();
      return finished;
    },
  }), { implements: probe });
  await using server = await listening(anyPort, {}, driver);
  await using client = await dial(server.listener.address);
  const adding = client.caller(server.session.tree.root.uuid).unary("add", [1], {});
  await started;
  const closing = server.listener.close(5000);
  finish(7);
  assert.equal(await adding, 7);
  await withLimit(closing, 2000, "Closing");
  await assert.rejects(dial(server.listener.address), { code: "unavailable" });

  const never = opener(() => ({ ...probeMethods, add: () => new Promise(() => {}) }), { implements: probe });
  await using stuck = await listening(anyPort, {}, never);
  await using other = await dial(stuck.listener.address);
  const hanging = assert.rejects(other.caller(stuck.session.tree.root.uuid).unary("add", [1], {}));
  await other.report();
  await withLimit(stuck.listener.close(10), 2000, "Closing");
  await hanging;
});
