import assert from "node:assert/strict";
import { memoryPipe, type Pipe, writeAll } from "../../lib/core/pipe.ts";
import { ErrorCode } from "../../lib/wire/http2/error_code.ts";
import { Flag, FrameType, preface, readUint32 } from "../../lib/wire/http2/frames.ts";
import type { HeaderField } from "../../lib/wire/http2/hpack_table.ts";
import { connectRpc, serveConnection } from "../../lib/wire/rpc/mod.ts";
import { gate, join, pipeKinds } from "./pipes.ts";
import { frame, grpcRequest, message, RawPeer, serveRaw, uint32 } from "./raw_peer.ts";

const none = new Uint8Array();
const settings = frame(FrameType.SETTINGS, 0, 0);

for (const { name, open } of pipeKinds) {
  Deno.test(`Calls on a connection that breaks fail at once with \`unavailable\`, and so do later ones, over ${name}`, async () => {
    const [near, far] = await open();
    const client = connectRpc(near, { authority: "board", peer: "board:7000" });
    const calls = [client.unary("/test/Any", none), client.stream("/test/Any").receive()];
    await writeAll(far, settings);
    far.close();
    for (const call of calls) await assert.rejects(call, { code: "unavailable", phase: "connect" });
    await assert.rejects(client.unary("/test/Any", none), { code: "unavailable" });
    const stream = client.stream("/test/Any");
    await assert.rejects(stream.headers, { code: "unavailable" });
    await assert.rejects(stream.receive(), { code: "unavailable" });
    assert.throws(() => stream.send(none), { code: "unavailable" });
    stream.closeSend();
    stream.cancel();
    assert.match((await client.closed)!.message, /board:7000/);
    await client.close();
  });

  Deno.test(`ServedConnection.shutdown() lets calls finish and refuses new ones over ${name}`, async () => {
    const { handlers, started, open: answer } = gate();
    const { client, served } = join(await open(), handlers);
    const running = client.unary("/test/Gate", Uint8Array.of(1));
    await started;
    const shutdown = served.shutdown(60_000);
    const late = client.stream("/test/Unary");
    await assert.rejects(late.receive(), { code: "unavailable", message: /never processed/ });
    answer();
    assert.deepEqual(await running, Uint8Array.of(1));
    await shutdown;
    assert.match((await client.closed)!.message, /is going away: NO_ERROR \(The exporter is shutting down\)/);
    await client.close();
  });

  Deno.test(`An HTTP/1.1 client is told in its own language what it has reached, over ${name}`, async () => {
    const [near, far] = await open();
    const served = serveConnection(far, { peer: "test", router: () => undefined });
    using peer = new RawPeer(near);
    await peer.send(new TextEncoder().encode("GET / HTTP/1.1\r\nHost: bench\r\n\r\n"));
    const answer = await peer.text();
    assert.match(answer, /^HTTP\/1\.1 400 Bad Request\r\n/);
    assert.match(answer, /\r\n\r\nThis is a Jumpstarter exporter\. It speaks gRPC, which needs HTTP\/2\.\n$/);
    await near.closeWrite();
    await served.closed;
  });
}

Deno.test("ServedConnection.shutdown() drops calls that outlast its grace", async () => {
  const { handlers, started } = gate();
  const { client, served } = join(memoryPipe(), handlers);
  const running = client.unary("/test/Gate", none);
  await started;
  const [, result] = await Promise.allSettled([served.shutdown(1), running]);
  assert.equal(result.status === "rejected" && result.reason.code, "unavailable");
  await client.close();
});

Deno.test("RpcClient.close() fails running calls with `canceled` and later ones with `unavailable`", async () => {
  const { handlers, started } = gate();
  const { client, served } = join(memoryPipe(), handlers);
  const running = client.unary("/test/Gate", none);
  const failing = assert.rejects(running, { code: "canceled" });
  await started;
  await client.close();
  await failing;
  await served.closed;
  assert.equal(await client.closed, undefined);
  await assert.rejects(client.unary("/test/Unary", none), { code: "unavailable" });
  await client.close();
});

