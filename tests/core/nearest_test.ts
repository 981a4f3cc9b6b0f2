import assert from "node:assert/strict";
import { didYouMean, nearest } from "../../lib/core/nearest.ts";

const table: [string, string[], string | undefined][] = [
  ["prot", ["host", "port"], "port"],
  ["Port", ["host", "port"], "port"],
  ["pwoer", ["composite", "power"], "power"],
  ["moc-power", ["mock-power", "tcp-network"], "mock-power"],
  ["baud", ["baudrate"], undefined],
  ["x", ["y"], undefined],
  ["X", ["x"], "x"],
  ["", ["x"], undefined],
  ["power", [], undefined],
  ["completely", ["different"], undefined],
  ["hst", ["hot", "host"], "hot"],
];

Deno.test("nearest() finds what was meant, and nothing where nothing is near", () => {
  for (const [word, candidates, expected] of table) assert.equal(nearest(word, candidates), expected, word);
});

Deno.test("didYouMean() is a question, or nothing", () => {
  assert.equal(didYouMean("prot", ["port"]), '; did you mean "port"?');
  assert.equal(didYouMean("prot", ["voltage"]), "");
});
