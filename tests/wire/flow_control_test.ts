import assert from "node:assert/strict";
import { memoryPipe } from "../../lib/core/pipe.ts";
import { BufferPool } from "../../lib/wire/http2/buffers.ts";
import { defaultLimits } from "../../lib/wire/http2/limits.ts";
import { ConnectionWindow, ReceiveWindow, WindowBudget, windowBudget } from "../../lib/wire/http2/window.ts";
import type { ClientStream } from "../../lib/wire/rpc/mod.ts";
import { type Handlers, join, pipeKinds } from "./pipes.ts";

const KiB = 1024;
const chunk = new Uint8Array(10 * KiB);

/** Sends until flow control says to wait, and returns how many bytes that took. */
function fill(stream: ClientStream): number {
  let sent = chunk.length;
  while (stream.send(chunk) === undefined) sent += chunk.length;
  return sent;
}

/** A handler that receives nothing until it is told to. */
function paused(): { handlers: Handlers; go: () => void; received: () => number } {
  const { promise, resolve } = Promise.withResolvers<void>();
  let received = 0;
  return {
    go: resolve,
    received: () => received,
    handlers: {
      "/test/Unary": { kind: "unary", handle: (request) => request },
      "/test/Paused": {
        kind: "streaming",
        async handle(stream) {
          stream.sendHeaders();
          await promise;
          for (let message; (message = await stream.receive()) !== undefined;) received += message.length;
        },
      },
      "/test/Flood": {
        kind: "streaming",
        async handle(stream) {
          for (let i = 0; i < 1_000; i++) await stream.send(chunk);
        },
      },
    },
  };
}

for (const { name, open } of pipeKinds) {
  Deno.test(`A handler that does not receive holds its sender back, and no other call, over ${name}`, async () => {
    const { handlers, go, received } = paused();
    await using joined = join(await open(), handlers);
    const { client } = joined;
    const streams = Array.from({ length: 5 }, () => client.stream("/test/Paused"));
    for (const stream of streams) await stream.headers;
    const sent = streams.map(fill);
    for (const bytes of sent) assert.ok(bytes <= defaultLimits.initialWindowBytes + 2 * chunk.length, `${bytes}`);
    for (let i = 0; i < 50; i++) assert.deepEqual(await client.unary("/test/Unary", chunk), chunk);

    go();
    for (const stream of streams) {
      stream.closeSend();
      assert.equal(await stream.receive(), undefined);
    }
    assert.equal(received(), sent.reduce((sum, bytes) => sum + bytes));
  });

  Deno.test(`A caller that does not receive holds its handler back, and no other call, over ${name}`, async () => {
    await using joined = join(await open(), paused().handlers);
    const { client } = joined;
    const streams = Array.from({ length: 5 }, () => client.stream("/test/Flood"));
    for (const stream of streams) await stream.headers;
    for (let i = 0; i < 50; i++) assert.deepEqual(await client.unary("/test/Unary", chunk), chunk);
    for (const stream of streams) {
      let count = 0;
      while (await stream.receive() !== undefined) count++;
      assert.equal(count, 1_000);
    }
  });
}

Deno.test("Many streams whose readers stop after a quick start wait for as long as it takes, and lose nothing", async () => {
  const quick = 10 * 1024 * KiB;
  const total = 16 * 1024 * KiB;
  const streams = 16;
  const piece = new Uint8Array(64 * KiB);
  const stopped = Array.from({ length: streams }, () => Promise.withResolvers<void>());
  const goOn = Promise.withResolvers<void>();
  const received: number[] = [];
  await using joined = join(memoryPipe(), {
    "/test/Unary": { kind: "unary", handle: (request) => request },
    "/test/Device": {
      kind: "streaming",
      async handle(stream) {
        let count = 0;
        for (let message; (message = await stream.receive()) !== undefined;) {
          count += message.length;
          if (count !== quick) continue;
          stopped[received.length].resolve();
          received.push(0);
          await goOn.promise;
        }
        received.push(count);
      },
    },
  });
  const sending = stopped.map(async () => {
    const stream = joined.client.stream("/test/Device");
    for (let sent = 0; sent < total; sent += piece.length) await stream.send(piece);
    stream.closeSend();
    return await stream.receive();
  });
  await Promise.all(stopped.map(({ promise }) => promise));
  // What the windows allow arrives meanwhile.
  for (let i = 0; i < 100; i++) await joined.client.unary("/test/Unary", chunk);
  goOn.resolve();
  assert.deepEqual(await Promise.all(sending), Array(streams).fill(undefined));
  assert.deepEqual(received.slice(streams), Array(streams).fill(total));
});

