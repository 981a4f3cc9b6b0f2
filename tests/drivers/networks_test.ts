/** The network drivers against real sockets. @module */
import assert from "node:assert/strict";
import { createSocket, type Socket } from "node:dgram";
import { serve } from "../../mod.ts";
import echoNetwork from "../../drivers/echo_network/mod.ts";
import tcpNetwork from "../../drivers/tcp_network/mod.ts";
import udpNetwork from "../../drivers/udp_network/mod.ts";
import unixNetwork from "../../drivers/unix_network/mod.ts";
import { withLimit } from "../../lib/core/limit.ts";
import { deadPort, echoServer, serverOf, talk, unixEchoServer } from "../bytes.ts";
import { folderOf } from "../folder.ts";

Deno.test("EchoNetwork gives back what it gets, and its end", async () => {
  await using network = await serve(echoNetwork, {});
  await using stream = await network.connect();
  const { send, end, chunk } = talk(stream);
  for (const text of ["one", "two"]) {
    await send(text);
    assert.equal(new TextDecoder().decode(await chunk()), text);
  }
  await end();
  assert.equal(await chunk(), undefined);
});

Deno.test("EchoNetwork has no address to connect to directly", async () => {
  await using network = await serve(echoNetwork, {});
  await assert.rejects(network.address(), { code: "unimplemented" });
});

for (const host of ["127.0.0.1", "::1", "localhost"]) {
  Deno.test(`TcpNetwork talks to a server at ${host}, half-close included`, async () => {
    await using server = echoServer(host);
    await using network = await serve(tcpNetwork, { host, port: server.port });
    await using stream = await network.connect();
    const { send, end, rest } = talk(stream);
    await send("hello ");
    await send("board");
    await end();
    assert.equal(await rest(), "hello board");
  });
}

Deno.test("TcpNetwork opens a connection of its own for every stream", async () => {
  await using server = echoServer();
  await using network = await serve(tcpNetwork, { host: server.hostname, port: server.port });
  const answers = await Promise.all(Array.from({ length: 10 }, async (_, index) => {
    await using stream = await network.connect();
    const { send, end, rest } = talk(stream);
    await send(`stream ${index}`);
    await end();
    return await rest();
  }));
  assert.deepEqual(answers, Array.from({ length: 10 }, (_, index) => `stream ${index}`));
});

Deno.test("TcpNetwork hears what a server says and its end", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  await using server = serverOf(listener, async (connection) => {
    await connection.write(new TextEncoder().encode("SSH-2.0-simulated\r\n"));
    await connection.closeWrite();
    await connection.read(new Uint8Array(1));
  });
  await using network = await serve(tcpNetwork, { host: "127.0.0.1", port: server.port });
  await using stream = await network.connect();
  assert.equal(await talk(stream).rest(), "SSH-2.0-simulated\r\n");
});

Deno.test("TcpNetwork hangs up when its stream is given up", async () => {
  const { promise: ended, resolve: end } = Promise.withResolvers<number | null>();
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  await using server = serverOf(listener, async (connection) => {
    end(await connection.read(new Uint8Array(1)).catch(() => null));
  });
  await using network = await serve(tcpNetwork, { host: "127.0.0.1", port: server.port });
  const stream = await network.connect();
  await stream[Symbol.asyncDispose]();
  assert.equal(await withLimit(ended, 2000, "Hanging up"), null);
});

