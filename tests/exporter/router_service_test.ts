import assert from "node:assert/strict";
import echoNetwork from "../../drivers/echo_network/mod.ts";
import { planDriver } from "../../lib/contract/plan.ts";
import { byteStreamOf, byteStreamOfPipe, makeByteStream } from "../../lib/core/byte_stream.ts";
import type { ByteStream } from "../../lib/core/byte_stream.ts";
import { JumpstarterError } from "../../lib/core/errors.ts";
import { withLimit } from "../../lib/core/limit.ts";
import { memoryPipe } from "../../lib/core/pipe.ts";
import { network } from "../../lib/interfaces/network.ts";
import { talk } from "../bytes.ts";
import { opener } from "../contract/drivers.ts";
import { dataFrameHead, goAwayFrame } from "../../lib/wire/stream_frame.ts";
import { type Wired, wired } from "./wired.ts";

const connecting = (connect: () => ByteStream | Promise<ByteStream>, limits = {}) =>
  wired(planDriver("", opener(() => ({ connect }), { implements: network }), {}), {}, limits);

const stream = "/jumpstarter.v1.RouterService/Stream";

const open = ({ session, connection }: Wired) => connection.caller(session.tree.root.uuid).byteStream("connect", {});

Deno.test("Chunks keep their boundaries on the wire, up to a megabyte", async () => {
  await using wire = await wired(planDriver("", echoNetwork, {}));
  await using stream = await open(wire);
  const { chunk, send, end } = talk(stream);
  for (const size of [1, 1400, 65_536, 1024 * 1024]) {
    const text = "x".repeat(size);
    const [received] = await Promise.all([chunk(), send(text)]);
    assert.equal(new TextDecoder().decode(received), text);
  }
  await end();
  assert.equal(await chunk(), undefined);
});

Deno.test("Either direction may end first, and the other goes on", async () => {
  const devices = [memoryPipe(), memoryPipe()];
  const queue = devices.map(([, far]) => far);
  await using wire = await connecting(() => byteStreamOfPipe(queue.shift()!));
  {
    await using client = await open(wire);
    const [near, device] = [talk(client), talk(byteStreamOfPipe(devices[0][0]))];
    await near.send("question");
    await near.end();
    assert.equal(await device.rest(), "question");
    await device.send("answer");
    await device.end();
    assert.equal(await near.rest(), "answer");
  }
  {
    await using client = await open(wire);
    const [near, device] = [talk(client), talk(byteStreamOfPipe(devices[1][0]))];
    await device.send("banner");
    await device.end();
    assert.equal(await near.rest(), "banner");
    await near.send("late");
    await near.end();
    assert.equal(await device.rest(), "late");
  }
});

Deno.test("A stream that cannot be opened fails when it is opened", async () => {
  await using wire = await connecting(() => {
    throw new JumpstarterError("unavailable", "The board is off");
  });
  await assert.rejects(open(wire), { code: "unavailable", message: "The board is off", phase: "driver" });
});

Deno.test("A device that breaks off tells the reader why", async () => {
  let count = 0;
  await using wire = await connecting(() =>
    byteStreamOf({
      next: () =>
        count++ === 0 ? Promise.resolve(Uint8Array.of(1)) : Promise.reject(new Deno.errors.ConnectionReset("Cable")),
      write: () => Promise.resolve(),
      end: () => Promise.resolve(),
      close() {},
    })
  );
  await using stream = await open(wire);
  const { chunk } = talk(stream);
  assert.deepEqual(await chunk(), Uint8Array.of(1));
  await assert.rejects(chunk(), { code: "unavailable", message: "Cable" });
});

Deno.test("A device that takes no more may have more to say", async () => {
  const { promise: refused, resolve: refuse } = Promise.withResolvers<void>();
  let said = false;
  await using wire = await connecting(() =>
    byteStreamOf({
      next: async () => {
        await refused;
        return said ? undefined : (said = true, Uint8Array.of(7));
      },
      write: () => {
        refuse();
        return Promise.reject(new Error("deaf"));
      },
      end: () => Promise.resolve(),
      close() {},
    })
  );
  await using stream = await open(wire);
  const { send, chunk } = talk(stream);
  await send("hello");
  assert.deepEqual(await chunk(), Uint8Array.of(7));
  assert.equal(await chunk(), undefined);
});

