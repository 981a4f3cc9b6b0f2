import assert from "node:assert/strict";
import { isJumpstarterError } from "../../lib/core/errors.ts";
import { memoryPipe } from "../../lib/core/pipe.ts";
import { ErrorCode } from "../../lib/wire/http2/error_code.ts";
import { Flag, FrameType, preface } from "../../lib/wire/http2/frames.ts";
import type { Limits } from "../../lib/wire/http2/limits.ts";
import { RateLimit } from "../../lib/wire/http2/rate.ts";
import { MessageReader } from "../../lib/wire/rpc/framing.ts";
import { Inbox } from "../../lib/wire/rpc/inbox.ts";
import { UnreadMessages } from "../../lib/wire/rpc/unread_messages.ts";
import { connectRpc, serveConnection } from "../../lib/wire/rpc/mod.ts";
import { type Handlers, join } from "./pipes.ts";
import { frame, grpcRequest, message, RawPeer, uint32 } from "./raw_peer.ts";

const none = new Uint8Array();
const handlers: Handlers = {
  "/test/Unary": { kind: "unary", handle: (request) => request },
  "/test/Stream": {
    kind: "streaming",
    async handle(stream) {
      for (let message; (message = await stream.receive()) !== undefined;) await stream.send(message);
    },
  },
};

interface Raw extends AsyncDisposable {
  peer: RawPeer;
  closed: Promise<void>;
  warnings: unknown[];
}

/** A raw client that has greeted a server with those limits. */
async function raw(limits: Partial<Limits>, router = handlers, capacity?: number): Promise<Raw> {
  const [near, far] = memoryPipe(capacity);
  const warnings: unknown[] = [];
  const onWarning = (_: string, fields: Record<string, unknown>) => warnings.push(fields.code);
  const served = serveConnection(far, { peer: "test", router: (path) => router[path], limits, onWarning });
  const peer = new RawPeer(near);
  await peer.greet();
  return {
    peer,
    closed: served.closed,
    warnings,
    async [Symbol.asyncDispose]() {
      peer[Symbol.dispose]();
      await served.closed;
    },
  };
}

/** Sends the same bytes until the server ends the connection, and returns the code of its GOAWAY. */
async function flood({ peer }: Raw, bytes: () => Uint8Array): Promise<number> {
  const goAway = peer.goAway();
  try {
    for (;;) await peer.send(bytes());
  } catch {
    // The server has closed the pipe.
  }
  return await goAway;
}

Deno.test("handshakeMs: a server gives up a client that stays silent", async () => {
  const [near, far] = memoryPipe();
  const served = serveConnection(far, { peer: "test", router: () => undefined, limits: { handshakeMs: 5 } });
  assert.equal(await near.read(new Uint8Array(1)), null);
  near.close();
  await served.closed;
});

Deno.test("handshakeMs: a client gives up a server that stays silent", async () => {
  const [near] = memoryPipe();
  const client = connectRpc(near, { authority: "board", limits: { handshakeMs: 5, lingerMs: 5 } });
  await assert.rejects(client.unary("/test/Unary", none), {
    code: "unavailable",
    phase: "connect",
    message: "The peer at board did not answer: Nothing came within 5 ms",
  });
  await client.closed;
});

Deno.test("keepaliveMs: a client asks a silent server, and gives it up when it does not answer", async () => {
  const [near, far] = memoryPipe();
  const client = connectRpc(near, { authority: "board", limits: { keepaliveMs: 10 } });
  const call = assert.rejects(client.unary("/test/Unary", none), {
    code: "unavailable",
    message: "The connection to board was lost: No answer to a PING within 10 ms",
  });
  using peer = new RawPeer(far);
  await peer.bytes(preface.length);
  await peer.send(frame(FrameType.SETTINGS, 0, 0));
  for (let i = 0; i < 3; i++) {
    const { payload } = await peer.until(FrameType.PING);
    await peer.send(frame(FrameType.PING, Flag.ACK, 0, payload));
  }
  await peer.until(FrameType.PING);
  await call;
  peer[Symbol.dispose]();
  await client.closed;
});

