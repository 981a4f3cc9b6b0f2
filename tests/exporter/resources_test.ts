import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import * as z from "zod";
import { defineDriver } from "../../lib/contract/driver.ts";
import { defineInterface } from "../../lib/contract/interface.ts";
import { serverStreaming, unary } from "../../lib/contract/method.ts";
import { planDriver } from "../../lib/contract/plan.ts";
import { type ReadableResource, resource, type WritableResource } from "../../lib/contract/resource.ts";
import { codecs } from "../../lib/core/codec.ts";
import { JumpstarterError } from "../../lib/core/errors.ts";
import { withLimit } from "../../lib/core/limit.ts";
import { compress, decompress } from "../../lib/streams/codec/codec.ts";
import type { ClientStream } from "../../lib/wire/rpc/types.ts";
import { goAwayFrame, receivedBytes, sendBytes } from "../../lib/wire/stream_frame.ts";
import { allOf, collector, concat, sample, sourceOfBytes } from "../payload.ts";
import { rawServer } from "../streams/http1/raw_server.ts";
import { type Wired, wired } from "./wired.ts";

const store = defineInterface({
  name: "store",
  summary: "Reads and writes one file",
  pythonClients: [],
  methods: {
    put: unary("Read a resource", {
      params: { source: resource("read", "The file"), fail: z.boolean().default(false) },
      result: z.object({ bytes: z.int(), size: z.int().nullable() }),
    }),
    get: unary("Write a resource", {
      params: { target: resource("write", "Where to"), fail: z.boolean().default(false) },
    }),
    ignore: unary("Take a resource and leave it alone", { params: { source: resource("read", "The file") } }),
    watch: serverStreaming("Tell how far a resource is read", {
      params: { source: resource("read", "The file") },
      result: z.int(),
    }),
  },
});

/** A store whose content a test can see. */
function stored() {
  const state = { content: new Uint8Array() as Uint8Array };
  const driver = defineDriver({
    name: "store",
    summary: "A store",
    implements: store,
    config: z.object({}),
    open: () => ({
      async put({ source, fail }: { source: ReadableResource; fail: boolean }) {
        if (fail) {
          await source.bytes.next();
          throw new JumpstarterError("internal", "The medium is full");
        }
        state.content = await allOf(source.bytes);
        return { bytes: state.content.length, size: source.size ?? null };
      },
      async get({ target, fail }: { target: WritableResource; fail: boolean }) {
        for (let at = 0; at < state.content.length; at += 50_000) {
          await target.bytes.write(state.content.subarray(at, at + 50_000));
          if (fail) throw new JumpstarterError("internal", "The medium is gone");
        }
        await target.bytes.end();
      },
      ignore() {},
      async *watch({ source }: { source: ReadableResource }) {
        let bytes = 0;
        for (let chunk = await source.bytes.next(); chunk; chunk = await source.bytes.next()) {
          yield bytes += chunk.length;
        }
      },
    }),
  });
  return { driver, state };
}

const { driver, state } = stored();
const content = sample(1_500_000);
const open = () => wired(planDriver("", driver, {}));

/** A resource's stream as a client that is not ours opens it. */
async function offer({ rpc, session }: Wired, encoding?: string | null, more: object = {}) {
  const request = { kind: "resource", uuid: session.tree.root.uuid, x_jmp_content_encoding: encoding, ...more };
  const stream = rpc.stream("/jumpstarter.v1.RouterService/Stream", { metadata: { request: JSON.stringify(request) } });
  const { resource, x_jmp_accept_encoding: accepted } = await stream.headers;
  return { stream, handle: JSON.parse(resource), accepted };
}

const call = ({ connection, session }: Wired, method: string, ...args: unknown[]) =>
  connection.caller(session.tree.root.uuid).unary(method, args, {});

async function send(stream: ClientStream, bytes: Uint8Array): Promise<void> {
  await sendBytes(stream, bytes);
  await stream.send(goAwayFrame);
  stream.closeSend();
}

