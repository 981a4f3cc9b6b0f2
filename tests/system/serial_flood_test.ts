import assert from "node:assert/strict";
import { flood } from "./serial_flood.ts";

Deno.test("A flooded console is recorded byte for byte, and whoever is too slow is told what it missed", async () => {
  const { handOvers } = await flood({ total: 20_000_000, handOverBytes: 2_000_000, limitMs: 300_000 });
  assert.equal(handOvers, 10);
});
