import assert from "node:assert/strict";
import { type ByteStream, sinkOf, sourceOf } from "../../../lib/core/byte_stream.ts";
import { withLimit } from "../../../lib/core/limit.ts";
import { type Caller, Console, type ConsoleOptions } from "../../../lib/streams/console/console.ts";
import type { Entry } from "../../../lib/streams/console/history.ts";
import { talk } from "../../bytes.ts";
import { Cable, caller, loop } from "./lines.ts";

const never = new AbortController().signal;
const bytesOf = (text: string) => new TextEncoder().encode(text);

function onCable(options: Partial<ConsoleOptions> = {}) {
  const cable = new Cable();
  const core = new Console({ open: cable.open, when: "session", retryMs: 1, ...options });
  return { cable, core, [Symbol.asyncDispose]: () => core[Symbol.asyncDispose]() };
}

const textOf = (entry: Entry) => "bytes" in entry ? new TextDecoder().decode(entry.bytes) : `<${entry.mark}>`;

/** What a reader of records is told, as one text, until it contains something. */
function records(core: Console, from = core.history.oldest) {
  const end = new AbortController();
  const iterator = core.records(from, caller("records"), { follow: true, signal: end.signal });
  let heard = "";
  return {
    iterator,
    async until(text: string) {
      while (!heard.includes(text)) {
        const { value, done } = await withLimit(iterator.next(), 5_000, `${text} after ${JSON.stringify(heard)}`);
        if (done) throw new Error(`The records ended after ${heard}`);
        heard += textOf(value);
      }
      const taken = heard.slice(0, heard.indexOf(text) + text.length);
      heard = heard.slice(taken.length);
      return taken;
    },
    async [Symbol.asyncDispose]() {
      end.abort();
      await iterator.return();
    },
  };
}

Deno.test("Every viewer hears the same from when it came, and records know what was said before", async () => {
  await using it = onCable();
  await it.cable.say("past ");
  await using early = records(it.core);
  assert.equal(await early.until("past "), "<opened>past ");
  await using one = it.core.connect(caller("one"));
  await using other = it.core.watch(caller("other"));
  await it.cable.say("present");
  assert.equal(await talk(one).until("present"), "present");
  assert.equal(await talk(other).until("present"), "present");
  assert.equal(await early.until("present"), "present");
  assert.equal(it.cable.opened, 1);
});

Deno.test("The first byte makes a writer, and another one's byte hands the console over", async () => {
  await using it = onCable();
  await using told = records(it.core);
  await using one = it.core.connect(caller("one"));
  await using other = it.core.connect(caller("other"));
  await talk(one).send("a");
  await talk(other).send("b");
  assert.equal(await it.cable.hear(2), "ab");
  assert.equal(await told.until("<writer><writer>"), "<opened><writer><writer>");
});

Deno.test("Who watches cannot write", async () => {
  await using it = onCable();
  await using watching = it.core.watch(caller("one"));
  await assert.rejects(sinkOf(watching).write(bytesOf("x")), { message: "Who watches cannot write" });
});

Deno.test("While somebody holds the console a new writer is refused by name, and may write once it is released", async () => {
  await using it = onCable();
  const ci = caller("ci");
  it.core.claim("the nightly run", ci);
  const refused = { code: "failed_precondition", message: "The console is held by the nightly run" };
  const me = caller("me");
  await using mine = it.core.connect(me);
  const hearing = sourceOf(mine).next();
  await assert.rejects(sinkOf(mine).write(bytesOf("x")), refused);
  await assert.rejects(hearing, refused);
  assert.throws(() => it.core.claim("me", me), refused);
  assert.throws(() => it.core.release(me), refused);
  assert.throws(() => it.core.input(me, never), refused);
  await using theirs = it.core.connect(ci);
  await talk(theirs).send("theirs");
  it.core.release(ci);
  await using again = it.core.connect(me);
  await talk(again).send(" mine");
  assert.equal(await it.cable.hear(11), "theirs mine");
});

Deno.test("A claim ends a writer that is at it, with the name of who took over", async () => {
  await using it = onCable();
  await using mine = it.core.connect(caller("me"));
  await sinkOf(mine).write(bytesOf("x"));
  const hearing = sourceOf(mine).next();
  it.core.claim("the nightly run", caller("ci"));
  const over = { code: "aborted", message: "The console was taken over by the nightly run" };
  await assert.rejects(hearing, over);
  await assert.rejects(sinkOf(mine).write(bytesOf("y")), over);
});