Deno.test("A send() that waits goes on when the receiver does, and fails when the call is given up", async () => {
  const { handlers, go } = paused();
  await using joined = join(memoryPipe(), handlers);
  const [first, second] = [joined.client.stream("/test/Paused"), joined.client.stream("/test/Paused")];
  await Promise.all([first.headers, second.headers]);
  fill(second);
  const hopeless = second.send(chunk);
  second.cancel();
  await assert.rejects(Promise.resolve(hopeless), { code: "canceled" });

  fill(first);
  const waiting = first.send(chunk);
  go();
  await waiting;
  first.closeSend();
  assert.equal(await first.receive(), undefined);
});

Deno.test("Closed streams return their windows to the budget of the process", async () => {
  const before = windowBudget.used;
  {
    const { handlers } = paused();
    await using joined = join(memoryPipe(), handlers);
    const streams = Array.from({ length: 5 }, () => joined.client.stream("/test/Paused"));
    for (const stream of streams) await stream.headers;
    assert.equal(windowBudget.used, before + 2 * 5 * defaultLimits.initialWindowBytes);
    streams[0].cancel();
    await joined.client.unary("/test/Unary", chunk);
    assert.equal(windowBudget.used, before + 2 * 4 * defaultLimits.initialWindowBytes);
  }
  assert.equal(windowBudget.used, before);
});

Deno.test("ReceiveWindow credits when a quarter has been consumed", () => {
  const window = new ReceiveWindow(1_000, 1_000, new WindowBudget(0));
  assert.equal(window.receive(1_000), true);
  assert.deepEqual([window.consume(200), window.consume(49), window.consume(1)], [0, 0, 250]);
  assert.equal(window.receive(250), true);
  assert.equal(window.receive(1), false);
});

Deno.test("ReceiveWindow doubles while it is consumed within a round trip of 200 ms, up to its limit", () => {
  let now = 0;
  const window = new ReceiveWindow(1_000, 3_500, new WindowBudget(1_000_000), () => now);
  const consumeWindow = (size: number) => {
    let credited = 0;
    for (let i = 0; i < 4; i++) credited += window.consume(size / 4);
    return credited - size;
  };
  window.consume(250);
  now += 199;
  assert.equal(consumeWindow(1_000), 1_000);
  now += 300;
  assert.equal(consumeWindow(2_000), 0);
  now += 100;
  assert.equal(consumeWindow(2_000), 1_500);
  now += 100;
  assert.equal(consumeWindow(3_500), 0);
});

Deno.test("ReceiveWindow grows no further than the budget of the process allows", () => {
  const budget = new WindowBudget(10_000);
  const windows = Array.from({ length: 4 }, () => new ReceiveWindow(1_000, 1_000_000, budget, () => 0));
  for (let round = 0; round < 100; round++) {
    for (const window of windows) window.consume(10_000);
  }
  assert.equal(budget.used, 10_000);
  for (const window of windows) window.close();
  assert.equal(budget.used, 0);
});

Deno.test("ConnectionWindow credits on receipt and refuses more than it has", () => {
  const window = new ConnectionWindow(1_000);
  assert.deepEqual([window.receive(249), window.receive(1), window.receive(100)], [0, 250, 0]);
  assert.throws(() => window.receive(901), { name: "ConnectionError" });
});

Deno.test("BufferPool lends a fixed number of buffers and takes back only its own", () => {
  const pool = new BufferPool(10, 2, 1);
  const [first, second] = [pool.borrow()!, pool.borrow()!];
  assert.equal(pool.borrow(), undefined);
  pool.giveBack(new Uint8Array(10));
  assert.equal(pool.exhausted, true);
  pool.giveBack(first);
  assert.equal(pool.borrow(), first);
  pool.giveBack(first);
  pool.giveBack(second);
  assert.equal(pool.exhausted, false);
});
