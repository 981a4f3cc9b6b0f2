import assert from "node:assert/strict";
import fc from "fast-check";
import { JumpstarterError } from "../../lib/core/errors.ts";
import { memoryPipe } from "../../lib/core/pipe.ts";
import type { ClientStream, Handler, ServerStream } from "../../lib/wire/rpc/mod.ts";
import { type Handlers, join, pipeKinds } from "./pipes.ts";

const none = new Uint8Array();
const text = (value: string) => new TextEncoder().encode(value);

/** A handler that waits until its call is over and says how that was. */
function waiting(): { handler: Handler; started: Promise<ServerStream>; over: Promise<JumpstarterError> } {
  const started = Promise.withResolvers<ServerStream>();
  const over = Promise.withResolvers<JumpstarterError>();
  return {
    started: started.promise,
    over: over.promise,
    handler: {
      kind: "streaming",
      async handle(stream) {
        started.resolve(stream);
        stream.signal.addEventListener("abort", () => over.resolve(stream.signal.reason));
        await over.promise;
      },
    },
  };
}

async function receiveAll(stream: ClientStream | ServerStream): Promise<Uint8Array[]> {
  const messages: Uint8Array[] = [];
  for (let message; (message = await stream.receive()) !== undefined;) messages.push(message);
  return messages;
}

const echo: Handlers = {
  "/test/Unary": { kind: "unary", handle: (request) => request },
  "/test/Stream": {
    kind: "streaming",
    async handle(stream) {
      for (let message; (message = await stream.receive()) !== undefined;) await stream.send(message);
    },
  },
};

for (const { name, open } of pipeKinds) {
  Deno.test(`RpcClient.unary() gets the handler's response over ${name}`, async () => {
    await using joined = join(await open(), echo);
    assert.deepEqual(await joined.client.unary("/test/Unary", text("hello")), text("hello"));
    assert.deepEqual(await joined.client.unary("/test/Unary", none), none);
  });

  Deno.test(`A message of 20 MiB travels whole in both directions over ${name}`, async () => {
    await using joined = join(await open(), echo);
    const message = crypto.getRandomValues(new Uint8Array(65_536));
    const large = new Uint8Array(20 << 20);
    for (let at = 0; at < large.length; at += message.length) large.set(message, at);
    assert.deepEqual(await joined.client.unary("/test/Unary", large), large);
    const stream = joined.client.stream("/test/Stream");
    stream.send(large);
    stream.closeSend();
    assert.deepEqual(await receiveAll(stream), [large]);
  });

  Deno.test(`100 calls of both kinds run at once over ${name}`, async () => {
    await using joined = join(await open(), echo);
    await Promise.all(Array.from({ length: 100 }, async (_, i) => {
      const message = new Uint8Array(3_000).fill(i);
      assert.deepEqual(await joined.client.unary("/test/Unary", message), message);
      const stream = joined.client.stream("/test/Stream");
      for (let n = 0; n < 20; n++) await stream.send(message);
      stream.closeSend();
      assert.deepEqual(await receiveAll(stream), Array(20).fill(message));
    }));
  });

  Deno.test(`20 000 small values are streamed in order over ${name}`, async () => {
    await using joined = join(await open(), {
      "/test/Count": {
        kind: "streaming",
        async handle(stream) {
          for (let i = 0; i < 20_000; i++) await stream.send(new Uint8Array(Uint32Array.of(i).buffer));
        },
      },
    });
    const stream = joined.client.stream("/test/Count");
    let next = 0;
    for (let message; (message = await stream.receive()) !== undefined; next++) {
      assert.equal(new Uint32Array(message.buffer)[0], next);
    }
    assert.equal(next, 20_000);
  });

  Deno.test(`ClientStream.cancel() aborts the handler's signal over ${name}`, async () => {
    const { handler, started, over } = waiting();
    await using joined = join(await open(), { "/test/Wait": handler });
    const stream = joined.client.stream("/test/Wait");
    const call = await started;
    stream.cancel();
    assert.equal((await over).code, "canceled");
    await assert.rejects(stream.receive(), { code: "canceled" });
    await assert.rejects(stream.headers, { code: "canceled" });
    await assert.rejects(call.receive(), { code: "canceled" });
    assert.throws(() => call.send(none), { code: "canceled" });
    stream.cancel();
  });

  Deno.test(`A client that is gone aborts the handler's signal over ${name}`, async () => {
    const { handler, started, over } = waiting();
    const joined = join(await open(), { "/test/Wait": handler });
    const stream = joined.client.stream("/test/Wait");
    await started;
    await joined[Symbol.asyncDispose]();
    assert.equal((await over).code, "unavailable");
    await assert.rejects(stream.receive(), { code: "canceled" });
  });
}

