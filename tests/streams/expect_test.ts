import assert from "node:assert/strict";
import fc from "fast-check";
import { byteStreamOfPipe } from "../../lib/core/byte_stream.ts";
import { withLimit } from "../../lib/core/limit.ts";
import { memoryPipe, writeAll } from "../../lib/core/pipe.ts";
import { endOfStream, Expect, type ExpectOptions, limitPassed } from "../../lib/streams/expect.ts";

const encoder = new TextEncoder();

/** A conversation with a far end that the test plays. */
function conversation(options?: ExpectOptions) {
  const [near, far] = memoryPipe();
  const talk = new Expect(byteStreamOfPipe(near), options);
  return {
    talk,
    say: (text: string | Uint8Array) => writeAll(far, typeof text === "string" ? encoder.encode(text) : text),
    end: () => far.closeWrite(),
    async heard(count: number) {
      let text = "";
      const buffer = new Uint8Array(1024);
      while (text.length < count) text += new TextDecoder().decode(buffer.subarray(0, await far.read(buffer) ?? 0));
      return text;
    },
    [Symbol.asyncDispose]: () => talk[Symbol.asyncDispose](),
  };
}

Deno.test("expect finds text and regular expressions, and keeps what came before and what follows", async () => {
  await using it = conversation();
  await it.say("U-Boot 2024\r\nlogin: root\r\n# ");
  const login = await it.talk.expect("login: ");
  assert.deepEqual(login, { index: 0, before: "U-Boot 2024\r\n", match: "login: ", groups: [] });
  const { groups, match } = await it.talk.expect(/(r(x)?oo)t\r\n/);
  assert.deepEqual([groups, match, it.talk.match], [["roo", undefined], "root\r\n", "root\r\n"]);
  assert.equal((await it.talk.expect(/# $/)).before, "");
  assert.equal(it.talk.heard, "");
});

Deno.test("Of several patterns the one that stands first in the text wins, then the first in the list", async () => {
  await using it = conversation();
  await it.say("one two three");
  assert.equal((await it.talk.expect(["three", /tw./, "one two"])).index, 2);
  assert.equal((await it.talk.expect([/t.r/, "thr"])).index, 0);
});

Deno.test("A pattern is found however it is cut into pieces, letters of several bytes included", async () => {
  await fc.assert(fc.asyncProperty(
    fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1 }),
    async (sizes) => {
      await using it = conversation({ timeoutMs: 5_000 });
      const bytes = encoder.encode("grün → bereit> rest");
      const finding = it.talk.expect(/→ (b\w+)> /);
      for (let at = 0, piece = 0; at < bytes.length; piece++) {
        const size = sizes[piece % sizes.length];
        await it.say(bytes.subarray(at, at + size));
        at += size;
      }
      const found = await finding;
      assert.deepEqual([found.before, found.groups], ["grün ", ["bereit"]]);
    },
  ));
});

Deno.test("^ is the beginning of what was said since the last match, however long that is", async () => {
  await using it = conversation({ timeoutMs: 50 });
  await it.say("x".repeat(200_000));
  assert.equal((await it.talk.expect([/^y/, limitPassed])).index, 1);
  await it.say("y");
  assert.equal((await it.talk.expect([/^y/, limitPassed])).index, 1);
  assert.equal((await it.talk.expect(/^x+y/)).match.length, 200_001);
});

Deno.test("Nothing in time is an error that tells what was said last, and takes nothing away", async () => {
  await using it = conversation({ timeoutMs: 20 });
  await it.say("Kernel panic");
  await assert.rejects(it.talk.expect(["login: ", /# $/]), {
    code: "deadline_exceeded",
    message: 'Nothing matched within 0.02 s before "login: " or /# $/; the last thing said was "Kernel panic"',
  });
  assert.equal((await it.talk.expect(["login: ", limitPassed], { timeoutMs: 1 })).index, 1);
  assert.equal((await it.talk.expect(/p\w+/)).match, "panic");
});

Deno.test("The end is an error, or a match where it is asked for", async () => {
  await using it = conversation();
  await it.say("bye");
  await it.end();
  await assert.rejects(it.talk.expect("login: "), {
    code: "unavailable",
    message: 'The stream ended before "login: "; the last thing said was "bye"',
  });
  const found = await it.talk.expect(["login: ", endOfStream]);
  assert.deepEqual(found, { index: 1, before: "bye", match: "", groups: [] });
});

Deno.test("A signal ends a wait with its reason", async () => {
  await using it = conversation();
  const stop = new AbortController();
  const waiting = it.talk.expect("never", { signal: stop.signal });
  stop.abort(new Error("enough"));
  await assert.rejects(waiting, { message: "enough" });
  await it.say("still here");
  assert.equal((await it.talk.expect("still")).match, "still");
});

Deno.test("What is typed at a pace comes in single characters, none before its time", async () => {
  await using it = conversation();
  const started = performance.now();
  await it.talk.send("12345", { charsPerSecond: 100 });
  const tookMs = performance.now() - started;
  assert.equal(await it.heard(5), "12345");
  assert.ok(tookMs >= 39, `${tookMs} ms for five characters at 100 a second`);
});

Deno.test("The log gets everything that is said and typed", async () => {
  const log: string[] = [];
  await using it = conversation({ log: (text, direction) => log.push(`${direction} ${text}`) });
  await it.say("login: ");
  await it.talk.expect("login: ");
  await it.talk.sendLine("root");
  assert.deepEqual(log, ["said login: ", "typed root\n"]);
  assert.equal(await it.heard(5), "root\n");
});

Deno.test("A long talk without a match is searched in time that grows with its length, not with its square", async () => {
  await using it = conversation({ timeoutMs: 60_000 });
  const finding = it.talk.expect(/login: $/);
  const line = `${"x".repeat(99)}\n`;
  for (let count = 0; count < 20_000; count++) await it.say(line);
  await it.say("login: ");
  assert.equal((await withLimit(finding, 20_000, "Finding the end of 2 MB in lines")).before.length, 2_000_000);
});