Deno.test("lingerMs: a peer that neither reads nor closes cannot keep a connection from closing", async () => {
  const [near] = memoryPipe(8);
  const client = connectRpc(near, { authority: "board", limits: { lingerMs: 5 } });
  await client.close();
});

Deno.test("maxMessageBytes: a longer message fails its own call on either side", async () => {
  const long = new Uint8Array(1_001);
  const status = { code: "resource_exhausted", message: "A message of 1001 bytes exceeds the limit of 1000" };
  for (const [limits, clientLimits] of [[{ maxMessageBytes: 1_000 }, {}], [{}, { maxMessageBytes: 1_000 }]]) {
    await using joined = join(memoryPipe(), handlers, { limits, clientLimits });
    await assert.rejects(joined.client.unary("/test/Unary", long), status);
    const stream = joined.client.stream("/test/Stream");
    stream.send(long);
    await assert.rejects(stream.receive(), status);
    assert.equal((await joined.client.unary("/test/Unary", long.subarray(1))).length, 1_000);
  }
});

Deno.test("maxMessageBytes: a message takes memory as its bytes arrive, not by its declared length", () => {
  const before = Deno.memoryUsage().external;
  const readers = Array.from({ length: 100 }, () => new MessageReader(1 << 30, () => {}));
  for (const reader of readers) reader.push(Uint8Array.of(0, ...uint32(1 << 30), 7));
  assert.ok(Deno.memoryUsage().external - before < 50 << 20);
  assert.ok(readers.every((reader) => reader.partial));
});

Deno.test("Messages that nobody has asked for yet are charged for what they take, empty ones as well", async () => {
  const unread = new UnreadMessages(1024 * 1024);
  const inbox = new Inbox(() => {}, 1024, { recipient: { giveUp: () => {} }, unread });
  const empty = new Uint8Array(5);
  for (let count = 0; count < 1_000; count++) inbox.push(empty);
  assert.ok(unread.used > 500_000, `${unread.used} bytes for a thousand`);
  assert.throws(() => inbox.push(new Uint8Array(5 * 10_000)), { code: "resource_exhausted" });
  const other = new Inbox(() => {}, 1024, { recipient: { giveUp: () => {} }, unread });
  other.push(empty);
  await other.receive();
  assert.equal(unread.used, 0);
});

Deno.test("maxHeaderListBytes: a longer list is refused with its call, and the next call goes on", async () => {
  await using joined = join(memoryPipe(), handlers, { limits: { maxHeaderListBytes: 1_000 } });
  const metadata = { "x-long": "v".repeat(2_000) };
  await assert.rejects(joined.client.unary("/test/Unary", none, { metadata }), { code: "resource_exhausted" });
  const kept = { "x-short": "kept" };
  await joined.client.unary("/test/Unary", none, { metadata: kept });
  await joined.client.unary("/test/Unary", none, { metadata: kept });
});

Deno.test("maxHeaderListBytes: a client refuses a longer response with its call", async () => {
  await using joined = join(memoryPipe(), {
    ...handlers,
    "/test/Long": {
      kind: "streaming",
      async handle(stream) {
        stream.sendHeaders({ "x-long": "v".repeat(2_000) });
        await stream.receive();
      },
    },
  }, { clientLimits: { maxHeaderListBytes: 1_000 } });
  const stream = joined.client.stream("/test/Long");
  await assert.rejects(stream.receive(), { code: "resource_exhausted" });
  await joined.client.unary("/test/Unary", none);
});

Deno.test("maxHeaderBlockBytes: a longer block ends the connection", async () => {
  const tooLong = [frame(FrameType.HEADERS, 0, 1, Array(600).fill(0)), frame(FrameType.CONTINUATION, 0, 1, Array(600))];
  for (const frames of [[frame(FrameType.HEADERS, 0, 1, Array(1_001).fill(0))], tooLong]) {
    await using connection = await raw({ maxHeaderBlockBytes: 1_000 });
    await connection.peer.send(...frames);
    assert.equal(await connection.peer.goAway(), ErrorCode.ENHANCE_YOUR_CALM);
    await connection.closed;
    assert.deepEqual(connection.warnings, ["ENHANCE_YOUR_CALM"]);
  }
});

