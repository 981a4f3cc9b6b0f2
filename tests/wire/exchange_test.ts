/** Requests and responses of one connection, as a raw peer sends and sees them. @module */
import assert from "node:assert/strict";
import { memoryPipe } from "../../lib/core/pipe.ts";
import { ErrorCode } from "../../lib/wire/http2/error_code.ts";
import { Flag, FrameType, preface } from "../../lib/wire/http2/frames.ts";
import { connectRpc, serveConnection } from "../../lib/wire/rpc/mod.ts";
import { gate, join } from "./pipes.ts";
import { frame, grpcRequest, message, RawPeer, serveRaw, uint32 } from "./raw_peer.ts";

const none = new Uint8Array();
const settings = frame(FrameType.SETTINGS, 0, 0);

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
