import assert from "node:assert/strict";
import { byteStreamOf, byteStreamOfPipe, makeByteStream } from "../../lib/core/byte_stream.ts";
import { withLimit } from "../../lib/core/limit.ts";
import { memoryPipe } from "../../lib/core/pipe.ts";
import { join } from "../../lib/streams/pump.ts";
import { talk } from "../bytes.ts";

/** Two ends that are joined in the middle. */
function joined() {
  const [near, a] = memoryPipe();
  const [b, far] = memoryPipe();
  const done = join(byteStreamOfPipe(a), byteStreamOfPipe(b));
  done.catch(() => {});
  return { near, far, left: talk(byteStreamOfPipe(near)), right: talk(byteStreamOfPipe(far)), done };
}

Deno.test("join() carries bytes both ways until both directions have ended", async () => {
  const { left, right, done } = joined();
  await left.send("question");
  assert.equal(await right.until("question"), "question");
  await left.end();
  assert.equal(await right.rest(), "");
  await right.send("answer");
  await right.end();
  assert.equal(await left.rest(), "answer");
  await withLimit(done, 1000, "Joining");
});

Deno.test("join() lets the far side end first as well", async () => {
  const { left, right, done } = joined();
  await right.end();
  assert.equal(await left.rest(), "");
  await left.send("still here");
  await left.end();
  assert.equal(await right.rest(), "still here");
  await withLimit(done, 1000, "Joining");
});

Deno.test("join() gives both streams up when one side is gone", async () => {
  const { near, far, right, done } = joined();
  near.close();
  await right.send("anybody?").catch(() => {});
  await right.rest().catch(() => {});
  await withLimit(done.catch(() => {}), 1000, "Joining");
  await assert.rejects(far.write(new Uint8Array(1)));
});

Deno.test("join() fails with the first failure and closes both streams, whichever half it is in", async () => {
  for (const half of ["next", "write"] as const) {
    const closed: string[] = [];
    const never = Promise.withResolvers<undefined>();
    const working = byteStreamOf({
      next: () => half === "write" ? Promise.resolve(new Uint8Array(1)) : never.promise,
      write: () => Promise.resolve(),
      end: () => Promise.resolve(),
      close: () => {
        closed.push("working");
        never.resolve(undefined);
      },
    });
    const failing = byteStreamOf({
      next: () => half === "next" ? Promise.reject(new Error("cable")) : never.promise,
      write: () => Promise.reject(new Error("cable")),
      end: () => Promise.resolve(),
      close: () => void closed.push("failing"),
    });
    await assert.rejects(withLimit(join(working, failing), 1000, "Joining"), { message: "cable" });
    assert.deepEqual(closed.sort(), ["failing", "working"]);
  }
});

Deno.test("join() passes on empty chunks and keeps boundaries", async () => {
  const chunks = [Uint8Array.of(1), new Uint8Array(), Uint8Array.of(2, 3)];
  const received: number[][] = [];
  const from = makeByteStream(ReadableStream.from(chunks), new WritableStream());
  const to = makeByteStream(
    ReadableStream.from([]),
    new WritableStream({ write: (chunk) => void received.push([...chunk]) }),
  );
  await join(from, to);
  assert.deepEqual(received, [[1], [], [2, 3]]);
});

Deno.test("join() holds one chunk at a time", async () => {
  let taken = 0;
  const { promise: blocked, resolve: unblock } = Promise.withResolvers<void>();
  const source = byteStreamOf({
    next: () => Promise.resolve(taken++ < 100 ? new Uint8Array(1024) : undefined),
    write: () => Promise.resolve(),
    end: () => Promise.resolve(),
    close() {},
  });
  const sink = byteStreamOf({
    next: () => Promise.resolve(undefined),
    write: () => blocked,
    end: () => Promise.resolve(),
    close() {},
  });
  const done = join(source, sink);
  for (let turn = 0; turn < 50; turn++) await Promise.resolve();
  assert.equal(taken, 1);
  unblock();
  await done;
  assert.equal(taken, 101);
});