/** Everything that comes until the end, which has to be a GOAWAY and then the call's own. */
async function rest(stream: ClientStream): Promise<Uint8Array> {
  const bytes = await withLimit(allOf(receivedBytes(stream)), 5_000, "The end of the resource");
  assert.equal(await withLimit(stream.receive(), 5_000, "The end of the call"), undefined);
  return bytes;
}

Deno.test("The handle is compact JSON, and the accepted encoding is there and empty where none is asked for", async () => {
  await using wire = await open();
  for (const encoding of [null, undefined]) {
    const { stream, handle, accepted } = await offer(wire, encoding);
    assert.equal(accepted, "");
    assert.match(handle.uuid, /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}$/);
    assert.deepEqual(handle, { kind: "client_stream", uuid: handle.uuid, x_jmp_content_encoding: null });
    stream.cancel();
  }
});

for (const codec of codecs) {
  Deno.test(`A client's ${codec} archive is read as what it holds, and what is written for it becomes one`, async () => {
    await using wire = await open();
    const up = await offer(wire, codec);
    assert.equal(up.accepted, codec);
    assert.equal(up.handle.x_jmp_content_encoding, codec);
    const [result] = await Promise.all([
      call(wire, "put", up.handle),
      send(up.stream, await allOf(compress(codec, sourceOfBytes(content)))),
    ]);
    assert.deepEqual(result, { bytes: content.length, size: null });
    assert.deepEqual(state.content, content);
    assert.equal((await rest(up.stream)).length, 0);
    const down = await offer(wire, codec);
    down.stream.closeSend();
    const [archive] = await Promise.all([rest(down.stream), call(wire, "get", down.handle)]);
    assert.deepEqual(await allOf(decompress(codec, sourceOfBytes(archive))), content);
  });
}

Deno.test("For a codec that it lacks the exporter leaves the accepted encoding out, and takes the bytes as they come", async () => {
  await using wire = await open();
  const { stream, handle, accepted } = await offer(wire, "lz4");
  assert.equal(accepted, undefined);
  assert.equal(handle.x_jmp_content_encoding, null);
  await Promise.all([call(wire, "put", handle), send(stream, content)]);
  assert.deepEqual(state.content, content);
});

Deno.test("An exporter that is told to take no codec leaves the accepted encoding out, and our client decodes itself", async () => {
  Deno.env.set("JMP_DISABLE_COMPRESSION", "1");
  try {
    await using wire = await open();
    const { stream, accepted } = await offer(wire, "gzip");
    assert.equal(accepted, undefined);
    stream.cancel();
    const { clientOf } = await import("../../lib/contract/client.ts");
    const client = clientOf(store, wire.connection.caller(wire.session.tree.root.uuid));
    const bytes = compress("gzip", sourceOfBytes(content));
    await client.put({ source: { bytes, contentEncoding: "gzip" } });
    assert.deepEqual(state.content, content);
  } finally {
    Deno.env.delete("JMP_DISABLE_COMPRESSION");
  }
});

Deno.test("A handle is good for one call, at the driver that it was made for", async () => {
  await using wire = await open();
  const { stream, handle } = await offer(wire);
  await Promise.all([call(wire, "put", handle), send(stream, content)]);
  const gone = { code: "unknown", message: `There is no resource ${handle.uuid} at this driver, or it was used` };
  await assert.rejects(call(wire, "put", handle), gone);
  await assert.rejects(call(wire, "put", { ...handle, uuid: crypto.randomUUID() }), { code: "unknown" });
});

