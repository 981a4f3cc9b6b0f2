import assert from "node:assert/strict";
import { once } from "node:events";
import { connect } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { byteStreamOfPipe, echoStream } from "../../lib/core/byte_stream.ts";
import { withLimit } from "../../lib/core/limit.ts";
import { type Forward, forwardTcp, forwardUnix } from "../../lib/streams/forward.ts";
import { echoServer, talk } from "../bytes.ts";
import { folderOf } from "../folder.ts";

const anyPort = { hostname: "127.0.0.1", port: 0 };

async function dial(forward: Forward) {
  const port = Number(forward.address.split(":").at(-1));
  const stream = byteStreamOfPipe(await Deno.connect({ hostname: "127.0.0.1", port }));
  return { ...talk(stream), [Symbol.asyncDispose]: () => stream[Symbol.asyncDispose]() };
}

Deno.test("A forward joins each of many connections to a stream of its own", async () => {
  await using server = echoServer();
  await using forward = forwardTcp(anyPort, {
    open: async () => byteStreamOfPipe(await Deno.connect({ hostname: "127.0.0.1", port: server.port })),
  });
  const answers = Array.from({ length: 20 }, async (_, index) => {
    await using connection = await dial(forward);
    await connection.send(`hello ${index}`);
    await connection.end();
    return await connection.rest();
  });
  assert.deepEqual(await Promise.all(answers), Array.from({ length: 20 }, (_, index) => `hello ${index}`));
});

Deno.test("A forward that cannot open its far end hangs up, says why, and goes on", async () => {
  const failures: string[] = [];
  let attempts = 0;
  await using forward = forwardTcp(anyPort, {
    open: () => ++attempts === 1 ? Promise.reject(new Error("The device is off")) : Promise.resolve(echoStream()),
    onFailure: (message) => void failures.push(message),
  });
  await using first = await dial(forward);
  assert.equal(await first.rest().catch(() => ""), "");
  await using second = await dial(forward);
  await second.send("hello");
  assert.equal(await second.until("hello"), "hello");
  assert.deepEqual(failures, ["The device is off"]);
});

Deno.test("A far end that takes long to open is told of once, until one opens", async () => {
  const told: string[] = [];
  const gates: ((stream: ReturnType<typeof echoStream>) => void)[] = [];
  await using forward = forwardTcp(anyPort, {
    open: () => new Promise((resolve) => gates.push(resolve)),
    onFailure: (message) => void told.push(message),
    patienceMs: 20,
  });
  await using first = await dial(forward);
  await using _second = await dial(forward);
  while (told.length === 0 || gates.length < 2) await delay(5);
  await delay(50);
  assert.equal(told.length, 1);
  assert.match(told[0], /^A connection has waited 0\.02 s for its other end, beside [01] more$/);
  gates.forEach((open) => open(echoStream()));
  await first.send("hello");
  assert.equal(await first.until("hello"), "hello");
  await using _third = await dial(forward);
  while (told.length < 2) await delay(5);
  gates[2](echoStream());
});

Deno.test("Whoever resets a connection from here is no failure of the far end", async () => {
  const failures: string[] = [];
  const { promise: released, resolve: release } = Promise.withResolvers<void>();
  const open = () => {
    const echo = echoStream();
    const { [Symbol.asyncDispose]: dispose } = echo;
    return Promise.resolve(Object.assign(echo, { [Symbol.asyncDispose]: () => dispose().finally(release) }));
  };
  await using forward = forwardTcp(anyPort, { open, onFailure: (message) => void failures.push(message) });
  const rude = connect(Number(forward.address.split(":").at(-1)), "127.0.0.1");
  rude.write("hello");
  await once(rude, "data");
  rude.resetAndDestroy();
  await withLimit(released, 5_000, "The end of the connection");
  await delay(20);
  assert.deepEqual(failures, []);
});

Deno.test("Disposing a forward hangs up on everyone, also while a far end is being opened", async () => {
  const failures: string[] = [];
  let hangs = false;
  const forward = forwardTcp(anyPort, {
    open: (signal) => {
      if (!hangs) return Promise.resolve(echoStream());
      return new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
    },
    onFailure: (message) => void failures.push(message),
  });
  await using talking = await dial(forward);
  await talking.send("hello");
  await talking.until("hello");
  hangs = true;
  await using waiting = await dial(forward);
  await withLimit(forward[Symbol.asyncDispose](), 1000, "Disposing");
  await forward[Symbol.asyncDispose]();
  await Promise.all([talking.rest().catch(() => {}), waiting.rest().catch(() => {})]);
  assert.deepEqual(failures, []);
  await assert.rejects(dial(forward));
});

Deno.test("A port that is in use is refused with a way out", async () => {
  await using server = echoServer();
  assert.throws(() => forwardTcp({ ...anyPort, port: server.port }, { open: () => Promise.resolve(echoStream()) }), {
    code: "unavailable",
    phase: "usage",
    message: `Cannot listen on 127.0.0.1:${server.port}: it is in use`,
    hint: "Choose another one, or port 0 for any free port",
  });
});

Deno.test("A forward of IPv6 writes its address in brackets", async () => {
  await using forward = forwardTcp({ hostname: "::1", port: 0 }, { open: () => Promise.resolve(echoStream()) });
  assert.match(forward.address, /^\[::1\]:\d+$/);
});

Deno.test("A unix forward serves its socket and removes it at the end", async () => {
  using folder = await folderOf();
  const path = `${folder.path}/socket`;
  const forward = forwardUnix({ path }, { open: () => Promise.resolve(echoStream()) });
  assert.equal(forward.address, path);
  {
    await using stream = byteStreamOfPipe(await Deno.connect({ transport: "unix", path }));
    const connection = talk(stream);
    await connection.send("hello");
    await connection.end();
    assert.equal(await connection.rest(), "hello");
  }
  await forward[Symbol.asyncDispose]();
  assert.throws(() => Deno.lstatSync(path), Deno.errors.NotFound);
});

Deno.test("A unix forward is for this user only, whatever the umask says", async () => {
  using folder = await folderOf();
  const path = `${folder.path}/socket`;
  const before = Deno.umask(0);
  try {
    await using _ = forwardUnix({ path }, { open: () => Promise.resolve(echoStream()) });
    assert.equal(Deno.umask(), 0);
    assert.equal(Deno.lstatSync(path).mode! & 0o077, 0);
  } finally {
    Deno.umask(before);
  }
});

Deno.test("A unix forward whose folder is gone ends all the same", async () => {
  const folder = await folderOf();
  const forward = forwardUnix({ path: `${folder.path}/socket` }, { open: () => Promise.resolve(echoStream()) });
  folder[Symbol.dispose]();
  await forward[Symbol.asyncDispose]();
});

Deno.test("A unix forward does not take a path that exists", async () => {
  using folder = await folderOf({ file: "" });
  assert.throws(() => forwardUnix({ path: `${folder.path}/file` }, { open: () => Promise.resolve(echoStream()) }), {
    code: "unavailable",
    message: `Cannot listen on ${folder.path}/file: it is in use`,
  });
});