Deno.test("A peer that goes away finishes what it has begun, and the rest was never processed", async () => {
  const [near, far] = memoryPipe();
  const client = connectRpc(near, { authority: "board" });
  using peer = new RawPeer(far);
  const first = client.unary("/test/Any", none);
  const second = assert.rejects(client.unary("/test/Any", none), {
    code: "unavailable",
    message: /never processed.*ENHANCE_YOUR_CALM \(too_many_pings\)/,
  });
  await peer.bytes(preface.length);
  await peer.until(FrameType.HEADERS, 3);
  const why = [...uint32(1), ...uint32(ErrorCode.ENHANCE_YOUR_CALM), ...new TextEncoder().encode("too_many_pings")];
  await peer.send(settings, frame(FrameType.GOAWAY, 0, 0, why));
  await second;
  await assert.rejects(client.unary("/test/Any", none), { code: "unavailable" });
  await peer.send(
    peer.headers(1, [[":status", "200"], ["content-type", "application/grpc"]]),
    frame(FrameType.DATA, 0, 1, message(7)),
    peer.headers(1, [["grpc-status", "0"]], true),
  );
  assert.deepEqual(await first, Uint8Array.of(7));
  await peer.text();
  peer[Symbol.dispose]();
  assert.match((await client.closed)!.message, /going away/);
});

Deno.test("A peer that goes away fails all calls that wait for their turn, however many", async () => {
  const { handlers, started, open } = gate();
  const { client, served } = join(memoryPipe(), handlers, { limits: { maxConcurrentStreams: 1 } });
  await client.unary("/test/Unary", none);
  const running = client.unary("/test/Gate", none);
  await started;
  const waiting = Array.from({ length: 20_000 }, () => client.unary("/test/Unary", none));
  const shutdown = served.shutdown(60_000);
  const results = await Promise.allSettled(waiting);
  assert.ok(results.every((result) => result.status === "rejected" && result.reason.code === "unavailable"));
  open();
  await running;
  await shutdown;
  await client.close();
});

const strangers = {
  'answered "HTTP/1.1 400 Bad Request"': "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n",
  'answered "SSH-2.0-OpenSSH_9.2p1"': "SSH-2.0-OpenSSH_9.2p1\r\n",
  'answered "????"': "\x00\x00\x00\x01",
};

for (const [what, bytes] of Object.entries(strangers)) {
  Deno.test(`A peer that does not speak HTTP/2 is named by what it ${what}`, async () => {
    const [near, far] = memoryPipe();
    const client = connectRpc(near, { authority: "board", peer: "board:22" });
    const call = client.unary("/test/Any", none);
    await writeAll(far, new TextEncoder().encode(bytes));
    const expected = {
      code: "unavailable",
      phase: "connect",
      message: `The peer at board:22 does not speak gRPC: it ${what}`,
    };
    await assert.rejects(call, expected);
    far.close();
    assert.equal((await client.closed)!.message, expected.message);
  });
}

Deno.test("A peer that closes the connection at once is said to have done so", async () => {
  const [near, far] = memoryPipe();
  const client = connectRpc(near, { authority: "board" });
  const call = client.unary("/test/Any", none);
  await far.closeWrite();
  await assert.rejects(call, {
    code: "unavailable",
    message: "The peer at board closed the connection before answering",
  });
  far.close();
  await client.closed;
});

Deno.test("A client that greets wrongly gets GOAWAY with PROTOCOL_ERROR, and the exporter says what it got", async () => {
  const greetings = {
    "INVALID CONNECTION PREFACE\r\n\r\n": '"INVALID CONNECTION PREFACE"',
    "PRI * HTTP/2.0\r\n\r\nXX": '"PRI * HTTP/2.0"',
    "\x16\x03\x01\x02\x00": "TLS",
  };
  for (const [greeting, what] of Object.entries(greetings)) {
    const warnings: unknown[] = [];
    const { peer, closed } = serveRaw({}, (_, { reason }) => warnings.push(reason));
    await peer.send(new TextEncoder().encode(greeting));
    assert.equal(await peer.goAway(), ErrorCode.PROTOCOL_ERROR);
    await closed;
    assert.deepEqual(warnings, [`Expected HTTP/2, got ${what}`]);
  }
});

