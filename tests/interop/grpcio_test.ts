import assert from "node:assert/strict";
import { connectRpc, type RpcClient, type ServerStream } from "../../lib/wire/rpc/mod.ts";
import { JumpstarterError } from "../../lib/core/errors.ts";
import { serveListener } from "../wire/pipes.ts";
import { peerTest, pythonPeer } from "./python.ts";

const python = await pythonPeer("0.9.0");

const script = new URL("grpcio_peer.py", import.meta.url).pathname;
const sizes = [0, 1, 100, 16_384, 65_536, 1_000_000, 4 << 20, 20 << 20];

function peer(role: "serve" | "call", address: string): Deno.ChildProcess {
  return new Deno.Command(python!.python, { args: [script, role, address], stdin: "piped", stdout: "piped" }).spawn();
}

for (const kind of ["TCP", "unix"] as const) {
  peerTest(python, `serveConnection() answers every kind of call of Python's gRPC over ${kind}`, async () => {
    const directory = await Deno.makeTempDir();
    const canceled = Promise.withResolvers<void>();
    const path = `${directory}/s`;
    const listener = kind === "TCP"
      ? Deno.listen({ hostname: "127.0.0.1", port: 0 })
      : Deno.listen({ transport: "unix", path });
    await using _serving = serveListener(listener, {
      "/echo/Unary": { kind: "unary", handle: (request) => request },
      "/echo/WasCanceled": {
        kind: "unary",
        handle: async () => {
          await canceled.promise;
          return new TextEncoder().encode("yes");
        },
      },
      "/echo/Fail": {
        kind: "unary",
        handle: () => Promise.reject(new JumpstarterError("not_found", "Kein Gerät: 100 %")),
      },
      "/echo/Metadata": {
        kind: "unary",
        handle: (_, { metadata }) => new TextEncoder().encode(metadata["x-changing"]),
      },
      "/echo/Flood": {
        kind: "streaming",
        async handle(stream) {
          for (;;) await stream.send(new Uint8Array(65_536));
        },
      },
      "/echo/Stream": { kind: "streaming", handle: echo },
      "/echo/Hang": {
        kind: "streaming",
        async handle(stream) {
          stream.sendHeaders();
          const { promise, resolve } = Promise.withResolvers<void>();
          stream.signal.addEventListener("abort", () => resolve());
          await promise;
          canceled.resolve();
        },
      },
    });
    const { addr } = listener;
    const address = addr.transport === "tcp" ? `127.0.0.1:${addr.port}` : `unix://${path}`;
    const output = await peerOutput(peer("call", address));
    assert.equal(output, "ok\n");
    await Deno.remove(directory, { recursive: true });
  });
}

peerTest(python, "connectRpc() makes every kind of call to Python's gRPC", async () => {
  const child = peer("serve", "127.0.0.1:0");
  const lines = child.stdout.getReader();
  const port = Number(new TextDecoder().decode((await lines.read()).value));
  lines.releaseLock();
  const conn = await Deno.connect({ hostname: "127.0.0.1", port });
  const client = connectRpc(conn, { authority: `127.0.0.1:${port}` });

  for (const size of sizes) {
    const message = new Uint8Array(size).fill(7);
    assert.deepEqual(await client.unary("/echo/Unary", message), message);
    await echoAll(client, [message, new Uint8Array(), message]);
  }
  for (let i = 0; i < 1_000; i++) await client.unary("/echo/Unary", new Uint8Array(10));
  await Promise.all(Array.from({ length: 60 }, () => echoAll(client, Array(20).fill(new Uint8Array(65_536)))));

  const empty = new Uint8Array();
  // Enough different fields to turn the tables of both sides over and over.
  for (let number = 0; number < 500; number++) {
    const value = `${number} ${"v".repeat(number * 7 % 3_000)}`;
    const metadata = { "x-changing": value, [`x-name-${number}`]: "new" };
    assert.equal(new TextDecoder().decode(await client.unary("/echo/Metadata", empty, { metadata })), value);
  }
  const stalled = client.stream("/echo/Flood");
  await stalled.send(empty);
  stalled.closeSend();
  assert.equal((await stalled.receive())!.length, 65_536);
  for (let i = 0; i < 500; i++) await client.unary("/echo/Unary", new Uint8Array(10), { timeoutMs: 20_000 });
  stalled.cancel();
  await assert.rejects(client.unary("/echo/Fail", empty), { code: "not_found", message: "Kein Gerät: 100 %" });
  await assert.rejects(client.unary("/echo/None", empty), { code: "unimplemented" });
  await assert.rejects(client.unary("/echo/Hang", empty, { timeoutMs: 100 }), { code: "deadline_exceeded" });
  for (let i = 0; i < 100; i++) {
    const hanging = client.stream("/echo/Hang");
    await hanging.headers;
    hanging.cancel();
    await assert.rejects(hanging.receive(), { code: "canceled" });
  }
  assert.equal((await client.unary("/echo/WasCanceled", empty)).length, 3);
  await echoAll(client, [new Uint8Array(5)]);

  await client.close();
  await child.stdin.close();
  await child.stdout.cancel();
  assert.equal((await child.status).success, true);
});

async function echo(stream: ServerStream): Promise<void> {
  stream.sendHeaders({ x_jmp_accept_encoding: "" });
  for (let message; (message = await stream.receive()) !== undefined;) await stream.send(message);
}

async function echoAll(client: RpcClient, messages: Uint8Array[]): Promise<void> {
  const stream = client.stream("/echo/Stream");
  assert.equal((await stream.headers)["x_jmp_accept_encoding"], "");
  const send = async () => {
    for (const message of messages) await stream.send(message);
    stream.closeSend();
  };
  const receive = async () => {
    const received: Uint8Array[] = [];
    for (let message; (message = await stream.receive()) !== undefined;) received.push(message);
    return received;
  };
  const [, received] = await Promise.all([send(), receive()]);
  assert.deepEqual(received.map((message) => message.length), messages.map((message) => message.length));
}

async function peerOutput(child: Deno.ChildProcess): Promise<string> {
  await child.stdin.close();
  const { stdout } = await child.output();
  return new TextDecoder().decode(stdout);
}
