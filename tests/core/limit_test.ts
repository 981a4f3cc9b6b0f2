import assert from "node:assert/strict";
import { aborted, pause, withLimit } from "../../lib/core/limit.ts";

const never = new Promise<never>(() => {});

Deno.test("withLimit() gives the result of work that is in time", async () => {
  assert.equal(await withLimit(Promise.resolve(5), 60_000, "Counting"), 5);
  await assert.rejects(withLimit(Promise.reject(new Error("x")), 60_000, "Counting"), { message: "x" });
});

Deno.test("withLimit() names the work that was too slow, and its limit", async () => {
  await assert.rejects(withLimit(never, 1, "Opening the port"), {
    code: "deadline_exceeded",
    message: "Opening the port took longer than 1 ms",
  });
});

Deno.test("withLimit() waits for ever where the limit is longer than a timer can be", async () => {
  assert.equal(await withLimit(pause(5).then(() => "in time"), Infinity, "Waiting"), "in time");
  assert.equal(await withLimit(pause(5).then(() => "in time"), 2 ** 40, "Waiting"), "in time");
});

Deno.test("pause() ends with the signal's reason, also when that came first", async () => {
  const end = new AbortController();
  const pending = pause(60_000, end.signal);
  end.abort(new Error("enough"));
  await assert.rejects(pending, { message: "enough" });
  await assert.rejects(pause(60_000, end.signal), { message: "enough" });
});

Deno.test("aborted() resolves when the signal aborts, also when that came first", async () => {
  const end = new AbortController();
  const pending = aborted(end.signal);
  end.abort();
  await pending;
  await aborted(end.signal);
});
