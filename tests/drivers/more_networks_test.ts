/** Networks of other kinds than sockets of the internet: WebSocket, D-Bus, vsock. @module */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import dbusNetwork from "../../drivers/dbus_network/mod.ts";
import vsockNetwork from "../../drivers/vsock_network/mod.ts";
import websocketNetwork from "../../drivers/websocket_network/mod.ts";
import { sourceOf } from "../../lib/core/byte_stream.ts";
import { JumpstarterError } from "../../lib/core/errors.ts";
import { pause, withLimit } from "../../lib/core/limit.ts";
import { writeAll } from "../../lib/core/pipe.ts";
import { openWebSocket } from "../../lib/streams/web_socket.ts";
import { type NetworkClient, serve } from "../../mod.ts";
import { deadPort, talk } from "../bytes.ts";
import { dbusTest, namesOnBus, startBus } from "../dbus.ts";
import { folderOf } from "../folder.ts";
import { testBytes } from "../interop/half_close_server.ts";
import { webSocketServer } from "../web_socket.ts";

const encoder = new TextEncoder();
const text = (bytes: Uint8Array | undefined) => bytes && new TextDecoder().decode(bytes);

Deno.test("WebsocketNetwork exchanges messages, text as its bytes, until the device closes", async () => {
  await using server = webSocketServer();
  await using network = await serve(websocketNetwork, { url: server.url });
  await using stream = await network.connect();
  const { send, chunk } = talk(stream);
  await send("hello");
  assert.equal(text(await chunk()), "hello");
  await send("text");
  assert.equal(text(await chunk()), "Grüße");
  await send("bye");
  assert.equal(await chunk(), undefined);
});

Deno.test("WebsocketNetwork tells a broken connection from one that was closed", async () => {
  await using server = webSocketServer();
  await using network = await serve(websocketNetwork, { url: server.url });
  await using stream = await network.connect();
  const { send, chunk } = talk(stream);
  await send("die");
  await assert.rejects(chunk(), { code: "unavailable", message: /It was closed with 4000 \(out of order\)$/ });
});

Deno.test("WebsocketNetwork carries 20 MiB both ways, byte for byte", async () => {
  await using server = webSocketServer();
  await using network = await serve(websocketNetwork, { url: server.url });
  await using stream = await network.connect();
  const sent = testBytes(20 * 1024 * 1024);
  const writer = stream.writable.getWriter();
  const writing = (async () => {
    for (let at = 0; at < sent.length; at += 65536) await writer.write(sent.subarray(at, at + 65536));
  })();
  let received = 0;
  for await (const part of stream.readable) {
    assert.ok(part.every((byte, index) => byte === sent[received + index]), `differs after ${received}`);
    received += part.length;
    if (received === sent.length) break;
  }
  await writing;
});

Deno.test("WebsocketNetwork keeps nothing for a client that is gone, though the device never stops", async () => {
  await using device = chattyDevice();
  await using network = await serve(websocketNetwork, { url: device.url });
  {
    await using stream = await network.connect();
    await talk(stream).chunk();
  }
  const before = Deno.memoryUsage().rss;
  await device.says(500);
  const grown = (Deno.memoryUsage().rss - before) / 1024 ** 2;
  assert.ok(grown < 200, `${grown} MiB more`);
});

Deno.test("A WebSocket's messages take memory even where they are empty", async () => {
  await using device = chattyDevice(new Uint8Array(2000).map((_, at) => at % 2 === 0 ? 0x82 : 0));
  const failureOf = (why: string) => new JumpstarterError("unavailable", why);
  await using stream = await openWebSocket(new WebSocket(device.url), failureOf, new AbortController().signal);
  await device.says(100);
  const { next } = sourceOf(stream);
  let count = 0;
  const read = async () => {
    while (await next()) count++;
  };
  await assert.rejects(read(), { code: "resource_exhausted", message: /bytes wait for the reader$/ });
  assert.ok(count <= 64 * 1024 + 1, `${count} messages`);
});

/** A message of 1 MiB. */
function largeMessage(): Uint8Array {
  const message = new Uint8Array(10 + 1024 * 1024);
  message.set([0x82, 127, 0, 0, 0, 0, 0, 16, 0, 0]);
  return message;
}

