/** A console behind the wire, with several callers. @module */
import assert from "node:assert/strict";
import { clientsOf } from "../../lib/client/connect.ts";
import { planDriver } from "../../lib/contract/plan.ts";
import { sourceOf } from "../../lib/core/byte_stream.ts";
import { withLimit } from "../../lib/core/limit.ts";
import { memoryPipe } from "../../lib/core/pipe.ts";
import {
  byteStreamOfPipe,
  consoleConfig,
  type ConsoleLine,
  type ConsoleRecord,
  defineDriver,
  power,
  serial,
  serialConsole,
  serve,
  z,
} from "../../mod.ts";
import { group } from "../contract/drivers.ts";
import { Cable } from "../streams/console/lines.ts";
import { talk } from "../bytes.ts";
import { sessionFor } from "../callers.ts";

/** A driver whose device is the test's. */
function consoleOn(open: (signal: AbortSignal) => Promise<ConsoleLine>) {
  return defineDriver({
    name: "test-console",
    summary: "x",
    implements: serial,
    config: z.object(consoleConfig),
    open: (context) => serialConsole(open, context),
  });
}

/** A bench with a console on a cable and a power switch, and as many callers as a test wants. */
async function bench(switching: { on(): void | Promise<void> } = { on: () => {} }) {
  const cable = new Cable();
  const supply = defineDriver({
    name: "test-power",
    summary: "x",
    implements: power,
    config: z.object({}),
    open: () => ({ on: () => switching.on(), off: () => {} }),
  });
  const driver = consoleOn(cable.open);
  const root = group(
    "",
    planDriver("console", driver, driver.config.parse({})),
    planDriver("power", supply, {}),
    group("other", planDriver("power", supply, {})),
  );
  const session = await sessionFor(root);
  return {
    cable,
    async caller(peer: string) {
      const { board, hangUp } = await session.caller(peer);
      return { ...clientsOf(board, { console: serial, power, "other.power": power }), hangUp };
    },
    [Symbol.asyncDispose]: () => session[Symbol.asyncDispose](),
  };
}

/** Records up to and including a mark. */
async function upTo(records: AsyncIterable<ConsoleRecord>, mark: ConsoleRecord["mark"]): Promise<ConsoleRecord[]> {
  const all: ConsoleRecord[] = [];
  await withLimit(
    (async () => {
      for await (const record of records) {
        all.push(record);
        if (record.mark === mark) break;
      }
    })(),
    5_000,
    `A record ${mark} after ${JSON.stringify(all)}`,
  );
  return all;
}

Deno.test("Records carry offset, time and bytes, or a mark with its text", async () => {
  await using it = await bench();
  const me = await it.caller("me");
  await using stream = await me.console.connect();
  await it.cable.say("\x00\xff");
  await talk(stream).chunk();
  it.cable.pull();
  const [opened, bytes, lost] = await upTo(me.console.records({ follow: true }), "lost");
  assert.deepEqual({ ...opened, timeMs: 0 }, { offset: 0, timeMs: 0, mark: "opened" });
  assert.deepEqual(Uint8Array.fromBase64(bytes.data!), new TextEncoder().encode("\x00\xff"));
  assert.deepEqual({ ...lost, timeMs: 0 }, { offset: 3, timeMs: 0, mark: "lost", text: "it has ended" });
  assert.ok(Math.abs(bytes.timeMs - Date.now()) < 5_000);
});

Deno.test("A since that means nothing is refused with what it may be", async () => {
  await using it = await bench();
  const me = await it.caller("me");
  await assert.rejects(Array.fromAsync(me.console.records({ since: "yesterday" })), {
    code: "invalid_argument",
    message: "console.records: since: Expected boot, now, a time such as 30s, 5m or 2h, or an offset in bytes, " +
      "got yesterday",
  });
});

Deno.test("A claim is the connection's: others are refused by its name until it hangs up", async () => {
  await using it = await bench();
  const [ci, me] = [await it.caller("ci"), await it.caller("me")];
  await ci.console.claim({ name: "the nightly run" });
  const refused = { code: "failed_precondition", message: "The console is held by the nightly run" };
  await using mine = await me.console.connect();
  await talk(mine).send("x");
  await assert.rejects(talk(mine).chunk(), refused);
  await using session = await me.console.open();
  await assert.rejects(session.send("x"), refused);
  await assert.rejects(me.console.open({ claim: "me" }), refused);
  await using theirs = await ci.console.open();
  await theirs.send("theirs");
  assert.equal(await it.cable.hear(6), "theirs");
  await ci.hangUp();
  const free = async (): Promise<void> => await me.console.claim({ name: "me" }).catch(free);
  await withLimit(free(), 5_000, "The end of the claim");
  await using again = await me.console.open();
  await again.send("mine");
  assert.equal(await it.cable.hear(4), "mine");
});

