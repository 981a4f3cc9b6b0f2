import assert from "node:assert/strict";
import { isJumpstarterError } from "../../lib/core/errors.ts";
import { guarded, PassphraseGuard } from "../../lib/exporter/passphrase.ts";
import type { Handler, Router, ServerStream } from "../../lib/wire/rpc/types.ts";

/** Time that passes at once for whoever waits, and is written down. */
function clock() {
  let now = 0;
  const waits: number[] = [];
  return {
    waits,
    pass: (ms: number) => now += ms,
    now: () => now,
    pause(delayMs: number) {
      waits.push(delayMs);
      return Promise.resolve();
    },
  };
}

const answer: Handler = { kind: "unary", handle: (request) => request };
const router: Router = (path) => path === "/there" ? answer : undefined;

/** What a call comes to: what its handler answers, or the status' code and message. */
async function call(router: Router, passphrase?: string, path = "/there"): Promise<string> {
  const handler = router(path, (name) => name === "x-jumpstarter-passphrase" ? passphrase : undefined);
  if (handler === answer) return "at once";
  if (handler === undefined) return "no method";
  assert.equal(handler.kind, "streaming");
  const sent: Uint8Array[] = [];
  const requests = [new Uint8Array([1])];
  const stream = {
    path,
    signal: new AbortController().signal,
    receive: () => Promise.resolve(requests.shift()),
    send: (message: Uint8Array) => void sent.push(message),
  } as unknown as ServerStream;
  try {
    await (handler as Extract<Handler, { kind: "streaming" }>).handle(stream);
    return `later: ${sent.join()}`;
  } catch (error) {
    assert.ok(isJumpstarterError(error));
    return `${error.code}: ${error.message}`;
  }
}

const refused = "unauthenticated: invalid or missing passphrase";

function guardedPort(time = clock()) {
  const guard = new PassphraseGuard("right", time);
  const refusals: string[] = [];
  const connect = (address: string) =>
    guarded(router, guard.door({ address, onRefused: (path) => refusals.push(path) }));
  return { time, connect, refusals };
}

Deno.test("PassphraseGuard lets calls in that carry the passphrase, and tells the others nothing, unknown paths alike", async () => {
  const { connect, refusals, time } = guardedPort();
  assert.equal(await call(connect("a"), "right"), "at once");
  assert.equal(await call(connect("a"), "right", "/nowhere"), "no method");
  for (const passphrase of [undefined, "", "Right", "right "]) {
    for (const path of ["/there", "/nowhere"]) assert.equal(await call(connect("b"), passphrase, path), refused);
  }
  assert.equal(refusals.length, 8);
  assert.ok(time.waits.length > 0);
});

Deno.test("PassphraseGuard tells of one call without a passphrase a connection, and of every wrong one", async () => {
  const { connect, refusals } = guardedPort();
  const connection = connect("a");
  for (let count = 0; count < 5; count++) assert.equal(await call(connection, undefined), refused);
  assert.equal(refusals.length, 1);
  for (let count = 0; count < 2; count++) assert.equal(await call(connection, "wrong"), refused);
  assert.equal(refusals.length, 3);
});

Deno.test("PassphraseGuard looks at each call of a connection, also after a right one", async () => {
  const { connect } = guardedPort();
  const connection = connect("a");
  assert.equal(await call(connection, "right"), "at once");
  assert.equal(await call(connection, undefined), refused);
  assert.equal(await call(connection, "wrong"), refused);
  assert.equal(await call(connection, "right"), "at once");
});

Deno.test("PassphraseGuard makes an address wait longer after each wrong guess, and no other address", async () => {
  const { connect, time } = guardedPort();
  const waits = async (address: string, passphrase: string) => {
    time.waits.length = 0;
    await call(connect(address), passphrase);
    return time.waits.reduce((sum, wait) => sum + wait, 0);
  };
  assert.equal(await waits("a", "1"), 100);
  time.pass(100);
  assert.equal(await waits("a", "2"), 200);
  time.pass(200);
  assert.equal(await waits("a", "3"), 400);
  assert.equal(await waits("b", "right"), 0);
  time.pass(400);
  assert.equal(await waits("a", "right"), 0);
  assert.equal(await waits("a", "4"), 100);
});

Deno.test("PassphraseGuard looks at guesses that come at once one after the other, the right one among them", async () => {
  const { connect, time } = guardedPort();
  const outcomes = await Promise.all(["1", "2", "right"].map((passphrase) => call(connect("a"), passphrase)));
  assert.deepEqual(outcomes, [refused, refused, "later: 1"]);
  assert.deepEqual(time.waits.slice(0, 3), [100, 100, 200]);
});

Deno.test("PassphraseGuard refuses guesses unseen for which an address would have to wait too long", async () => {
  const { connect, time } = guardedPort();
  const outcomes = await Promise.all(Array.from({ length: 500 }, () => call(connect("a"), "wrong")));
  const tooMany = "resource_exhausted: Too many wrong passphrases came from this address; try again later";
  assert.deepEqual(new Set(outcomes), new Set([refused, tooMany]));
  assert.equal(await call(connect("a"), "right"), tooMany);
  assert.equal(await call(connect("b"), "right"), "at once");
  assert.ok(time.waits.length < 200, `${time.waits.length} guesses waited`);
  assert.ok(time.waits.every((wait) => wait <= 10_000));
});