Deno.test("TcpNetwork hangs up on a device that takes nothing, without waiting for it", async () => {
  const arrived: Deno.Conn[] = [];
  const done = Promise.withResolvers<void>();
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  await using server = serverOf(listener, (connection) => (arrived.push(connection), done.promise));
  await using network = await serve(tcpNetwork, { host: "127.0.0.1", port: server.port });
  const open = () => [...Deno.readDirSync("/proc/self/fd")].length;
  const before = open();
  const stream = await network.connect();
  const writer = stream.writable.getWriter();
  const chunk = new Uint8Array(1024 * 1024);
  let taken = true;
  while (taken) {
    const written = writer.write(chunk).then(() => true, () => false);
    taken = await Promise.race([written, new Promise<boolean>((resolve) => setTimeout(resolve, 300, false))]);
  }
  await stream[Symbol.asyncDispose]();
  // The server's end is of this process as well.
  for (let waited = 0; open() > before + arrived.length && waited < 2000; waited += 20) {
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  assert.equal(open() - before, 1);
  done.resolve();
});

Deno.test("TcpNetwork says what it could not connect to", async () => {
  const port = deadPort();
  await using network = await serve(tcpNetwork, { host: "127.0.0.1", port });
  await assert.rejects(network.connect(), {
    code: "unavailable",
    phase: "driver",
    message: new RegExp(`^Cannot connect to the device at 127.0.0.1:${port}: Connection refused`),
  });
  await using nowhere = await serve(tcpNetwork, { host: "no-such-host.invalid", port: 22 });
  await assert.rejects(nowhere.connect(), {
    code: "unavailable",
    message: /^Cannot connect to the device at no-such-host.invalid:22: /,
  });
  await using six = await serve(tcpNetwork, { host: "::1", port });
  await assert.rejects(six.connect(), { message: new RegExp(`^Cannot connect to the device at \\[::1\\]:${port}: `) });
});

const addresses: [string, string][] = [
  ["192.0.2.7", "192.0.2.7"],
  ["2001:db8::1", "[2001:db8::1]"],
  ["no-such-host.invalid", "no-such-host.invalid"],
];

Deno.test("The address is a URL: names resolved where they can be, IPv6 in brackets", async () => {
  for (const [host, written] of addresses) {
    await using tcp = await serve(tcpNetwork, { host, port: 22 });
    await using udp = await serve(udpNetwork, { host, port: 69 });
    assert.deepEqual([await tcp.address(), await udp.address()], [`tcp://${written}:22`, `udp://${written}:69`]);
  }
  await using local = await serve(tcpNetwork, { host: "localhost", port: 22 });
  assert.match(await local.address(), /^tcp:\/\/(127\.0\.0\.1|\[::1\]):22$/);
});

Deno.test("An address that the config keeps back is refused in the words that Python's clients know", async () => {
  const refused = {
    code: "invalid_argument",
    message: "enable_address mode is not true in the exporter configuration",
  };
  await using tcp = await serve(tcpNetwork, { host: "192.0.2.7", port: 22, enable_address: false });
  await using udp = await serve(udpNetwork, { host: "192.0.2.7", port: 22, enable_address: false });
  await assert.rejects(tcp.address(), refused);
  await assert.rejects(udp.address(), refused);
});

/** A UDP server that gives back every datagram, and tells `hear` the port it came from. */
async function udpEcho(host: string, hear: (port: number) => void = () => {}) {
  const socket: Socket = createSocket(host.includes(":") ? "udp6" : "udp4");
  socket.on("message", (datagram, { port, address }) => {
    hear(port);
    socket.send(datagram, port, address);
  });
  await new Promise<void>((resolve) => socket.bind(0, host, resolve));
  return {
    port: socket.address().port,
    send: (text: string, to: number) =>
      new Promise<void>((resolve, reject) => socket.send(text, to, host, (error) => error ? reject(error) : resolve())),
    [Symbol.asyncDispose]: () => new Promise<void>((resolve) => socket.close(() => resolve())),
  };
}

for (const host of ["127.0.0.1", "::1"]) {
  Deno.test(`UdpNetwork carries one chunk as one datagram, both ways, at ${host}`, async () => {
    await using server = await udpEcho(host);
    await using network = await serve(udpNetwork, { host, port: server.port });
    await using stream = await network.connect();
    const { send, chunk } = talk(stream);
    const sizes = [1, 2, 1400, 9000];
    for (const size of sizes) await send("x".repeat(size));
    const received = [];
    while (received.length < sizes.length) received.push((await chunk())!.length);
    assert.deepEqual(received.sort((a, b) => a - b), sizes);
  });
}

Deno.test("UdpNetwork ends both ways at a datagram that is too large, and says so", async () => {
  await using server = await udpEcho("127.0.0.1");
  await using network = await serve(udpNetwork, { host: "127.0.0.1", port: server.port });
  await using stream = await network.connect();
  const { send, chunk } = talk(stream);
  await send("x".repeat(65_507));
  assert.equal((await chunk())!.length, 65_507);
  await send("x".repeat(65_508)).catch(() => {});
  await assert.rejects(withLimit(chunk(), 5_000, "The end"), {
    code: "out_of_range",
    message: `A datagram of 65508 bytes is too large for 127.0.0.1:${server.port}`,
  });
});

Deno.test("UdpNetwork hears the device only, however its address is spelt", async () => {
  await using stranger = await udpEcho("::1");
  const { promise: peer, resolve } = Promise.withResolvers<number>();
  await using server = await udpEcho("::1", resolve);
  await using network = await serve(udpNetwork, { host: "0:0::0:1", port: server.port });
  await using stream = await network.connect();
  const { send, chunk } = talk(stream);
  await send("first");
  await stranger.send("noise", await peer);
  await chunk();
  await send("second");
  assert.equal(new TextDecoder().decode(await chunk()), "second");
});

Deno.test("UdpNetwork refuses a name that does not resolve", async () => {
  await using network = await serve(udpNetwork, { host: "no-such-host.invalid", port: 69 });
  await assert.rejects(network.connect(), {
    code: "unavailable",
    message: /^Cannot connect to the device at no-such-host.invalid:69: /,
  });
});

Deno.test("UnixNetwork talks to a socket, half-close included", async () => {
  using folder = await folderOf();
  const path = `${folder.path}/socket`;
  await using _ = unixEchoServer(path);
  await using network = await serve(unixNetwork, { path });
  await using stream = await network.connect();
  const { send, end, rest } = talk(stream);
  await send("hello");
  await end();
  assert.equal(await rest(), "hello");
});

Deno.test("UnixNetwork says which socket is missing, and has no address", async () => {
  using folder = await folderOf();
  const path = `${folder.path}/socket`;
  await using network = await serve(unixNetwork, { path });
  await assert.rejects(network.connect(), {
    code: "unavailable",
    message: new RegExp(`^Cannot connect to the device at ${path}: No such file`),
  });
  await assert.rejects(network.address(), { code: "unimplemented" });
});

Deno.test("A network is forwarded to a local TCP port and to a local unix socket", async () => {
  await using server = echoServer();
  await using network = await serve(tcpNetwork, { host: server.hostname, port: server.port });
  using folder = await folderOf();
  const path = `${folder.path}/socket`;
  await using tcp = network.forwardTcp();
  await using unix = network.forwardUnix({ path });
  assert.match(tcp.address, /^127\.0\.0\.1:\d+$/);
  for (
    const dial of [
      () => Deno.connect({ hostname: "127.0.0.1", port: Number(tcp.address.split(":")[1]) }),
      () => Deno.connect({ transport: "unix", path: unix.address }),
    ]
  ) {
    using connection = await dial();
    await connection.write(new TextEncoder().encode("hello"));
    await connection.closeWrite();
    assert.equal(await new Response(connection.readable).text(), "hello");
  }
});

Deno.test("A forward to a dead target hangs up and says why", async () => {
  const port = deadPort();
  await using network = await serve(tcpNetwork, { host: "127.0.0.1", port });
  const { promise: failure, resolve } = Promise.withResolvers<string>();
  await using forward = network.forwardTcp({}, resolve);
  using connection = await Deno.connect({ hostname: "127.0.0.1", port: Number(forward.address.split(":")[1]) });
  assert.equal(await connection.read(new Uint8Array(1)).catch(() => null), null);
  assert.match(await failure, new RegExp(`^Cannot connect to the device at 127.0.0.1:${port}: `));
});
