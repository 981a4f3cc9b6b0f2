import assert from "node:assert/strict";
import { create, fromBinary, fromJson, toBinary, toJson } from "@bufbuild/protobuf";
import { ValueSchema } from "@bufbuild/protobuf/wkt";
import fc from "fast-check";
import { isJumpstarterError } from "../../lib/core/errors.ts";
import type { Json } from "../../lib/wire/value.ts";
import { fromValue, toValue } from "./value_message.ts";
import { anyJson, nested } from "./values.ts";

/** Through the message's bytes and back. */
function roundTrip(value: unknown): Json {
  return fromValue(fromBinary(ValueSchema, toBinary(ValueSchema, toValue(value))));
}

/** A check for `assert.throws`: an invalid argument with exactly this message. */
function refusal(message: string): (error: unknown) => boolean {
  return (error) => {
    assert.ok(isJumpstarterError(error, "invalid_argument"));
    assert.equal(error.message, message);
    return true;
  };
}

Deno.test("A JSON value comes back from its Value as it was", () => {
  fc.assert(fc.property(anyJson, (value) => assert.deepEqual(roundTrip(value), value)));
});

Deno.test("A Value holds what protobuf-es reads as the same JSON", () => {
  fc.assert(fc.property(anyJson, (value) => {
    assert.equal(
      JSON.stringify(toJson(ValueSchema, toValue(value))),
      JSON.stringify(toJson(ValueSchema, reference(value))),
    );
    assert.deepEqual(fromValue(reference(value)), value);
  }));

  function reference(value: Json) {
    return fromJson(ValueSchema, value);
  }
});

Deno.test("A number keeps its bits", () => {
  for (const value of [0, -0, 5, -1, 2 ** 53, 1e308, 5e-324, Number.MAX_VALUE, 0.1]) {
    assert.ok(Object.is(roundTrip(value), value), String(value));
  }
});

Deno.test("A bigint within 2^53 becomes a number", () => {
  assert.equal(roundTrip(12n), 12);
  assert.equal(roundTrip(-(2n ** 53n) + 1n), -(2 ** 53) + 1);
  assert.throws(
    () => toValue(2n ** 53n),
    refusal("value: Expected an integer within 2^53, got 9007199254740992"),
  );
});

Deno.test("A Date becomes its ISO 8601 text", () => {
  assert.equal(roundTrip(new Date(0)), "1970-01-01T00:00:00.000Z");
  assert.throws(() => toValue(new Date(NaN)), refusal("value: Expected a valid date, got an invalid one"));
});

Deno.test("undefined is left out of an object and null elsewhere", () => {
  assert.deepEqual(roundTrip(undefined), null);
  assert.deepEqual(roundTrip([undefined, 1]), [null, 1]);
  assert.deepEqual(roundTrip({ a: undefined, b: 1 }), { b: 1 });
});

Deno.test("An object without a prototype is as plain as any", () => {
  assert.deepEqual(roundTrip(Object.assign(Object.create(null), { a: 1 })), { a: 1 });
});

Deno.test("A Value without content is null, wherever it stands", () => {
  const unset = create(ValueSchema);
  assert.equal(fromValue(unset), null);
  assert.deepEqual(fromValue(create(ValueSchema, { kind: { case: "listValue", value: { values: [unset] } } })), [null]);
});

Deno.test("The key __proto__ is a key like any other", () => {
  const value = JSON.parse('{"__proto__": {"polluted": true}, "constructor": 1}');
  const back = roundTrip(value) as Record<string, Json>;
  assert.equal(JSON.stringify(back), JSON.stringify(value));
  assert.equal(Object.getPrototypeOf(back), Object.prototype);
  assert.equal((back as { polluted?: unknown }).polluted, undefined);
});

Deno.test("An error names the place of what cannot travel", () => {
  const refused: [value: unknown, place: PropertyKey[], message: string][] = [
    [NaN, [], "value: Expected a finite number, got NaN"],
    [{ x: { y: -Infinity } }, ["args", 1], "args[1].x.y: Expected a finite number, got -Infinity"],
    [[0, [1, () => {}]], ["result"], "result[1][1]: Expected a plain value, got a function"],
    [Symbol("s"), ["result"], "result: Expected a plain value, got a symbol"],
    [{ when: new Map() }, ["result"], "result.when: Expected a plain value, got a Map"],
    [
      { data: new Uint8Array(2) },
      ["args", 0],
      "args[0].data: Expected text (bytes travel as a stream, or as base64), got bytes",
    ],
    ["\ud800", ["args", 0], "args[0]: Expected well-formed text, got half a surrogate pair"],
    [{ "\ud800": 1 }, [], "value.\ud800: Expected a key of well-formed text, got half a surrogate pair"],
  ];
  for (const [value, place, message] of refused) assert.throws(() => toValue(value, ...place), refusal(message));
});

Deno.test("A value nests as deep as Python's protobuf reads it, and no deeper", () => {
  for (const [kind, deepest] of [["list", 49], ["object", 33]] as const) {
    assert.deepEqual(roundTrip(nested(kind, deepest)), nested(kind, deepest));
    assert.throws(() => toValue(nested(kind, deepest + 1)), {
      code: "invalid_argument",
      message: /^value[.[].*: Expected less nesting, got more than 100 messages$/,
    });
  }
});

Deno.test("A value that contains itself is refused as nested too deep", () => {
  const self: unknown[] = [];
  self.push(self);
  assert.throws(() => toValue(self), { code: "invalid_argument", message: /Expected less nesting/ });
});