Deno.test("A client that goes away releases the device, though it is silent", async () => {
  const { promise: closed, resolve: close } = Promise.withResolvers<void>();
  await using wire = await connecting(() => {
    let stop: () => void;
    const readable = new ReadableStream<Uint8Array>({ pull: () => new Promise((resolve) => stop = resolve) });
    return makeByteStream(readable, new WritableStream(), () => {
      stop?.();
      close();
    });
  });
  const stream = await open(wire);
  await stream[Symbol.asyncDispose]();
  await withLimit(closed, 1000, "Releasing the device");
});

Deno.test("Who ends its direction and goes at once is heard to the last byte, by a device that is slow", async () => {
  for (let count = 0; count < 20; count++) {
    const [device, far] = memoryPipe(1000);
    await using wire = await connecting(() => byteStreamOfPipe(far));
    const { uuid } = wire.session.tree.root;
    const call = wire.rpc.stream(stream, { metadata: { request: JSON.stringify({ kind: "driver", uuid }) } });
    await call.headers;
    const payloads = Array.from({ length: 10 }, () => "x".repeat(1000));
    for (const payload of payloads) call.send(dataFrameHead(payload.length), new TextEncoder().encode(payload));
    call.send(goAwayFrame);
    call.closeSend();
    call.cancel();
    assert.equal(await talk(byteStreamOfPipe(device)).rest(), payloads.join(""));
  }
});

Deno.test("A device that takes nothing of it is released after a while", async () => {
  const { promise: closed, resolve: close } = Promise.withResolvers<void>();
  await using wire = await connecting(() =>
    byteStreamOf({
      next: () => closed.then(() => undefined),
      write: () => closed,
      end: () => Promise.resolve(),
      close,
    })
  );
  const { uuid } = wire.session.tree.root;
  const call = wire.rpc.stream(stream, { metadata: { request: JSON.stringify({ kind: "driver", uuid }) } });
  await call.headers;
  call.send(dataFrameHead(1), Uint8Array.of(1));
  call.closeSend();
  call.cancel();
  await withLimit(closed, 10_000, "Releasing the device");
});

Deno.test("Streams that were given up do not count as running calls", async () => {
  const echo = planDriver("", echoNetwork, {});
  await using wire = await wired(echo, {}, { maxRunningCalls: 3 });
  for (let count = 0; count < 10; count++) {
    const stream = await open(wire);
    const { send, until } = talk(stream);
    await send("hello");
    await until("hello");
    await stream[Symbol.asyncDispose]();
    await wire.connection.status();
  }
});

Deno.test("A writer waits while the device takes nothing", async () => {
  const [device, far] = memoryPipe(1024);
  await using wire = await connecting(() => byteStreamOfPipe(far));
  await using stream = await open(wire);
  const writer = stream.writable.getWriter();
  let written = 0;
  const megabyte = new Uint8Array(1024 * 1024);
  const writing = (async () => {
    for (; written < 64; written++) await writer.write(megabyte);
    await writer.close();
  })();
  // Every answer of the exporter is a turn in which the writer could have gone on.
  for (let turn = 0; turn < 200; turn++) await wire.connection.status();
  assert.ok(written < 32, `${written} MiB left the client`);
  const buffer = new Uint8Array(64 * 1024);
  let received = 0;
  for (let count = await device.read(buffer); count !== null; count = await device.read(buffer)) received += count;
  await writing;
  assert.equal(received, 64 * megabyte.length);
});

Deno.test("A request that names no stream is refused", async () => {
  await using wire = await wired(planDriver("", echoNetwork, {}));
  const { uuid } = wire.session.tree.root;
  const failure = async (request?: string) => {
    const call = wire.rpc.stream(stream, { metadata: request === undefined ? {} : { request } });
    return await call.receive().then(() => undefined, ({ code, message }) => `${code}: ${message}`);
  };
  const json = "invalid_argument: Expected JSON in the metadata key request";
  assert.equal(await failure(), "invalid_argument: The metadata key request is missing");
  assert.equal(await failure("{"), json);
  assert.equal(await failure("[]"), "invalid_argument: request: Expected a mapping, got a list");
  assert.equal(
    await failure(JSON.stringify({ kind: "drivr", uuid })),
    'invalid_argument: request: kind: Expected one of "driver", "resource", got "drivr"; did you mean "driver"?',
  );
});