Deno.test("Messages of any sizes arrive as they were sent, whatever the windows and pipes are like", async () => {
  const sizes = fc.array(fc.nat({ max: 300_000 }), { maxLength: 6 });
  const window = fc.integer({ min: 65_535, max: 200_000 });
  await fc.assert(
    fc.asyncProperty(
      sizes,
      window,
      window,
      fc.integer({ min: 1, max: 5_000 }),
      async (sizes, here, there, capacity) => {
        await using joined = join(memoryPipe(capacity), echo, {
          limits: { initialWindowBytes: there, maxWindowBytes: there, connectionWindowBytes: 70_000 },
          clientLimits: { initialWindowBytes: here, maxWindowBytes: here, connectionWindowBytes: 70_000 },
        });
        const messages = sizes.map((size, index) => new Uint8Array(size).fill(index));
        const stream = joined.client.stream("/test/Stream");
        for (const message of messages) stream.send(message);
        stream.closeSend();
        assert.deepEqual(await receiveAll(stream), messages);
      },
    ),
    { numRuns: 30 },
  );
});

Deno.test("ClientStream.closeSend() ends the request while the response goes on", async () => {
  await using joined = join(memoryPipe(), {
    "/test/After": {
      kind: "streaming",
      async handle(stream) {
        const received = await receiveAll(stream);
        for (let i = 0; i < 3; i++) await stream.send(Uint8Array.of(received.length, i));
      },
    },
  });
  const stream = joined.client.stream("/test/After");
  stream.send(none);
  stream.send(none);
  stream.closeSend();
  assert.throws(() => stream.send(none), { code: "failed_precondition" });
  assert.deepEqual(await receiveAll(stream), [Uint8Array.of(2, 0), Uint8Array.of(2, 1), Uint8Array.of(2, 2)]);
});

Deno.test("ServerStream.sendHeaders() arrives before any message, with underscores in its keys", async () => {
  const go = Promise.withResolvers<void>();
  await using joined = join(memoryPipe(), {
    "/test/Headers": {
      kind: "streaming",
      async handle(stream) {
        stream.sendHeaders({ x_jmp_accept_encoding: "", other: "a b" });
        await go.promise;
      },
    },
  });
  const stream = joined.client.stream("/test/Headers");
  const headers = await stream.headers;
  assert.deepEqual([headers["x_jmp_accept_encoding"], headers["other"]], ["", "a b"]);
  go.resolve();
  assert.equal(await stream.receive(), undefined);
});

Deno.test("A handler sees the path, the metadata and the peer of its call", async () => {
  await using joined = join(memoryPipe(), {
    "/test/Who": {
      kind: "unary",
      handle: (_, call) => text([call.path, call.metadata["request"], call.metadata["x_a"], call.peer].join(" ")),
    },
  }, { peer: "unix" });
  const metadata = { request: '{"kind":"driver"}', x_a: "1" };
  const response = await joined.client.unary("/test/Who", none, { metadata });
  assert.deepEqual(response, text('/test/Who {"kind":"driver"} 1 unix'));
});

Deno.test("Metadata that cannot be sent fails the call with `invalid_argument`", async () => {
  await using joined = join(memoryPipe(), echo);
  for (const [key, value] of [["Upper", "a"], ["a b", "a"], ["a", "ä"], ["a", "line\nbreak"]]) {
    const metadata = { [key]: value };
    await assert.rejects(joined.client.unary("/test/Unary", none, { metadata }), { code: "invalid_argument" });
  }
});

Deno.test("A handler's JumpstarterError travels with code and text, before and after messages", async () => {
  const fail = () => Promise.reject(new JumpstarterError("failed_precondition", "Der Strom ist aus: 0 V"));
  await using joined = join(memoryPipe(), {
    "/test/Unary": { kind: "unary", handle: fail },
    "/test/Stream": { kind: "streaming", handle: fail },
    "/test/Late": {
      kind: "streaming",
      async handle(stream) {
        await stream.send(text("first"));
        await fail();
      },
    },
  });
  const status = { code: "failed_precondition", message: "Der Strom ist aus: 0 V" };
  await assert.rejects(joined.client.unary("/test/Unary", none), status);
  const stream = joined.client.stream("/test/Stream");
  await assert.rejects(stream.headers, status);
  await assert.rejects(stream.receive(), status);
  const late = joined.client.stream("/test/Late");
  await late.headers;
  assert.deepEqual(await late.receive(), text("first"));
  await assert.rejects(late.receive(), status);
});

Deno.test("Whatever else a handler throws becomes a status too", async () => {
  await using joined = join(memoryPipe(), {
    "/test/Throws": {
      kind: "unary",
      handle: () => {
        throw new Error("x".repeat(5_000));
      },
    },
  });
  await assert.rejects(joined.client.unary("/test/Throws", none), { code: "unknown", message: "x".repeat(1_024) });
});

