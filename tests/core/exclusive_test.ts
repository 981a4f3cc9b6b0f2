import assert from "node:assert/strict";
import { Exclusive } from "../../lib/core/exclusive.ts";

/** Work that ends when a test says so. */
function work(exclusive: Exclusive) {
  const end = new AbortController();
  const { promise, resolve } = Promise.withResolvers<string>();
  return { end, finish: resolve, done: exclusive.run(end.signal, () => promise) };
}

Deno.test("Exclusive refuses others while somebody is at work", async () => {
  const exclusive = new Exclusive(() => new Error("busy"));
  const first = work(exclusive);
  await assert.rejects(exclusive.run(undefined, () => Promise.resolve()), { message: "busy" });
  await assert.rejects(exclusive.whenFree(() => {}), { message: "busy" });
  first.finish("first");
  assert.equal(await first.done, "first");
  assert.equal(await exclusive.whenFree(() => "free"), "free");
});

Deno.test("Exclusive lets others wait for work that is being given up, one after the other", async () => {
  const exclusive = new Exclusive(() => new Error("busy"));
  const order: string[] = [];
  const first = work(exclusive);
  first.end.abort();
  const second = exclusive.run(undefined, () => Promise.resolve(void order.push("second")));
  const third = exclusive.run(undefined, () => Promise.resolve(void order.push("third")));
  third.catch(() => {});
  order.push("first");
  first.finish("");
  await second;
  // It came when the second one had begun, which nobody gives up.
  await assert.rejects(third, { message: "busy" });
  assert.deepEqual(order, ["first", "second"]);
});

Deno.test("Exclusive is free again after work that failed", async () => {
  const exclusive = new Exclusive(() => new Error("busy"));
  await assert.rejects(exclusive.run(undefined, () => Promise.reject(new Error("failed"))), { message: "failed" });
  assert.equal(await exclusive.whenFree(() => 1), 1);
});
