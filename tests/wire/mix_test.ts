import assert from "node:assert/strict";
import fc from "fast-check";
import { isJumpstarterError } from "../../lib/core/errors.ts";
import { memoryPipe } from "../../lib/core/pipe.ts";
import { windowBudget } from "../../lib/wire/http2/window.ts";
import type { RpcClient, ServerStream } from "../../lib/wire/rpc/mod.ts";
import { type Handlers, join } from "./pipes.ts";

/** One call: how it is made, how much it carries, and after how many of its messages it is given up, if at all. */
interface Plan {
  kind: "unary" | "stream" | "deadline" | "enough";
  sizes: number[];
  giveUpAfter: number | null;
}

const plan: fc.Arbitrary<Plan> = fc.record({
  kind: fc.constantFrom("unary", "stream", "deadline", "enough"),
  sizes: fc.array(fc.oneof(fc.nat({ max: 100 }), fc.nat({ max: 200_000 })), { minLength: 1, maxLength: 5 }),
  giveUpAfter: fc.option(fc.nat({ max: 5 })),
});

function handlers(running: Set<ServerStream>): Handlers {
  const counted = (handle: (stream: ServerStream) => Promise<void>) => async (stream: ServerStream) => {
    running.add(stream);
    try {
      await handle(stream);
    } finally {
      running.delete(stream);
    }
  };
  const echo = async (stream: ServerStream) => {
    for (let message; (message = await stream.receive()) !== undefined;) await stream.send(message);
  };
  return {
    "/mix/unary": { kind: "unary", handle: async (request) => await request },
    "/mix/stream": { kind: "streaming", handle: counted(echo) },
    "/mix/deadline": {
      kind: "streaming",
      handle: counted(async (stream) => {
        await echo(stream);
        const { promise, resolve } = Promise.withResolvers<void>();
        stream.signal.addEventListener("abort", () => resolve());
        if (!stream.signal.aborted) await promise;
      }),
    },
    "/mix/enough": {
      kind: "streaming",
      handle: counted(async (stream) => {
        await stream.receive();
        await stream.send(new Uint8Array(1));
      }),
    },
  };
}

async function perform(client: RpcClient, { kind, sizes, giveUpAfter }: Plan): Promise<void> {
  const path = `/mix/${kind}`;
  if (kind === "unary") {
    const request = new Uint8Array(sizes[0]).fill(sizes.length);
    assert.deepEqual(await client.unary(path, request), request);
    return;
  }
  const stream = client.stream(path, kind === "deadline" ? { timeoutMs: 10 } : {});
  const send = async () => {
    for (const size of sizes) await stream.send(new Uint8Array(size));
    stream.closeSend();
  };
  const receive = async () => {
    for (let count = 0;; count++) {
      if (count === giveUpAfter) stream.cancel();
      if (await stream.receive() === undefined) return count;
    }
  };
  const [, received] = await Promise.all([send(), receive()]);
  assert.equal(received, kind === "enough" ? 1 : sizes.length);
}

Deno.test("Any mix of calls, given up at any point, ends as it should and leaves nothing behind", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(plan, { maxLength: 30 }), fc.integer({ min: 1, max: 20 }), async (plans, streams) => {
      const budget = windowBudget.used;
      const running = new Set<ServerStream>();
      const joined = join(memoryPipe(20_000), handlers(running), { limits: { maxConcurrentStreams: streams } });
      // The peer's limit is known once the first answer is here.
      await joined.client.unary("/mix/unary", new Uint8Array());
      const results = await Promise.allSettled(plans.map((plan) => perform(joined.client, plan)));
      results.forEach((result, i) => {
        const { kind, giveUpAfter } = plans[i];
        if (result.status === "fulfilled") return assert.notEqual(kind, "deadline");
        const expected = kind === "deadline" && giveUpAfter === null
          ? isJumpstarterError(result.reason, "deadline_exceeded")
          : giveUpAfter !== null && isJumpstarterError(result.reason, "canceled", "deadline_exceeded");
        assert.ok(expected, result.reason);
      });
      const echo = Uint8Array.of(1, 2, 3);
      assert.deepEqual(await joined.client.unary("/mix/unary", echo), echo);
      await joined[Symbol.asyncDispose]();
      assert.equal(windowBudget.used, budget);
      assert.equal(running.size, 0);
    }),
    { numRuns: 40 },
  );
});
