import assert from "node:assert/strict";
import { memoryPipe, type Pipe, writeAll } from "../../lib/core/pipe.ts";
import { ErrorCode } from "../../lib/wire/http2/error_code.ts";
import { Flag, FrameType, preface } from "../../lib/wire/http2/frames.ts";
import { connectRpc, serveConnection } from "../../lib/wire/rpc/mod.ts";
import { type Handlers, join, pipeKinds } from "./pipes.ts";
import { frame, grpcRequest, message, RawPeer, uint32 } from "./raw_peer.ts";

const none = new Uint8Array();
const settings = frame(FrameType.SETTINGS, 0, 0);

/** A unary handler that waits until it is told to answer. */
function gate(): { handlers: Handlers; started: Promise<void>; open: () => void } {
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

function serveRaw(handlers: Handlers): { peer: RawPeer; closed: Promise<void> } {
  const [near, far] = memoryPipe();
  const served = serveConnection(far, { peer: "test", router: (path) => handlers[path] });
  return { peer: new RawPeer(near), closed: served.closed };
}

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

Deno.test("A client that greets wrongly gets GOAWAY with PROTOCOL_ERROR", async () => {
  for (const greeting of ["INVALID CONNECTION PREFACE\r\n\r\n", "PRI * HTTP/2.0\r\n\r\nXX", "\x16\x03\x01\x02\x00"]) {
    const { peer, closed } = serveRaw({});
    await peer.send(new TextEncoder().encode(greeting));
    assert.equal(await peer.goAway(), ErrorCode.PROTOCOL_ERROR);
    await closed;
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

const requests = {
  "of another content type is answered with 415": [[["content-type", "application/json"]], [[":status", "415"]]],
  "of gRPC-web is answered with 415": [[["content-type", "application/grpc-web"]], [[":status", "415"]]],
  "with GET is answered with 405": [[[":method", "GET"]], [[":status", "405"], ["allow", "POST"]]],
  "with a malformed grpc-timeout is answered with a status": [[["grpc-timeout", "soon"]], [
    [":status", "200"],
    ["content-type", "application/grpc"],
    ["grpc-status", "13"],
    ["grpc-message", "The header grpc-timeout is malformed: soon"],
  ]],
} as const;

for (const [what, [changes, expected]] of Object.entries(requests)) {
  Deno.test(`A request ${what}`, async () => {
    const { handlers } = gate();
    const { peer, closed } = serveRaw(handlers);
    await peer.greet();
    const names = changes.map(([name]) => name as string);
    const list = grpcRequest("/test/Unary").filter(([name]) => !names.includes(name));
    await peer.send(peer.headers(1, [...changes, ...list].sort(([a], [b]) => a < b ? -1 : 1)));
    const answer = await peer.until(FrameType.HEADERS, 1);
    assert.deepEqual(peer.list(answer), expected);
    assert.equal(answer.flags & Flag.END_STREAM, Flag.END_STREAM);
    assert.deepEqual([...(await peer.until(FrameType.RST_STREAM, 1)).payload], uint32(ErrorCode.NO_ERROR));
    peer[Symbol.dispose]();
    await closed;
  });
}

Deno.test("ServeOptions.otherwise takes requests that are not gRPC, beside those that are", async () => {
  const [near, far] = memoryPipe();
  const served = serveConnection(far, {
    peer: "test",
    router: (path) => gate().handlers[path],
    otherwise(stream, request) {
      if (request.path !== "/json") return undefined;
      let bytes = 0;
      return {
        onHeaders() {},
        onData(chunk) {
          bytes += chunk.length;
          stream.consumed(chunk.length);
        },
        onEnd() {
          stream.sendHeaders([[":status", "200"], ["content-type", "application/json"]]);
          stream.write(none, new TextEncoder().encode(`{"bytes":${bytes}}`), true);
        },
        onFailed() {},
        onDrained() {},
      };
    },
  });
  using peer = new RawPeer(near);
  await peer.greet();
  const json = (path: string) =>
    grpcRequest(path).map(([name, value]) => [name, name === "content-type" ? "application/json" : value] as const);
  await peer.send(peer.headers(1, json("/json")), frame(FrameType.DATA, Flag.END_STREAM, 1, [1, 2, 3]));
  assert.equal(new TextDecoder().decode((await peer.until(FrameType.DATA, 1)).payload), '{"bytes":3}');
  await peer.send(peer.headers(3, grpcRequest("/test/Unary")), frame(FrameType.DATA, Flag.END_STREAM, 3, message(4)));
  assert.deepEqual([...(await peer.until(FrameType.DATA, 3)).payload], message(4));
  await peer.send(peer.headers(5, json("/other"), true));
  await peer.until(FrameType.RST_STREAM, 5);
  peer[Symbol.dispose]();
  await served.closed;
});

Deno.test("A compressed message is `unimplemented`", async () => {
  const { handlers } = gate();
  const { peer, closed } = serveRaw(handlers);
  await peer.greet();
  await peer.send(
    peer.headers(1, grpcRequest("/test/Unary")),
    frame(FrameType.DATA, Flag.END_STREAM, 1, [1, ...uint32(1), 9]),
  );
  const list = peer.list(await peer.until(FrameType.HEADERS, 1));
  assert.deepEqual(list.slice(2), [["grpc-status", "12"], ["grpc-message", "Compressed messages are not supported"]]);
  peer[Symbol.dispose]();
  await closed;
});

const malformed = {
  "a pseudo header behind a field": [["te", "trailers"], [":authority", "late"]],
  "an unknown pseudo header": [[":sort", "of"]],
  "an upper-case name": [["X-Upper", "a"]],
  "a field of HTTP/1.1's connections": [["connection", "close"]],
  "a line break in a value": [["x", "a\nb"]],
  "another te than trailers": [["te", "gzip"]],
} as const;

for (const [what, fields] of Object.entries(malformed)) {
  Deno.test(`A request with ${what} is reset with PROTOCOL_ERROR, and the connection goes on`, async () => {
    const { handlers } = gate();
    const { peer, closed } = serveRaw(handlers);
    await peer.greet();
    const isPseudo = fields[0][0].startsWith(":");
    const list = grpcRequest("/test/Unary");
    await peer.send(peer.headers(1, isPseudo ? [...fields, ...list] : [...list, ...fields]));
    assert.deepEqual([...(await peer.until(FrameType.RST_STREAM, 1)).payload], uint32(ErrorCode.PROTOCOL_ERROR));
    await peer.send(peer.headers(3, list), frame(FrameType.DATA, Flag.END_STREAM, 3, message(4)));
    assert.deepEqual([...(await peer.until(FrameType.DATA, 3)).payload], message(4));
    peer[Symbol.dispose]();
    await closed;
  });
}

Deno.test("A response that is not gRPC's fails the call with what HTTP says", async () => {
  const [near, far] = memoryPipe();
  const client = connectRpc(near, { authority: "board" });
  using peer = new RawPeer(far);
  await peer.bytes(preface.length);
  await peer.send(settings);
  const answers = [
    { fields: [[":status", "503"], ["content-type", "text/html"]], code: "unavailable" },
    { fields: [[":status", "200"], ["content-type", "text/html"]], code: "unknown" },
    { fields: [[":status", "404"], ["content-type", "text/plain"], ["grpc-status", "5"]], code: "not_found" },
  ] as const;
  let streamId = 1;
  for (const { fields, code } of answers) {
    const call = client.unary("/test/Any", none);
    await peer.until(FrameType.DATA, streamId);
    await peer.send(peer.headers(streamId, fields, true));
    await assert.rejects(call, { code });
    streamId += 2;
  }
  peer[Symbol.dispose]();
  await client.closed;
});

Deno.test("Interim responses are passed over", async () => {
  const [near, far] = memoryPipe();
  const client = connectRpc(near, { authority: "board" });
  using peer = new RawPeer(far);
  const call = client.unary("/test/Any", none);
  await peer.bytes(preface.length);
  await peer.until(FrameType.DATA);
  await peer.send(
    settings,
    peer.headers(1, [[":status", "103"], ["link", "</style.css>"]]),
    peer.headers(1, [[":status", "200"], ["content-type", "application/grpc+proto"]]),
    frame(FrameType.DATA, 0, 1, message(1, 2)),
    peer.headers(1, [["grpc-status", "0"]], true),
  );
  assert.deepEqual(await call, Uint8Array.of(1, 2));
  peer[Symbol.dispose]();
  await client.closed;
});

const resets = {
  NO_ERROR: "internal",
  REFUSED_STREAM: "unavailable",
  CANCEL: "canceled",
  ENHANCE_YOUR_CALM: "resource_exhausted",
  INADEQUATE_SECURITY: "permission_denied",
} as const;

for (const [name, code] of Object.entries(resets)) {
  Deno.test(`A call that the peer resets with ${name} fails with \`${code}\``, async () => {
    const [near, far] = memoryPipe();
    const client = connectRpc(near, { authority: "board" });
    using peer = new RawPeer(far);
    const call = client.unary("/test/Any", none);
    await peer.bytes(preface.length);
    await peer.until(FrameType.HEADERS);
    await peer.send(settings, frame(FrameType.RST_STREAM, 0, 1, uint32(ErrorCode[name as keyof typeof resets])));
    await assert.rejects(call, { code });
    peer[Symbol.dispose]();
    await client.closed;
  });
}

Deno.test("Calls beyond the peer's limit of streams wait for their turn", async () => {
  let running = 0;
  let most = 0;
  await using joined = join(memoryPipe(), {
    "/test/Unary": { kind: "unary", handle: (request) => request },
    "/test/Count": {
      kind: "streaming",
      async handle(stream) {
        most = Math.max(most, ++running);
        for (let message; (message = await stream.receive()) !== undefined;) await stream.send(message);
        running--;
      },
    },
  }, { limits: { maxConcurrentStreams: 3 } });
  const { client } = joined;
  await client.unary("/test/Unary", none);
  await Promise.all(Array.from({ length: 20 }, async (_, i) => {
    const stream = client.stream("/test/Count");
    stream.send(Uint8Array.of(i));
    stream.send(Uint8Array.of(i, i));
    stream.closeSend();
    assert.deepEqual(await stream.receive(), Uint8Array.of(i));
    assert.deepEqual(await stream.receive(), Uint8Array.of(i, i));
    assert.equal(await stream.receive(), undefined);
  }));
  assert.equal(most, 3);
});

Deno.test("A call that waits for its turn can be given up", async () => {
  const { handlers, started, open } = gate();
  await using joined = join(memoryPipe(), handlers, { limits: { maxConcurrentStreams: 1 } });
  const { client } = joined;
  await client.unary("/test/Unary", none);
  const running = client.unary("/test/Gate", none);
  await started;
  const waiting = client.stream("/test/Unary");
  waiting.cancel();
  await assert.rejects(waiting.receive(), { code: "canceled" });
  open();
  await running;
  await client.unary("/test/Unary", none);
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