Deno.test("What is no handle is refused before the driver hears of it, and no secret of it is repeated", async () => {
  await using wire = await open();
  const put = "https://bucket/image?signature=secret";
  const wrong: [unknown, RegExp][] = [
    [{ kind: "file", path: "/etc/passwd" }, /got one with the keys kind, path$/],
    [{ kind: "presigned_request", method: "DELETE", url: put, headers: {} }, /keys kind, method, url, headers$/],
    [{ kind: "presigned_request", method: "PUT", url: put, headers: {} }, /got a request that is no GET$/],
    ["image.img", /got "image.img"$/],
    [null, /put: source: Expected the handle of a resource, got null$|source/],
  ];
  for (const [handle, message] of wrong) {
    await assert.rejects(call(wire, "put", handle), (error: Error) => {
      assert.equal((error as JumpstarterError).code, "invalid_argument");
      assert.match(error.message, message);
      assert.doesNotMatch(error.message, /secret/);
      return true;
    });
  }
});

Deno.test("A handle may come as the text of its JSON", async () => {
  await using wire = await open();
  const { stream, handle } = await offer(wire);
  await Promise.all([call(wire, "put", JSON.stringify(handle)), send(stream, content)]);
  assert.deepEqual(state.content, content);
});

Deno.test("A driver is told how long a file is, where the client or the server says so", async () => {
  await using wire = await open();
  for (const encoding of [null, "zstd"] as const) {
    const { stream, handle } = await offer(wire, encoding, { size: content.length });
    const sent = encoding ? await allOf(compress(encoding, sourceOfBytes(content))) : content;
    const [result] = await Promise.all([call(wire, "put", handle), send(stream, sent)]);
    assert.deepEqual(result, { bytes: content.length, size: content.length });
  }
  await using server = rawServer(() => {
    const head = `HTTP/1.1 200 OK\r\ncontent-length: ${content.length}\r\n\r\n`;
    return concat([new TextEncoder().encode(head), content]);
  });
  const fetched = (more: object) => call(wire, "put", { url: server.url, headers: {}, ...more });
  assert.deepEqual(await fetched({ kind: "presigned_request", method: "GET" }), {
    bytes: content.length,
    size: content.length,
  });
  const sha256 = createHash("sha256").update(content).digest("hex");
  assert.deepEqual(await fetched({ kind: "fetch_request", sha256 }), { bytes: content.length, size: content.length });
});

Deno.test("A resource that the driver leaves alone, or gives up, is released with a GOAWAY all the same", async () => {
  await using wire = await open();
  const ignored = await offer(wire);
  await call(wire, "ignore", ignored.handle);
  assert.equal((await rest(ignored.stream)).length, 0);
  const failing = await offer(wire);
  let isOver = false;
  const ending = rest(failing.stream).then(() => isOver = true);
  const sending = (async () => {
    while (!isOver) await sendBytes(failing.stream, content);
  })();
  await assert.rejects(call(wire, "put", failing.handle, true), { code: "internal", message: "The medium is full" });
  await ending;
  await withLimit(sending, 5_000, "The end of the sending");
});

Deno.test("A call over which a driver has written does not end before the client has ended its direction", async () => {
  await using wire = await open();
  state.content = content;
  const { stream, handle } = await offer(wire);
  await stream.send(goAwayFrame);
  const [got] = await Promise.all([allOf(receivedBytes(stream)), call(wire, "get", handle)]);
  assert.deepEqual(got, content);
  let isOver = false;
  const ending = stream.receive().then((message) => {
    isOver = true;
    return message;
  });
  for (let turn = 0; turn < 20; turn++) await wire.connection.status();
  assert.equal(isOver, false);
  stream.closeSend();
  assert.equal(await withLimit(ending, 1_000, "The end of the call"), undefined);
});

Deno.test("What a driver did not write to its end does not look whole", async () => {
  await using wire = await open();
  state.content = content;
  for (const encoding of [null, "zstd"]) {
    const { stream, handle } = await offer(wire, encoding);
    stream.closeSend();
    const read = allOf(receivedBytes(stream));
    read.catch(() => {});
    await assert.rejects(call(wire, "get", handle, true), { code: "internal", message: "The medium is gone" });
    await assert.rejects(read, { code: "aborted", message: "The file is not complete" });
  }
});

