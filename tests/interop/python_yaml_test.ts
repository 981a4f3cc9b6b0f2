/** Files are the same bytes whichever program wrote them. @module */
import assert from "node:assert/strict";
import * as fc from "fast-check";
import { dumpYaml, Float } from "../../lib/config/python_yaml.ts";
import { peerTest, pythonPeer, runPython } from "./python.ts";
import { temporaryFolder } from "../system/program.ts";

const peer = await pythonPeer("0.9.0");

const script = `
import json, sys, yaml
with open(sys.argv[1]) as file:
    cases = json.load(file)
for case in cases:
    assert yaml.safe_load(case["text"]) == case["value"], case
dumped = [yaml.safe_dump(case["value"], sort_keys=case["sort"]) for case in cases]
print(json.dumps(dumped))
`;

/** What each value becomes in Python, which has read our text as the same value before. */
async function dumpedByPython(cases: { value: unknown; text: string; sort: boolean }[]): Promise<string[]> {
  using folder = temporaryFolder();
  const file = folder.file("cases.json", JSON.stringify(cases));
  return JSON.parse(await runPython(peer!, script, { args: [file] }));
}

/** Text that tempts a writer: what looks like another type, indicators, breaks, and words long enough to be folded. */
const temptation = fc.constantFrom(
  ..."yes No TRUE off ~ null Null = << 1 1.5 1e3 1.5e+3 0x1F 017 0o17 0b1 12:30:45 1_000 .5 .inf .NaN 2024-01-02".split(
    " ",
  ),
  ..."- ? : # a:b a: :a a#b #a --- ... -a ?a [ ] { } , & * ! | > ' \" % @ ` -- \\ 2024-1-2T1:02:03Z".split(" "),
  " ",
  "  ",
  "\n",
  "\n\n",
  "\t",
  "\x85",
  "\u2028",
  "\ufeff",
  "é",
  "😀",
  "\x07",
  "x".repeat(70),
  "two words ",
  "it's ",
);
const text = fc.oneof(
  temptation,
  fc.string({ unit: "binary" }),
  fc.array(fc.oneof(temptation, fc.string()), { maxLength: 25 }).map((parts) => parts.join("")),
  fc.array(fc.oneof(temptation, fc.constant(" ")), { maxLength: 25 }).map((parts) => parts.join(" ")),
).filter((value) => value.isWellFormed());
const scalar = fc.oneof(
  text,
  fc.boolean(),
  fc.constant(null),
  fc.maxSafeInteger(),
  fc.double({ noNaN: true, noDefaultInfinity: true }).filter((value) => !Number.isInteger(value)),
);
const key = fc.oneof({ weight: 5, arbitrary: fc.string({ minLength: 1, maxLength: 8 }) }, {
  weight: 1,
  arbitrary: text,
})
  .filter((name) => name !== "__proto__" && !/^\d+$/.test(name));
const { value } = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    scalar,
    fc.array(tie("value"), { maxLength: 4 }),
    fc.dictionary(key, tie("value"), { maxKeys: 4, noNullPrototype: true }),
  ),
}));
const mapping = fc.dictionary(key, value, { minKeys: 1, maxKeys: 5, noNullPrototype: true });

peerTest(peer, "dumpYaml() writes what PyYAML's safe_dump writes, and Python reads the value back", async () => {
  const values = fc.sample(mapping, { numRuns: 2000, seed: Number(Deno.env.get("SEED") ?? 4) });
  const cases = values.map((value, index) => {
    const sort = index % 4 === 0;
    return { value, sort, text: dumpYaml(value, { sortKeys: sort }) };
  });
  const dumped = await dumpedByPython(cases);
  for (const [index, { value, text }] of cases.entries()) assert.equal(text, dumped[index], JSON.stringify(value));
});

peerTest(peer, "dumpYaml() writes floats as Python does", async () => {
  const values = [0, -0, 1, 300, 0.1, 1e-4, 1e-5, 1.5e-7, 1e15, 1e16, 1.25e17, 1e22, 5e-324, 1.7976931348623157e308];
  const script = "import sys, yaml\nprint(yaml.safe_dump({'all': [float(arg) for arg in sys.argv[1:]]}), end='')";
  const args = values.map((value) => Object.is(value, -0) ? "-0" : String(value));
  const dumped = await runPython(peer!, script, { args });
  assert.equal(dumpYaml({ all: values.map((value) => new Float(value)) }), dumped);
});
