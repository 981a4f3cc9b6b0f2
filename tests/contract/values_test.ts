import assert from "node:assert/strict";
import fc from "fast-check";
import * as z from "zod";
import { type Method, unary } from "../../lib/contract/method.ts";
import { checkResult, fromPositions, toPositions } from "../../lib/contract/values.ts";

const flash = unary("Write", {
  params: {
    source: z.string(),
    target: z.string().optional(),
    retries: z.int().default(3),
    note: z.string().nullable(),
  },
}) as unknown as Method;

const run = unary("Run", {
  params: { name: z.string(), env: z.record(z.string(), z.string()).optional(), args: z.array(z.string()) },
  rest: true,
}) as unknown as Method;

const refused = (message: string) => ({ code: "invalid_argument", message });

Deno.test("Trailing arguments that are absent are left out, those before are null", () => {
  assert.deepEqual(toPositions(flash, { source: "a" }), ["a"]);
  assert.deepEqual(toPositions(flash, { source: "a", retries: 5 }), ["a", null, 5]);
  assert.deepEqual(toPositions(flash, { source: "a", note: null }), ["a", null, null, null]);
  assert.deepEqual(toPositions(flash), []);
});

Deno.test("A rest parameter takes all remaining positions", () => {
  assert.deepEqual(toPositions(run, { name: "ls", args: ["-l", "/"] }), ["ls", null, "-l", "/"]);
  assert.deepEqual(toPositions(run, { name: "ls", args: [] }), ["ls"]);
  assert.deepEqual(fromPositions("x.run", run, ["ls", null, "-l", "/"]), { name: "ls", args: ["-l", "/"] });
  assert.deepEqual(fromPositions("x.run", run, ["ls"]), { name: "ls", args: [] });
});

Deno.test("An argument that the method does not know is refused by its name", () => {
  assert.throws(
    () => toPositions(flash, { source: "a", speed: 5 }),
    refused('Unknown argument "speed"; expected source, target, retries, note'),
  );
  assert.throws(() => toPositions(unary("x") as Method, { a: 1 }), refused('Unknown argument "a"; expected none'));
});

Deno.test("Null and nothing stand for an absent argument, except where null is a value", () => {
  const expected = { source: "a", retries: 3, note: null };
  assert.deepEqual(fromPositions("x.flash", flash, ["a", null, null, null]), expected);
  assert.throws(
    () => fromPositions("x.flash", flash, ["a"]),
    refused("x.flash: note: Expected text, but it is missing"),
  );
});

Deno.test("A wrong argument is named with its method, its parameter, what was expected and what came", () => {
  assert.throws(
    () => fromPositions("image.flash", flash, [5, null, "many", null]),
    refused('image.flash: source: Expected text, got 5; image.flash: retries: Expected an integer, got "many"'),
  );
  assert.throws(
    () => fromPositions("x.run", run, ["ls", null, "-l", 5]),
    refused("x.run: args[1]: Expected text, got 5"),
  );
});

Deno.test("More arguments than parameters are refused", () => {
  const one = unary("One", { params: { a: z.int() } }) as unknown as Method;
  assert.throws(() => fromPositions("x.one", one, [1, 2]), refused("x.one: Expected at most one argument, got 2"));
  assert.throws(
    () => fromPositions("x.flash", flash, [1, 2, 3, 4, 5]),
    refused("x.flash: Expected at most 4 arguments, got 5"),
  );
  assert.throws(() => fromPositions("x.on", unary("On") as Method, [1]), refused("x.on: Expected no arguments, got 1"));
});

Deno.test("Integers that travelled as doubles are integers again", () => {
  assert.deepEqual(fromPositions("x", flash, ["a", null, 5.0, null]).retries, 5);
  assert.throws(
    () => fromPositions("x", flash, ["a", null, 5.5, null]),
    refused("x: retries: Expected an integer, got 5.5"),
  );
});

Deno.test("Named arguments come back from their positions as they were", () => {
  // Zod leaves that one key out of records.
  const anyKey = fc.string().filter((key) => key !== "__proto__");
  const anyArguments = fc.record({
    name: fc.string(),
    env: fc.option(fc.dictionary(anyKey, fc.string(), { noNullPrototype: true }), { nil: undefined }),
    args: fc.array(fc.string()),
  });
  fc.assert(fc.property(anyArguments, (given) => {
    const expected = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
    assert.deepEqual(fromPositions("x.run", run, toPositions(run, given)), expected);
  }));
});

const reading = unary("Read", { result: z.object({ voltage: z.number() }) }) as unknown as Method;

Deno.test("A result that does not fit is the driver's failure, with the place of what is wrong", () => {
  assert.deepEqual(checkResult(reading, { voltage: 5, secret: "x" }, "power.read"), { voltage: 5 });
  assert.throws(() => checkResult(reading, { voltage: "5" }, "power.read"), {
    code: "internal",
    message: 'power.read: result: voltage: Expected a number, got "5"',
  });
  assert.throws(() => checkResult(reading, undefined, "power.read"), {
    code: "internal",
    message: "power.read: result: Expected a mapping, but it is missing",
  });
});

Deno.test("A method without a result has none, whatever came", () => {
  assert.equal(checkResult(unary("On") as Method, { secret: 1 }, "power.on"), undefined);
  assert.equal(checkResult(unary("On") as Method, null, "power.on"), undefined);
});

Deno.test("An absent result is null or undefined, as its schema wants it, at either end of the wire", () => {
  const nullable = unary("x", { result: z.string().nullable() }) as unknown as Method;
  const optional = unary("x", { result: z.string().optional() }) as unknown as Method;
  for (const absent of [null, undefined]) {
    assert.equal(checkResult(nullable, absent, "x"), null);
    assert.equal(checkResult(optional, absent, "x"), undefined);
  }
});
