import assert from "node:assert/strict";
import {
  byteStreamOf,
  byteStreamOfPipe,
  echoStream,
  makeByteStream,
  sinkOf,
  sourceOf,
} from "../../lib/core/byte_stream.ts";
import { withLimit } from "../../lib/core/limit.ts";
import { memoryPipe } from "../../lib/core/pipe.ts";

const bytes = (...values: number[]) => Uint8Array.from(values);

Deno.test("echoStream() keeps the boundaries of chunks, empty ones included", async () => {
  await using echo = echoStream();
  const source = sourceOf(echo);
  const sink = sinkOf(echo);
  const writing = (async () => {
    for (const chunk of [bytes(1, 2), bytes(), bytes(3)]) await sink.write(chunk);
    await sink.end();
  })();
  const received = [];
  for (let chunk = await source.next(); chunk; chunk = await source.next()) received.push([...chunk]);
  await writing;
  assert.deepEqual(received, [[1, 2], [], [3]]);
});

Deno.test("echoStream() takes no more than its reader does", async () => {
  await using echo = echoStream();
  const sink = sinkOf(echo);
  let written = 0;
  const writing = (async () => {
    for (; written < 10; written++) await sink.write(bytes(written));
  })();
  const source = sourceOf(echo);
  await source.next();
  await source.next();
  assert.ok(written <= 3, `${written} chunks were taken`);
  for (let left = 8; left > 0; left--) await source.next();
  await writing;
});

Deno.test("Disposing an echoStream() frees the read and the write that wait on it", async () => {
  const reading = echoStream();
  sinkOf(reading);
  const pendingRead = sourceOf(reading).next();
  const writing = echoStream();
  sourceOf(writing);
  const pendingWrite = sinkOf(writing).write(bytes(1));
  const both = Promise.allSettled([pendingRead, pendingWrite]);
  await reading[Symbol.asyncDispose]();
  await writing[Symbol.asyncDispose]();
  await withLimit(both, 1000, "Freeing them");
});

Deno.test("Disposing an echoStream() twice, or after its end, does nothing more", async () => {
  const echo = echoStream();
  const writer = echo.writable.getWriter();
  const ended = echo.readable.getReader().read();
  await writer.close();
  assert.equal((await ended).done, true);
  await echo[Symbol.asyncDispose]();
  await echo[Symbol.asyncDispose]();
});

Deno.test("A stream of a pipe can end its writing half and read on", async () => {
  const [near, far] = memoryPipe();
  await using stream = byteStreamOfPipe(near);
  const writer = stream.writable.getWriter();
  await writer.write(bytes(1));
  await writer.close();
  const buffer = new Uint8Array(8);
  assert.deepEqual([await far.read(buffer), buffer[0], await far.read(buffer)], [1, 1, null]);
  await far.write(bytes(2));
  await far.closeWrite();
  assert.deepEqual(await Array.fromAsync(stream.readable, (chunk) => [...chunk]), [[2]]);
});

Deno.test("A stream of a pipe reads into the same memory again, and chunks of its Web Stream are the reader's own", async () => {
  const [near, far] = memoryPipe();
  await using stream = byteStreamOfPipe(near);
  const source = sourceOf(stream);
  await far.write(bytes(1));
  const first = (await source.next())!;
  await far.write(bytes(2));
  const second = (await source.next())!;
  assert.deepEqual([[...second], first.buffer === second.buffer], [[2], true]);
  const reader = stream.readable.getReader();
  await far.write(bytes(3));
  const { value: third } = await reader.read();
  await far.write(bytes(4));
  const { value: fourth } = await reader.read();
  assert.deepEqual([[...third!], [...fourth!]], [[3], [4]]);
});

Deno.test("A stream of a pipe reads more at once when there is more", async () => {
  const [near, far] = memoryPipe();
  const source = sourceOf(byteStreamOfPipe(near));
  const much = new Uint8Array(200_000).map((_, index) => index);
  for (let sent = 0; sent < much.length;) sent += await far.write(much.subarray(sent));
  far.close();
  const lengths = [];
  const heard = [];
  for (let chunk = await source.next(); chunk; chunk = await source.next()) {
    lengths.push(chunk.length);
    heard.push(...chunk);
  }
  assert.deepEqual(lengths, [4096, 122_880, much.length - 4096 - 122_880]);
  assert.deepEqual(heard, [...much]);
});

Deno.test("What is written into a Web Stream behind a sink may be changed afterwards", async () => {
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>(undefined, { highWaterMark: 4 }, {
    highWaterMark: 4,
  });
  const sink = sinkOf(makeByteStream(readable, writable));
  const chunk = bytes(1);
  await sink.write(chunk);
  chunk[0] = 2;
  assert.deepEqual([...(await readable.getReader().read()).value!], [1]);
});

Deno.test("Cancelling the readable half gives the pipe up", async () => {
  const [near, far] = memoryPipe();
  const stream = byteStreamOfPipe(near);
  await stream.readable.cancel();
  await assert.rejects(far.write(bytes(1)), Deno.errors.BrokenPipe);
  await stream[Symbol.asyncDispose]();
});

Deno.test("A failure of the source reaches the reader", async () => {
  const stream = byteStreamOf({
    next: () => Promise.reject(new Error("cable")),
    write: () => Promise.resolve(),
    end: () => Promise.resolve(),
    close() {},
  });
  await assert.rejects(stream.readable.getReader().read(), { message: "cable" });
});

Deno.test("What is behind a stream is closed once, however often it is given up", async () => {
  let closed = 0;
  const stream = byteStreamOf({
    next: () => Promise.resolve(undefined),
    write: () => Promise.resolve(),
    end: () => Promise.resolve(),
    close: () => void closed++,
  });
  await stream.readable.cancel();
  await stream.writable.abort();
  await stream[Symbol.asyncDispose]();
  await stream[Symbol.asyncDispose]();
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
  const made = makeByteStream(readable, writable, () => void closed++);
  await made[Symbol.asyncDispose]();
  await made[Symbol.asyncDispose]();
  assert.equal(closed, 2);
});

Deno.test("sourceOf() and sinkOf() take the halves behind a stream, without the streams' cost", () => {
  const halves = {
    next: () => Promise.resolve(undefined),
    write: () => Promise.resolve(),
    end: () => Promise.resolve(),
    close() {},
  };
  const stream = byteStreamOf(halves);
  assert.equal(sourceOf(stream), halves);
  assert.equal(sinkOf(stream), halves);
});
