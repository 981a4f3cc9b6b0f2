import assert from "node:assert/strict";
import { Turn } from "../../lib/core/turn.ts";

Deno.test("A loop that gives way when its turn is over lets timers fire", async () => {
  const turn = new Turn();
  let fired = false;
  const timer = setTimeout(() => fired = true, 1);
  const giveUpMs = performance.now() + 5_000;
  while (!fired && performance.now() < giveUpMs) await turn.over();
  clearTimeout(timer);
  assert.ok(fired);
});

Deno.test("A turn costs no wait while it lasts", () => {
  assert.equal(new Turn().over(), undefined);
});