Deno.test("maxContinuations: more frames of one block end the connection", async () => {
  await using connection = await raw({ maxContinuations: 3 });
  await connection.peer.send(frame(FrameType.HEADERS, 0, 1));
  for (let i = 0; i < 4; i++) await connection.peer.send(frame(FrameType.CONTINUATION, 0, 1));
  assert.equal(await connection.peer.goAway(), ErrorCode.ENHANCE_YOUR_CALM);
});

Deno.test("maxConcurrentStreams: it is announced, and more streams are refused", async () => {
  await using connection = await raw({ maxConcurrentStreams: 2 });
  const { peer } = connection;
  const { payload } = await peer.until(FrameType.SETTINGS);
  assert.deepEqual([...payload.subarray(0, 6)], [0, 3, ...uint32(2)]);
  for (const streamId of [1, 3, 5]) await peer.send(peer.headers(streamId, grpcRequest("/test/Stream")));
  const reset = await peer.until(FrameType.RST_STREAM);
  assert.deepEqual([reset.streamId, [...reset.payload]], [5, uint32(ErrorCode.REFUSED_STREAM)]);
  await peer.send(frame(FrameType.RST_STREAM, 0, 1, uint32(ErrorCode.CANCEL)));
  await peer.send(peer.headers(7, grpcRequest("/test/Unary")), frame(FrameType.DATA, Flag.END_STREAM, 7, message()));
  await peer.until(FrameType.DATA, 7);
});

Deno.test("maxRunningCalls: handlers of calls that were given up count until they return", async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  await using connection = await raw({ maxRunningCalls: 3 }, {
    "/test/Stubborn": { kind: "streaming", handle: () => promise },
  });
  const { peer } = connection;
  for (const streamId of [1, 3, 5, 7]) {
    await peer.send(peer.headers(streamId, grpcRequest("/test/Stubborn")));
    await peer.send(frame(FrameType.RST_STREAM, 0, streamId, uint32(ErrorCode.CANCEL)));
  }
  const reset = await peer.until(FrameType.RST_STREAM);
  assert.deepEqual([reset.streamId, [...reset.payload]], [7, uint32(ErrorCode.REFUSED_STREAM)]);
  resolve();
});

Deno.test("resetBurst: a client that resets more streams is given up", async () => {
  await using connection = await raw({ resetBurst: 10, resetsPerSecond: 0 });
  let streamId = -1;
  const code = await flood(connection, () => {
    streamId += 2;
    const request = connection.peer.headers(streamId, grpcRequest("/test/Stream"));
    return Uint8Array.from([...request, ...frame(FrameType.RST_STREAM, 0, streamId, uint32(ErrorCode.CANCEL))]);
  });
  assert.equal(code, ErrorCode.ENHANCE_YOUR_CALM);
});

const idleFrames = {
  "PING": frame(FrameType.PING, 0, 0, Array(8).fill(0)),
  "PING acknowledgements": frame(FrameType.PING, Flag.ACK, 0, Array(8).fill(0)),
  "SETTINGS": frame(FrameType.SETTINGS, 0, 0),
  "PRIORITY": frame(FrameType.PRIORITY, 0, 1, [...uint32(3), 0]),
  "frames of unknown type": frame(0x42, 0, 0, [1, 2, 3]),
  "empty DATA": frame(FrameType.DATA, 0, 1),
};

for (const [what, bytes] of Object.entries(idleFrames)) {
  Deno.test(`controlBurst: a client that sends more ${what} is given up`, async () => {
    await using connection = await raw({ controlBurst: 10, controlsPerSecond: 0 });
    await connection.peer.send(connection.peer.headers(1, grpcRequest("/test/Stream")));
    assert.equal(await flood(connection, () => bytes), ErrorCode.ENHANCE_YOUR_CALM);
  });
}