Deno.test("A client must begin with SETTINGS", async () => {
  const { peer, closed } = serveRaw({});
  await peer.send(preface, frame(FrameType.PING, 0, 0, Array(8).fill(1)));
  assert.equal(await peer.goAway(), ErrorCode.PROTOCOL_ERROR);
  await closed;
});

Deno.test("A preface that comes byte by byte is one", async () => {
  const { handlers } = gate();
  const { peer, closed } = serveRaw(handlers);
  for (const byte of [...preface, ...settings]) await peer.send(Uint8Array.of(byte));
  await peer.send(peer.headers(1, grpcRequest("/test/Unary")), frame(FrameType.DATA, Flag.END_STREAM, 1, message(5)));
  assert.deepEqual([...(await peer.until(FrameType.DATA)).payload], message(5));
  peer[Symbol.dispose]();
  await closed;
});

Deno.test("Every PING is answered with its own content", async () => {
  const { peer, closed } = serveRaw({});
  await peer.greet();
  for (let i = 0; i < 3; i++) await peer.send(frame(FrameType.PING, 0, 0, Array(8).fill(i)));
  for (let i = 0; i < 3; i++) {
    const { flags, payload } = await peer.until(FrameType.PING);
    assert.deepEqual([flags, [...payload]], [Flag.ACK, Array(8).fill(i)]);
  }
  peer[Symbol.dispose]();
  await closed;
});

Deno.test("Any authority is accepted, also the escaped unix path of old gRPC clients", async () => {
  const { handlers } = gate();
  const { peer, closed } = serveRaw(handlers);
  await peer.greet();
  const request = grpcRequest("/test/Unary").map(([name, value]) =>
    [name, name === ":authority" ? "%2Ftmp%2Fjumpstarter%2Fsocket" : value] as const
  );
  await peer.send(peer.headers(1, request), frame(FrameType.DATA, Flag.END_STREAM, 1, message()));
  assert.deepEqual(peer.list(await peer.until(FrameType.HEADERS, 1))[0], [":status", "200"]);
  peer[Symbol.dispose]();
  await closed;
});

Deno.test("Pseudo headers with line ends, which no URL and no header can hold, make a request malformed", async () => {
  for (const name of [":path", ":authority", ":scheme", ":method"]) {
    const { peer, closed } = serveRaw({});
    await peer.greet();
    const list = grpcRequest("/test/Unary").map((
      [key, value],
    ): HeaderField => [key, key === name ? `${value}\r\n` : value]);
    await peer.send(peer.headers(1, list));
    assert.equal(readUint32((await peer.until(FrameType.RST_STREAM, 1)).payload, 0), ErrorCode.PROTOCOL_ERROR, name);
    peer[Symbol.dispose]();
    await closed;
  }
});

Deno.test("An acceptor that throws ends its connection, and leaves nothing open", async () => {
  const [near, far] = memoryPipe();
  const router = () => {
    throw new Error("A defect");
  };
  const served = serveConnection(far, { peer: "test", router });
  using peer = new RawPeer(near);
  await peer.greet();
  await peer.send(peer.headers(1, grpcRequest("/test/Unary")));
  assert.equal(await peer.goAway(), ErrorCode.INTERNAL_ERROR);
  await served.closed;
});

Deno.test("A connection closes its pipe once, and one whose close() throws does no harm", async () => {
  const [near, far] = memoryPipe();
  let closes = 0;
  const touchy: Pipe = {
    read: (buffer) => near.read(buffer),
    write: (bytes) => near.write(bytes),
    closeWrite: () => near.closeWrite(),
    close() {
      if (++closes > 1) throw new Deno.errors.BadResource("Closed twice");
      near.close();
    },
  };
  const served = serveConnection(far, { peer: "test", router: () => undefined });
  const client = connectRpc(touchy, { authority: "board" });
  await Promise.all([client.close(), client.close(), served.shutdown(0), served.closed]);
  assert.equal(closes, 1);
});