/** A device that sends the same again and again and never reads, so that it does not hear of a closing. */
function chattyDevice(message = largeMessage()) {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  let said = 0;
  let told = Promise.withResolvers<void>();
  const serving = (async () => {
    using connection = await listener.accept();
    const request = new Uint8Array(4096);
    const count = await connection.read(request);
    const [, key] = /^sec-websocket-key: (.*)\r$/im.exec(new TextDecoder().decode(request.subarray(0, count!)))!;
    const accept = createHash("sha1").update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest("base64");
    const head = ["HTTP/1.1 101 Switching Protocols", "Upgrade: websocket", "Connection: Upgrade"];
    await writeAll(connection, encoder.encode(`${head.join("\r\n")}\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`));
    try {
      for (;; said++) {
        await writeAll(connection, message);
        told.resolve();
        told = Promise.withResolvers();
      }
    } catch { /* the driver is gone */ }
  })();
  return {
    url: `ws://127.0.0.1:${listener.addr.port}/`,
    async says(count: number) {
      for (const end = said + count; said < end;) await withLimit(told.promise, 5_000, "The next message");
    },
    async [Symbol.asyncDispose]() {
      listener.close();
      await Promise.race([serving, pause(100)]);
    },
  };
}

Deno.test("WebsocketNetwork says its URL where it may, and what it could not connect to", async () => {
  const url = `ws://127.0.0.1:${deadPort()}/x`;
  await using network = await serve(websocketNetwork, { url });
  assert.equal(await network.address(), url);
  await assert.rejects(network.connect(), {
    code: "unavailable",
    phase: "driver",
    message: new RegExp(`^Cannot connect to the device at ${url}: `),
  });
  await using kept = await serve(websocketNetwork, { url, enable_address: false });
  await assert.rejects(kept.address(), { code: "invalid_argument", message: /^enable_address mode is not true/ });
  await assert.rejects(serve(websocketNetwork, { url: "http://x" }), /begins with ws:\/\/ or wss:\/\//);
});

/** The driver of the session's bus, which is looked up when it is opened. */
async function bus(address: string): Promise<NetworkClient & AsyncDisposable> {
  const before = Deno.env.get("DBUS_SESSION_BUS_ADDRESS");
  Deno.env.set("DBUS_SESSION_BUS_ADDRESS", address);
  try {
    return await serve(dbusNetwork, { kind: "session" });
  } finally {
    if (before === undefined) Deno.env.delete("DBUS_SESSION_BUS_ADDRESS");
    else Deno.env.set("DBUS_SESSION_BUS_ADDRESS", before);
  }
}

dbusTest("DbusNetwork carries a real bus, over its unix socket and over TCP", async () => {
  await using daemon = await startBus();
  using folder = await folderOf();
  await using unix = await bus(daemon.unix);
  await using forward = unix.forwardUnix({ path: `${folder.path}/bus` });
  assert.match(await namesOnBus(`unix:path=${forward.address}`), /^org\.freedesktop\.DBus /m);
  await using tcp = await bus(`unix:abstract=x;${daemon.tcp}`);
  await using stream = await tcp.connect();
  const { send, until } = talk(stream);
  await send("\0AUTH ANONYMOUS 6a\r\n");
  assert.match(await until("\r\n"), /^OK [0-9a-f]{32}\r\n$/);
});

Deno.test("DbusNetwork refuses an address that it cannot connect to, and says which bus is not there", async () => {
  for (const address of ["nonsense", "unix:abstract=/x", "tcp:host=x", "tcp:host=x,port=ssh", "launchd:env=X"]) {
    await assert.rejects(bus(address), { code: "invalid_argument", message: /Expected unix:path=PATH or tcp:host=/ });
  }
  await using network = await bus("unix:path=/no/such%20bus,guid=0");
  await assert.rejects(network.connect(), {
    code: "unavailable",
    message: /^Cannot connect to the device at \/no\/such bus: /,
  });
});

const vsock = Deno.build.os === "linux" && await Deno.stat("/dev/vsock").then(() => true, () => false);

Deno.test("VsockNetwork says what it could not connect to, or what the kernel lacks", async () => {
  const opening = serve(vsockNetwork, { cid: 1, port: 4_000_000_000 });
  if (!vsock) return await assert.rejects(opening, { code: "unimplemented", message: /^Cannot use vsocks: / });
  await using network = await opening;
  await assert.rejects(network.connect(), {
    code: "unavailable",
    message: /^Cannot connect to the device at vsock:1:4000000000: /,
  });
});

const loopback = vsock &&
  await Deno.readTextFile("/proc/modules").then((modules) => /^vsock_loopback /m.test(modules), () => false);
if (!loopback) console.error("The kernel module vsock_loopback is not loaded: streams through vsocks are not tested");

Deno.test({
  name: "VsockNetwork carries a stream with half-close",
  ignore: !loopback,
  async fn() {
    const listener = Deno.listen({ transport: "vsock", cid: -1, port: 50_123 });
    const serving = listener.accept().then((connection) => connection.readable.pipeTo(connection.writable));
    await using network = await serve(vsockNetwork, { cid: 1, port: 50_123 });
    await using stream = await network.connect();
    const { send, end, rest } = talk(stream);
    await send("hello guest");
    await end();
    assert.equal(await rest(), "hello guest");
    await serving;
    listener.close();
  },
});