Deno.test("Nothing more is typed for a writer that has gone, or that a claim has ended", async () => {
  await using it = onCable({ charsPerSecond: 1000 });
  const call = new AbortController();
  const ways: [open: (me: Caller) => ByteStream, end: (mine: ByteStream, other: Caller) => unknown][] = [
    [(me) => it.core.connect(me), (mine) => mine[Symbol.asyncDispose]()],
    [(me) => it.core.connect(me), (_, other) => it.core.claim("the nightly run", other)],
    [(me) => it.core.input(me, call.signal), () => call.abort()],
  ];
  for (const [open, end] of ways) {
    await using mine = open(caller("me"));
    const typing = assert.rejects(sinkOf(mine).write(bytesOf("x".repeat(5_000))), { name: "JumpstarterError" });
    await it.cable.hear(8);
    const other = caller("ci");
    await end(mine, other);
    await using theirs = it.core.connect(other);
    await sinkOf(theirs).write(bytesOf("z"));
    await typing;
    // One piece may have been on its way.
    let heard = "";
    while (!heard.endsWith("z")) heard += await it.cable.hear(1);
    assert.ok(heard.length < 50, heard);
    other.hangUp();
  }
});

Deno.test("Who types a word is heard in the middle of what another one types for long, and marked once", async () => {
  await using it = onCable({ charsPerSecond: 1000 });
  await using told = records(it.core);
  await using one = it.core.connect(caller("one"));
  await using other = it.core.connect(caller("other"));
  await sinkOf(one).write(bytesOf("x"));
  const typing = assert.rejects(sinkOf(one).write(bytesOf("x".repeat(5_000))), { code: "canceled" });
  await it.cable.hear(8);
  await sinkOf(other).write(bytesOf("\x03"));
  let heard = "";
  while (!heard.endsWith("\x03xxxx")) heard += await it.cable.hear(1);
  assert.ok(heard.length < 50, heard);
  await it.cable.say("#");
  assert.equal(await told.until("#"), "<opened><writer><writer>#");
  await one[Symbol.asyncDispose]();
  await typing;
});

Deno.test("A claim dies with its caller's connection", async () => {
  await using it = onCable();
  const ci = caller("ci");
  it.core.claim("the nightly run", ci);
  ci.hangUp();
  await using mine = it.core.connect(caller("me"));
  await talk(mine).send("free");
  assert.equal(await it.cable.hear(4), "free");
});

Deno.test("A device that goes is found again, and both directions go on as if nothing had been", async () => {
  const notes: string[] = [];
  await using it = onCable({ onNote: (text) => notes.push(text) });
  await using told = records(it.core);
  await using stream = it.core.connect(caller("me"));
  const { send, until } = talk(stream);
  await it.cable.say("before");
  await until("before");
  it.cable.pull();
  await told.until("<lost>");
  const typing = send("typed while it was away");
  it.cable.plug();
  assert.equal(await it.cable.hear(23), "typed while it was away");
  await typing;
  await it.cable.say("after");
  assert.equal(await until("after"), "after");
  assert.equal(await told.until("after"), "<opened><writer>after");
  assert.equal(notes[0], "console lost");
});

Deno.test("What somebody typed into a missing device and then gave up never reaches it", async () => {
  await using it = onCable();
  await using told = records(it.core);
  await it.cable.ready();
  it.cable.pull();
  await told.until("<lost>");
  const leaving = it.core.connect(caller("me"));
  const typing = sinkOf(leaving).write(bytesOf("reboot"));
  const refused = assert.rejects(typing, { code: "canceled" });
  await leaving[Symbol.asyncDispose]();
  it.cable.plug();
  await refused;
  await using staying = it.core.connect(caller("you"));
  await talk(staying).send("hello");
  assert.equal(await it.cable.hear(5), "hello");
});

Deno.test("A reader of bytes that falls behind is ended with an error, a reader of records is told its gap", async () => {
  await using it = onCable({ historyBytes: 1024 });
  await using slow = it.core.connect(caller("slow"));
  await using told = records(it.core, it.core.history.now);
  await using quick = it.core.watch(caller("quick"));
  const { until } = talk(quick);
  for (let count = 0; count < 4; count++) {
    await it.cable.say("x".repeat(500) + count);
    await until(`${count}`);
  }
  await assert.rejects(sourceOf(slow).next(), {
    code: "data_loss",
    message: "The reader fell behind: 980 bytes are no longer kept",
  });
  assert.equal(await told.until("3"), `<gap>${"x".repeat(21)}1${"x".repeat(500)}2${"x".repeat(500)}3`);
});

Deno.test("On demand the device is open while somebody uses the console, and free else", async () => {
  await using it = onCable({ when: "demand" });
  assert.equal(it.cable.opened, 0);
  const one = it.core.connect(caller("one"));
  await it.core.opened();
  const other = it.core.watch(caller("other"));
  await one[Symbol.asyncDispose]();
  assert.deepEqual([it.cable.opened, it.cable.closed], [1, 0]);
  await other[Symbol.asyncDispose]();
  await using again = it.core.connect(caller("one"));
  await it.core.opened();
  assert.deepEqual([it.cable.opened, it.cable.closed], [2, 1]);
  await talk(again).send("hello");
  assert.equal(await it.cable.hear(5), "hello");
});

