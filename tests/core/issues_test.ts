import assert from "node:assert/strict";
import * as z from "zod";
import { describeValue, explainIssues, renderPath, tellIntegers } from "../../lib/core/issues.ts";

function explain(schema: z.ZodType, value: unknown, keys?: string[]): string[] {
  const { error } = schema.safeParse(value, tellIntegers);
  return explainIssues(error!, value, keys).map(({ path, message }) =>
    [renderPath(path), message].filter(Boolean).join(": ")
  );
}

const table: [z.ZodType, unknown, string][] = [
  [z.int(), "twelve", 'Expected an integer, got "twelve"'],
  [z.int(), 1.5, "Expected an integer, got 1.5"],
  [z.number(), null, "Expected a number, got null"],
  [z.number(), NaN, "Expected a number, got NaN"],
  [z.number(), 5n, "Expected a number, got 5"],
  [z.string(), [], "Expected text, got a list"],
  [z.string(), { secret: 1 }, "Expected text, got a mapping"],
  [z.boolean(), "maybe", 'Expected true or false, got "maybe"'],
  [z.array(z.int()), {}, "Expected a list, got a mapping"],
  [z.object({}), "x", 'Expected a mapping, got "x"'],
  [z.object({ host: z.string() }), {}, "host: Expected text, but it is missing"],
  [z.int().min(1), 0, "Expected at least 1, got 0"],
  [z.int().max(8), 9, "Expected at most 8, got 9"],
  [z.int().positive(), 0, "Expected more than 0, got 0"],
  [z.int().lt(5), 5, "Expected less than 5, got 5"],
  [z.string().min(3), "a", 'Expected at least 3 characters, got "a"'],
  [z.array(z.int()).max(1), [1, 2], "Expected at most 1 items, got a list"],
  [z.literal("on"), "off", 'Expected "on", got "off"'],
  [z.enum(["on", "off"]), "onn", 'Expected one of "on", "off", got "onn"; did you mean "on"?'],
  [z.enum(["on", "off"]), 5, 'Expected one of "on", "off", got 5'],
  [z.union([z.int(), z.string()]), true, "Fits none of the allowed forms, got true"],
  [z.array(z.object({ a: z.int() })), [{ a: 1 }, { a: "x" }], '[1].a: Expected an integer, got "x"'],
  [z.record(z.string().regex(/^\w+$/, "Expected a word"), z.int()), { "a b": 1 }, 'a b: Expected a word, got "a b"'],
  [z.string().refine(() => false, "Not today"), "x", 'Not today, got "x"'],
];

Deno.test("A complaint says what was expected, what came and where", () => {
  for (const [schema, value, expected] of table) assert.deepEqual(explain(schema, value), [expected]);
});

Deno.test("Every wrong value gets a complaint of its own", () => {
  const schema = z.object({ host: z.string(), port: z.int() });
  assert.deepEqual(explain(schema, { host: 5, port: "x" }), [
    "host: Expected text, got 5",
    'port: Expected an integer, got "x"',
  ]);
});

Deno.test("An unknown key gets the nearest one and all that there are", () => {
  const schema = z.strictObject({ host: z.string().optional(), port: z.int().optional() });
  const keys = ["host", "port"];
  assert.deepEqual(explain(schema, { prot: 1 }, keys), [
    'prot: Unknown key "prot"; did you mean "port"? Available: host, port',
  ]);
  assert.deepEqual(explain(schema, { voltage: 1 }, keys), ['voltage: Unknown key "voltage"; Available: host, port']);
  assert.deepEqual(explain(z.strictObject({}), { a: 1, b: 2 }), [
    'a: Unknown key "a"; none is expected here',
    'b: Unknown key "b"; none is expected here',
  ]);
});

Deno.test("An unknown key is a complaint about the key, a wrong value one about the value", () => {
  const value = { a: "x", b: 1 };
  const { error } = z.strictObject({ a: z.int() }).safeParse(value);
  assert.deepEqual(explainIssues(error!, value).map(({ path, aboutKey }) => [path, aboutKey]), [
    [["a"], false],
    [["b"], true],
  ]);
});

Deno.test("describeValue() is short and shows nobody's inside", () => {
  assert.equal(describeValue(undefined), "nothing");
  assert.equal(describeValue({ password: "x" }), "a mapping");
  assert.equal(describeValue("x".repeat(100)).length, 60);
  assert.equal(describeValue(Infinity), "Infinity");
  assert.equal(describeValue(-0), "0");
});

Deno.test("renderPath() writes paths as code does", () => {
  assert.equal(renderPath(["export", "relay", 2, "x"]), "export.relay[2].x");
  assert.equal(renderPath([]), "");
});