Deno.test("state tells how much was said, who types, who holds it and how many are there", async () => {
  await using it = await bench();
  const [ci, me] = [await it.caller("ci"), await it.caller("me")];
  const { offset, you, others } = await me.console.state();
  assert.deepEqual({ offset, you, others }, { offset: 0, you: "me", others: 0 });
  await using theirs = await ci.console.open();
  await theirs.send("x");
  await it.cable.say("heard");
  await theirs.expect("heard");
  assert.deepEqual({ ...await me.console.state() }, { offset: 5, you: "me", writer: "ci", others: 1 });
  await ci.console.claim({ name: "the nightly run" });
  const held = { offset: 5, you: "me", writer: "ci", holder: "the nightly run", others: 1 };
  assert.deepEqual({ ...await me.console.state() }, held);
  assert.equal((await ci.console.state()).others, 0);
});

Deno.test("A session that holds the console gives it back at its end", async () => {
  await using it = await bench();
  const [ci, me] = [await it.caller("ci"), await it.caller("me")];
  {
    await using held = await ci.console.open({ claim: "ci" });
    await assert.rejects(me.console.claim({ name: "me" }), { message: "The console is held by ci" });
    await held.send("one");
  }
  await me.console.claim({ name: "me" });
});

Deno.test("A session whose console was taken over can type again once it is free", async () => {
  await using it = await bench();
  const [ci, me] = [await it.caller("ci"), await it.caller("me")];
  await using mine = await me.console.open();
  await mine.send("a");
  assert.equal(await it.cable.hear(1), "a");
  await ci.console.claim({ name: "ci" });
  await assert.rejects(async () => {
    for (;;) await mine.send("x");
  }, { message: /^The console (?:was taken over|is held) by ci$/ });
  await ci.console.release();
  await mine.send("b");
  assert.equal(await it.cable.hear(1), "b");
});

Deno.test("Switching the power of the same composite on marks the boot where it began; another's does not", async () => {
  let speak = () => {};
  const spoken = new Promise<void>((resolve) => speak = resolve);
  // The board speaks while its switch is still busy.
  const switching = { on: () => Promise.resolve() };
  await using it = await bench(switching);
  switching.on = () => it.cable.say("boot").then(() => spoken);
  const me = await it.caller("me");
  await using stream = await me.console.connect();
  await it.cable.say("old");
  await talk(stream).until("old");
  const on = me.power.on();
  await talk(stream).until("boot");
  speak();
  await on;
  const told = async () => (await Array.fromAsync(me.console.records())).map(({ offset, mark }) => [offset, mark]);
  assert.deepEqual(await told(), [[3, undefined], [7, "power-on"]]);
  await me.power.off();
  await me["other.power"].on();
  assert.equal((await told()).filter(([, mark]) => mark === "power-on").length, 1);
});

Deno.test("A power switch that fails leaves no mark", async () => {
  await using it = await bench({ on: () => Promise.reject(new Error("No such relay")) });
  const me = await it.caller("me");
  await assert.rejects(me.power.on());
  const marks = (await Array.fromAsync(me.console.records({ since: "0" }))).map(({ mark }) => mark);
  assert.deepEqual(marks, ["opened"]);
});

Deno.test("What a device cannot do is unimplemented, and what it can reaches it", async () => {
  const done: unknown[] = [];
  const [near, far] = memoryPipe();
  const bytes = byteStreamOfPipe(near);
  await using port = await serve(
    consoleOn(() =>
      Promise.resolve({
        bytes,
        sendBreak: (ms) => Promise.resolve(void done.push(ms)),
        setDtr: (on) => void done.push(on),
        [Symbol.asyncDispose]: () => bytes[Symbol.asyncDispose](),
      })
    ),
    {},
  );
  await port.sendBreak();
  await port.sendBreak({ ms: 100 });
  await port.setDtr({ value: false });
  assert.deepEqual(done, [250, 100, false]);
  await assert.rejects(port.setRts({ value: true }), {
    code: "unimplemented",
    message: "This console's device does not support setRts",
  });
  far.close();
});

Deno.test("close ends the streams of everybody", async () => {
  await using it = await bench();
  const [one, other] = [await it.caller("one"), await it.caller("other")];
  await using stream = await one.console.connect();
  const hearing = sourceOf(stream).next();
  await other.console.close();
  assert.equal(await withLimit(hearing, 5_000, "The end"), undefined);
});
