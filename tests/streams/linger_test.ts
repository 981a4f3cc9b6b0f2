import assert from "node:assert/strict";
import { setTimeout as delay } from "node:timers/promises";
import { Linger } from "../../lib/streams/linger.ts";

Deno.test("A stream without a half-close is given up once the other end is silent, and not before", async () => {
  let given = 0;
  const linger = new Linger(() => void given++, 100);
  linger.heard();
  await delay(150);
  assert.equal(given, 0);
  linger.begin();
  for (let count = 0; count < 5; count++) {
    await delay(40);
    linger.heard();
  }
  assert.equal(given, 0);
  await delay(200);
  assert.equal(given, 1);
});

Deno.test("A stream that is over is not given up again", async () => {
  let given = 0;
  const linger = new Linger(() => void given++, 20);
  linger.begin();
  linger.stop();
  linger.begin();
  await delay(60);
  assert.equal(given, 0);
});
