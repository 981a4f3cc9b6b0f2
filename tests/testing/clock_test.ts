import assert from "node:assert/strict";
import { ManualClock } from "../../lib/testing/clock.ts";

const never = new AbortController().signal;

Deno.test("A manual clock wakes whoever is due, in the order of time", async () => {
  const clock = new ManualClock();
  const woken: string[] = [];
  const wait = (name: string, delayMs: number) => void clock.pause(delayMs, never).then(() => woken.push(name));
  wait("late", 200);
  wait("first", 50);
  wait("second", 100);
  await clock.advance(99);
  assert.deepEqual(woken, ["first"]);
  await clock.advance(1);
  assert.deepEqual(woken, ["first", "second"]);
  assert.equal(clock.waiting, 1);
  await clock.advance(1000);
  assert.deepEqual(woken, ["first", "second", "late"]);
});

Deno.test("A manual clock lets who wakes wait again within the same step", async () => {
  const clock = new ManualClock();
  let times = 0;
  const waiting = (async () => {
    for (; times < 10; times++) await clock.pause(50, never);
  })();
  await clock.advance(499);
  assert.equal(times, 9);
  await clock.advance(1);
  await waiting;
});

Deno.test("A pause on a manual clock ends with the signal's reason, also when that came first", async () => {
  const clock = new ManualClock();
  const end = new AbortController();
  const pending = clock.pause(50, end.signal);
  end.abort(new Error("enough"));
  await assert.rejects(pending, { message: "enough" });
  await assert.rejects(clock.pause(50, end.signal), { message: "enough" });
  assert.equal(clock.waiting, 0);
});