Deno.test("An unknown path is `unimplemented`", async () => {
  await using joined = join(memoryPipe(), echo);
  await assert.rejects(joined.client.unary("/test/None", none), {
    code: "unimplemented",
    message: "There is no method /test/None",
  });
});

Deno.test("A deadline ends the call on both sides", async () => {
  const { handler, over } = waiting();
  await using joined = join(memoryPipe(), { "/test/Wait": handler });
  await assert.rejects(joined.client.unary("/test/Wait", none, { timeoutMs: 20 }), { code: "deadline_exceeded" });
  assert.match((await over).code, /^(deadline_exceeded|canceled)$/);
  await assert.rejects(joined.client.unary("/test/Wait", none, { timeoutMs: 0 }), { code: "deadline_exceeded" });
});

Deno.test("A server ends a call at the deadline that its header names", async () => {
  const { handler, over } = waiting();
  await using joined = join(memoryPipe(), { "/test/Wait": handler });
  const stream = joined.client.stream("/test/Wait", { metadata: { "grpc-timeout": "10m" } });
  await assert.rejects(stream.receive(), { code: "deadline_exceeded" });
  assert.equal((await over).code, "deadline_exceeded");
});

Deno.test("A signal cancels the call, with a reason of its own where it has one", async () => {
  const { handler, started } = waiting();
  await using joined = join(memoryPipe(), { "/test/Wait": handler });
  const controller = new AbortController();
  const stream = joined.client.stream("/test/Wait", { signal: controller.signal });
  await started;
  controller.abort();
  await assert.rejects(stream.receive(), { code: "canceled" });

  const { signal } = controller;
  await assert.rejects(joined.client.unary("/test/Wait", none, { signal }), { code: "canceled" });
  const lost = AbortSignal.abort(new JumpstarterError("aborted", "The lease has ended"));
  await assert.rejects(joined.client.unary("/test/Wait", none, { signal: lost }), { code: "aborted" });
});

Deno.test("A handler that goes on after its caller is gone disturbs nobody", async () => {
  const gone = Promise.withResolvers<void>();
  const finished = Promise.withResolvers<void>();
  await using joined = join(memoryPipe(), {
    ...echo,
    "/test/Stubborn": {
      kind: "streaming",
      async handle(stream) {
        stream.receive();
        while (stream.send(new Uint8Array(100_000)) === undefined);
        stream.signal.addEventListener("abort", () => gone.resolve());
        await gone.promise;
        finished.resolve();
        throw new Error("Nobody hears this");
      },
    },
    "/test/Slow": {
      kind: "unary",
      async handle() {
        await finished.promise;
        return none;
      },
    },
  });
  const stream = joined.client.stream("/test/Stubborn");
  await stream.headers;
  const slow = joined.client.stream("/test/Slow");
  slow.send(none);
  slow.closeSend();
  await joined.client.unary("/test/Unary", none);
  slow.cancel();
  stream.cancel();
  await finished.promise;
  assert.deepEqual(await joined.client.unary("/test/Unary", text("still there")), text("still there"));
});

Deno.test("A unary handler wants exactly one message", async () => {
  await using joined = join(memoryPipe(), echo);
  for (const count of [0, 2]) {
    const stream = joined.client.stream("/test/Unary");
    for (let i = 0; i < count; i++) stream.send(none);
    stream.closeSend();
    await assert.rejects(stream.receive(), { code: "internal", message: `Expected one request message, got ${count}` });
  }
});

Deno.test("RpcClient.unary() wants exactly one message", async () => {
  await using joined = join(memoryPipe(), {
    "/test/Two": {
      kind: "streaming",
      async handle(stream) {
        await stream.send(none);
        await stream.send(none);
      },
    },
    "/test/None": { kind: "streaming", handle: async () => {} },
  });
  for (const path of ["/test/Two", "/test/None"]) {
    await assert.rejects(joined.client.unary(path, none), { code: "internal" });
  }
});

Deno.test("A stream that ends well without a message has headers and an end", async () => {
  await using joined = join(memoryPipe(), { "/test/None": { kind: "streaming", handle: async () => {} } });
  const stream = joined.client.stream("/test/None");
  await stream.headers;
  assert.equal(await stream.receive(), undefined);
  assert.equal(await stream.receive(), undefined);
});

Deno.test("A handler may end before its caller has sent everything", async () => {
  await using joined = join(memoryPipe(), { ...echo, "/test/Enough": { kind: "streaming", handle: async () => {} } });
  const stream = joined.client.stream("/test/Enough");
  const large = new Uint8Array(1 << 20);
  for (let i = 0; i < 10; i++) await stream.send(large);
  assert.equal(await stream.receive(), undefined);
  await stream.send(large);
  stream.closeSend();
  assert.deepEqual(await joined.client.unary("/test/Unary", text("next")), text("next"));
});