Deno.test("A client that goes away ends the driver's read and write", async () => {
  await using wire = await open();
  const up = await offer(wire);
  const putting = call(wire, "put", up.handle);
  await sendBytes(up.stream, content);
  up.stream.cancel();
  await assert.rejects(putting, { code: "canceled" });
  state.content = sample(64 * 1024 * 1024);
  const down = await offer(wire);
  const getting = call(wire, "get", down.handle);
  await down.stream.receive();
  down.stream.cancel();
  await assert.rejects(getting, { code: "canceled" });
});

Deno.test("A damaged archive fails the call, and its start was all that the driver got", async () => {
  await using wire = await open();
  const archive = await allOf(compress("gzip", sourceOfBytes(content)));
  const { stream, handle } = await offer(wire, "gzip");
  const sending = send(stream, archive.subarray(0, archive.length - 9)).catch(() => {});
  await assert.rejects(call(wire, "put", handle), {
    code: "data_loss",
    message: "The gzip archive is damaged: unexpected end of file",
  });
  await sending;
});

Deno.test("A method that answers with a stream reads a resource as well", async () => {
  await using wire = await open();
  const { clientOf } = await import("../../lib/contract/client.ts");
  const client = clientOf(store, wire.connection.caller(wire.session.tree.root.uuid));
  const seen = await Array.fromAsync(client.watch({ source: { bytes: sourceOfBytes(content) } }));
  assert.equal(seen.at(-1), content.length);
  let closed = 0;
  const source = { bytes: sourceOfBytes(content), close: () => void closed++ };
  for await (const bytes of client.watch({ source })) {
    if (bytes > 0) break;
  }
  assert.equal(closed, 1);
});

Deno.test("A source that breaks is why the call fails, and a sink that takes no more as well", async () => {
  await using wire = await open();
  const { clientOf } = await import("../../lib/contract/client.ts");
  const client = clientOf(store, wire.connection.caller(wire.session.tree.root.uuid));
  let closed = 0;
  const start = sourceOfBytes(content);
  const bytes = {
    next: async () => await start.next() ?? await Promise.reject(new Deno.errors.NotCapable("The stick is out")),
  };
  await assert.rejects(client.put({ source: { bytes, close: () => void closed++ } }), /The stick is out/);
  assert.equal(closed, 1);
  state.content = content;
  const sink = { ...collector(), write: () => Promise.reject(new Error("The disk is full")) };
  await assert.rejects(client.get({ target: { bytes: sink } }), /The disk is full/);
  await assert.rejects(client.put({ source: "image.img" as never }), { code: "invalid_argument" });
});

Deno.test("Nothing of a large file piles up while the driver does not read", async () => {
  const { promise: go, resolve } = Promise.withResolvers<void>();
  const slow = defineDriver({
    name: "slow",
    summary: "Waits",
    implements: store,
    config: z.object({}),
    open: () => ({
      async put({ source }: { source: ReadableResource }) {
        await go;
        return { bytes: (await allOf(source.bytes)).length, size: null };
      },
      async get() {},
      ignore() {},
      async *watch() {},
    }),
  });
  await using wire = await wired(planDriver("", slow, {}));
  const { stream, handle } = await offer(wire);
  let sent = 0;
  const megabyte = new Uint8Array(1024 * 1024);
  const sending = (async () => {
    for (; sent < 64; sent++) await sendBytes(stream, megabyte);
    await send(stream, concat([]));
  })();
  const putting = call(wire, "put", handle);
  for (let turn = 0; turn < 200; turn++) await wire.connection.status();
  assert.ok(sent < 32, `${sent} MiB left the client`);
  resolve();
  await sending;
  assert.deepEqual(await putting, { bytes: 64 * 1024 * 1024, size: null });
});