Deno.test("controlsPerSecond, resetsPerSecond: a burst recovers with time", () => {
  let now = 0;
  const limit = new RateLimit(3, 10, () => now);
  const take = (count: number) => Array.from({ length: count }, () => limit.take());
  assert.deepEqual(take(4), [true, true, true, false]);
  now += 200;
  assert.deepEqual(take(3), [true, true, false]);
  now += 60_000;
  assert.deepEqual(take(4), [true, true, true, false]);
});

Deno.test("maxQueuedBytes: a client that asks but does not read is given up", async () => {
  await using connection = await raw({ maxQueuedBytes: 10_000, lingerMs: 5 }, handlers, 1_000);
  const ping = frame(FrameType.PING, 0, 0, Array(8).fill(0));
  const asking = connection.peer.send(...Array<Uint8Array>(1_000).fill(ping));
  await connection.closed;
  // The server may close the pipe before the last question has been asked.
  await asking.catch(() => {});
  assert.deepEqual(connection.warnings, ["ENHANCE_YOUR_CALM"]);
});

Deno.test("initialWindowBytes: a stream that sends more before anything is read is reset", async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  await using connection = await raw({ initialWindowBytes: 100_000 }, {
    "/test/Paused": { kind: "streaming", handle: () => promise },
  });
  const { peer } = connection;
  await peer.send(peer.headers(1, grpcRequest("/test/Paused")));
  await peer.send(frame(FrameType.DATA, 0, 1, Array(100_000).fill(0)));
  await peer.send(frame(FrameType.DATA, 0, 1, [0]));
  assert.deepEqual([...(await peer.until(FrameType.RST_STREAM, 1)).payload], uint32(ErrorCode.FLOW_CONTROL_ERROR));
  resolve();
});

Deno.test("connectionWindowBytes: a client that sends more at once is given up", async () => {
  await using connection = await raw({ connectionWindowBytes: 70_000, initialWindowBytes: 200_000 });
  await connection.peer.send(connection.peer.headers(1, grpcRequest("/test/Stream")));
  await connection.peer.send(frame(FrameType.DATA, 0, 1, Array(70_001).fill(0)));
  assert.equal(await connection.peer.goAway(), ErrorCode.FLOW_CONTROL_ERROR);
});

Deno.test("maxFrameBytes: it is announced, and a longer frame ends the connection", async () => {
  await using connection = await raw({ maxFrameBytes: 20_000 });
  const { payload } = await connection.peer.until(FrameType.SETTINGS);
  assert.deepEqual([...payload.subarray(12, 18)], [0, 5, ...uint32(20_000)]);
  await connection.peer.send(frame(FrameType.DATA, 0, 1, Array(20_001).fill(0)));
  assert.equal(await connection.peer.goAway(), ErrorCode.FRAME_SIZE_ERROR);
});

Deno.test("A peer's SETTINGS beyond what the protocol allows end the connection", async () => {
  const values = {
    "ENABLE_PUSH": [0, 2, ...uint32(2)],
    "INITIAL_WINDOW_SIZE": [0, 4, ...uint32(0x8000_0000)],
    "MAX_FRAME_SIZE": [0, 5, ...uint32(16_383)],
  };
  for (const [name, value] of Object.entries(values)) {
    await using connection = await raw({});
    await connection.peer.send(frame(FrameType.SETTINGS, 0, 0, value));
    const expected = name === "INITIAL_WINDOW_SIZE" ? ErrorCode.FLOW_CONTROL_ERROR : ErrorCode.PROTOCOL_ERROR;
    assert.equal(await connection.peer.goAway(), expected, name);
  }
});

Deno.test("A client refuses frames for streams that it never opened", async () => {
  const [near, far] = memoryPipe();
  const client = connectRpc(near, { authority: "board" });
  const peer = new RawPeer(far);
  await peer.bytes(preface.length);
  await peer.send(frame(FrameType.SETTINGS, 0, 0), frame(FrameType.DATA, 0, 1, [1]));
  assert.equal(await peer.goAway(), ErrorCode.PROTOCOL_ERROR);
  assert.ok(isJumpstarterError(await client.closed, "unavailable"));
});