Deno.test("Closing ends every stream and frees the device until it is used again, with its history", async () => {
  await using it = onCable();
  await it.cable.say("before");
  await using told = records(it.core);
  await told.until("before");
  await using stream = it.core.connect(caller("me"));
  const ended = talk(stream).rest();
  const closing = told.until("<closed>");
  await it.core.close();
  assert.equal(await ended, "");
  assert.equal(await closing, "<closed>");
  assert.equal((await told.iterator.next()).done, true);
  assert.equal(it.cable.closed, 1);
  await using again = records(it.core);
  const hearing = again.until("after");
  await it.core.opened();
  await it.cable.say("after");
  assert.equal(await hearing, "<opened>before<closed><opened>after");
});

Deno.test("The end of an input says that the device has taken everything", async () => {
  await using it = onCable();
  await using input = it.core.input(caller("me"), never);
  const { send, end, rest } = talk(input);
  await send("all of it");
  await end();
  assert.equal(await rest(), "");
  assert.equal(await it.cable.hear(9), "all of it");
});

Deno.test("A recording is a file of what was said, put aside by its size, that others cannot read", async () => {
  const folder = Deno.makeTempDirSync({ prefix: "jumpstarter-test-" });
  try {
    const file = `${folder}/boot.log`;
    {
      await using it = onCable({ record: { file, bytes: 10, keep: 2 } });
      await using told = records(it.core);
      for (const text of ["one......", "two......", "three....", "four"]) {
        await it.cable.say(text);
        await told.until(text);
      }
    }
    const kept = [file, `${file}.1`, `${file}.2`].map((path) => Deno.readTextFileSync(path));
    assert.deepEqual(kept, ["four", "three....", "two......"]);
    assert.equal(Deno.statSync(file).mode! & 0o777, 0o600);
    assert.deepEqual([...Deno.readDirSync(folder)].length, 3);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
});

Deno.test("A recording that fails is told once, and again when it fails after it has worked", async () => {
  const folder = Deno.makeTempDirSync({ prefix: "jumpstarter-test-" });
  try {
    const file = `${folder}/logs/boot.log`;
    Deno.mkdirSync(`${folder}/logs`);
    const notes: string[] = [];
    await using it = onCable({ record: { file, bytes: 3 }, onNote: (text) => void notes.push(text) });
    await using told = records(it.core);
    const say = async (text: string) => {
      await it.cable.say(text);
      await told.until(text);
    };
    for (const times of [1, 2]) {
      await say("one");
      Deno.removeSync(`${folder}/logs`, { recursive: true });
      for (const text of ["two", "three", "four"]) await say(text);
      assert.deepEqual(notes, Array(times).fill("console not recorded"));
      Deno.mkdirSync(`${folder}/logs`);
    }
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
});

Deno.test("200 MB go through one line to three viewers, byte for byte", async () => {
  await using core = new Console({ open: loop, when: "session" });
  const total = 200_000_000;
  const chunk = Uint8Array.from({ length: 64 * 1024 - 1 }, (_, index) => index % 256);
  const viewers = [core.connect(caller("a")), core.watch(caller("b")), core.watch(caller("c"))].map(sourceOf);
  const seen = viewers.map(() => 0);
  let moved = Promise.withResolvers<void>();
  const reading = viewers.map(async (viewer, index) => {
    while (seen[index] < total) {
      const bytes = (await viewer.next())!;
      // Every position tells which byte belongs there; a few of each piece are looked at.
      for (const at of [0, bytes.length >> 1, bytes.length - 1]) {
        assert.equal(bytes[at], ((seen[index] + at) % chunk.length) % 256);
      }
      seen[index] += bytes.length;
      moved.resolve();
      moved = Promise.withResolvers();
    }
  });
  const sink = sinkOf(core.connect(caller("writer")));
  for (let sent = 0; sent < total;) {
    const part = chunk.subarray(0, total - sent);
    await sink.write(part);
    sent += part.length;
    // A board is slower than this; the slowest viewer stays within the history.
    while (sent - Math.min(...seen) > 512 * 1024) await moved.promise;
  }
  await withLimit(Promise.all(reading), 20_000, "Reading");
  assert.deepEqual(seen, [total, total, total]);
  assert.equal(core.history.end, total);
});

Deno.test("A session's end ends records that are followed", async () => {
  const it = onCable();
  await it.core.opened();
  const followed = it.core.records(it.core.history.now, caller("me"), { follow: true, signal: never });
  const rest = Array.fromAsync(followed, (entry) => "mark" in entry && entry.mark);
  await it.core[Symbol.asyncDispose]();
  assert.deepEqual(await withLimit(rest, 2_000, "The end"), ["closed"]);
});

Deno.test("A device that is not there at the start is told once, and its coming as well", async () => {
  const cable = new Cable();
  cable.pull();
  await using core = new Console({ open: cable.open, when: "session", retryMs: 1 });
  await using hearing = records(core);
  assert.equal(await hearing.until("<lost>"), "<lost>");
  cable.plug();
  assert.equal(await hearing.until("<opened>"), "<opened>");
});
