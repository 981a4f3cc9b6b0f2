import assert from "node:assert/strict";
import { memoryPipe, type Pipe, writeAll } from "../../lib/core/pipe.ts";

const bytes = (...values: number[]) => Uint8Array.from(values);

async function read(pipe: Pipe, limit = 1024): Promise<number[] | null> {
  const buffer = new Uint8Array(limit);
  const count = await pipe.read(buffer);
  return count === null ? null : [...buffer.subarray(0, count)];
}

Deno.test("memoryPipe() carries bytes both ways", async () => {
  const [near, far] = memoryPipe();
  await near.write(bytes(1, 2));
  await far.write(bytes(3));
  assert.deepEqual([await read(far), await read(near)], [[1, 2], [3]]);
});

Deno.test("memoryPipe() keeps what it was given, whatever happens to the writer's buffer", async () => {
  const [near, far] = memoryPipe();
  const buffer = bytes(1, 2);
  await near.write(buffer);
  buffer.fill(9);
  assert.deepEqual(await read(far), [1, 2]);
});

Deno.test("A read takes at most what fits into its buffer and leaves the rest", async () => {
  const [near, far] = memoryPipe();
  await near.write(bytes(1, 2, 3));
  assert.deepEqual([await read(far, 2), await read(far, 2)], [[1, 2], [3]]);
});

Deno.test("A read waits for bytes", async () => {
  const [near, far] = memoryPipe();
  const pending = read(far);
  await near.write(bytes(7));
  assert.deepEqual(await pending, [7]);
});

Deno.test("Two ends that keep each other busy leave timers their turn", async () => {
  const [near, far] = memoryPipe();
  let late = false;
  const timer = setTimeout(() => late = true, 1);
  let rounds = 0;
  for (; !late && rounds < 2_000_000; rounds++) {
    await near.write(bytes(1));
    await read(far);
  }
  clearTimeout(timer);
  assert.ok(late, `${rounds} rounds`);
});

Deno.test("closeWrite() ends one direction after what was written, and leaves the other open", async () => {
  const [near, far] = memoryPipe();
  await near.write(bytes(1));
  await near.closeWrite();
  assert.deepEqual([await read(far), await read(far), await read(far)], [[1], null, null]);
  await far.write(bytes(2));
  assert.deepEqual(await read(near), [2]);
  await assert.rejects(near.write(bytes(1)), Deno.errors.BrokenPipe);
});

Deno.test("A write takes what there is room for and then waits for the reader", async () => {
  const [near, far] = memoryPipe(4);
  assert.equal(await near.write(bytes(1, 2, 3, 4, 5, 6)), 4);
  let taken = false;
  const pending = near.write(bytes(5, 6)).then((count) => {
    taken = true;
    return count;
  });
  await Promise.resolve();
  assert.equal(taken, false);
  assert.deepEqual(await read(far, 3), [1, 2, 3]);
  assert.equal(await pending, 2);
  assert.deepEqual([await read(far), await read(far)], [[4], [5, 6]]);
});

Deno.test("writeAll() gets a large array through a small pipe in order", async () => {
  const [near, far] = memoryPipe(1000);
  const sent = Uint8Array.from({ length: 100_000 }, (_, index) => index % 251);
  const writing = writeAll(near, sent).then(() => near.closeWrite());
  const received: number[] = [];
  for (let part = await read(far, 777); part; part = await read(far, 777)) received.push(...part);
  await writing;
  assert.deepEqual(Uint8Array.from(received), sent);
});

Deno.test("close() fails what is pending at either end, and everything after it", async () => {
  const [near, far] = memoryPipe(1);
  await near.write(bytes(1));
  const pending = [assert.rejects(read(near)), assert.rejects(near.write(bytes(2)))];
  near.close();
  near.close();
  await Promise.all(pending);
  await assert.rejects(far.write(bytes(1)), Deno.errors.BrokenPipe);
  await assert.rejects(near.write(bytes(1)), Deno.errors.BrokenPipe);
  await assert.rejects(read(near));
});

Deno.test("close() at one end frees a read and a write that wait at the other", async () => {
  const [near, far] = memoryPipe(1);
  await far.write(bytes(1));
  const reading = read(far).catch(() => "failed");
  const writing = assert.rejects(far.write(bytes(2)), Deno.errors.BrokenPipe);
  near.close();
  await writing;
  await reading;
});

Deno.test("What was written before close() still arrives, as it does on a socket", async () => {
  const [near, far] = memoryPipe();
  await near.write(bytes(1, 2));
  near.close();
  assert.deepEqual([await read(far), await read(far)], [[1, 2], null]);
});
