import { create, fromBinary, fromJson, type JsonValue, toBinary, toJson } from "@bufbuild/protobuf";
import fc from "fast-check";
import assert from "node:assert/strict";
import * as z from "zod";
import { defineInterface } from "../../../lib/contract/interface.ts";
import { unary } from "../../../lib/contract/method.ts";
import { describe } from "../../../lib/wire/native/description.ts";
import { descriptorOf } from "../../../lib/wire/native/descriptor.ts";
import { argumentsOf, resultMessage } from "../../../lib/wire/native/messages.ts";

const Mode = z.enum(["slow", "full speed"]).meta({ title: "Mode" });
const Part = z.object({ partName: z.string(), sizes: z.array(z.int()) }).meta({ title: "Part" });

const rig = defineInterface({
  name: "rig",
  summary: "A rig",
  pythonClients: [],
  methods: {
    configure: unary("Set it up", {
      params: {
        count: z.int(),
        ratio: z.number().optional(),
        mode: Mode,
        parts: z.array(Part),
        extra: z.unknown(),
        constructor: z.string(),
      },
      result: z.object({
        count: z.int(),
        ratio: z.number().nullable(),
        mode: Mode,
        parts: z.array(Part),
        extra: z.unknown(),
        constructor: z.string(),
      }),
    }),
    run: unary("Run a program", { params: { args: z.array(z.string()) }, rest: true, result: z.string() }),
    reset: unary("Start anew"),
  },
});

const native = describe(rig);
const { methods } = descriptorOf(native);
const endpoint = (name: string) => ({
  method: native.methods.find((method) => method.name === name)!,
  desc: methods.get(name)!,
});

/** A request in JSON as arguments. */
function argumentsFrom(name: string, json: JsonValue): unknown[] {
  const { method, desc } = endpoint(name);
  const bytes = toBinary(desc.input, fromJson(desc.input, json));
  return argumentsOf(method, desc.input, fromBinary(desc.input, bytes));
}

/** A result as JSON. */
function resultIn(name: string, value: unknown): JsonValue {
  const { method, desc } = endpoint(name);
  const bytes = toBinary(desc.output, resultMessage(method, desc.output, value));
  return toJson(desc.output, fromBinary(desc.output, bytes), { alwaysEmitImplicit: true });
}

Deno.test("Arguments arrive by their positions, with the names and kinds that drivers know", () => {
  const request = {
    count: "7",
    mode: "MODE_FULL_SPEED",
    parts: [{ partName: "axle", sizes: ["1", "2"] }],
    extra: { any: [1, null, "x"] },
    constructor: "acme",
  };
  const expected = [
    7,
    undefined,
    "full speed",
    [{ partName: "axle", sizes: [1, 2] }],
    { any: [1, null, "x"] },
    "acme",
  ];
  assert.deepEqual(argumentsFrom("Configure", request), expected);
});

Deno.test("A rest parameter's items take the remaining positions", () => {
  assert.deepEqual(argumentsFrom("Run", { args: ["a", "b"] }), ["a", "b"]);
  assert.deepEqual(argumentsFrom("Run", {}), []);
  assert.throws(() => argumentsFrom("Run", { args: "a b" }), {
    code: "invalid_argument",
    message: 'args: Expected a list, got "a b"',
  });
});

Deno.test("An integer that a double cannot hold is refused with its name", () => {
  assert.throws(() => argumentsFrom("Configure", { count: "9007199254740993" }), {
    code: "invalid_argument",
    message: "count: Expected an integer within ±(2^53 - 1), got 9007199254740993",
  });
});

Deno.test("Results travel as messages: null is absent, an enum its name, a scalar wrapped, nothing Empty", () => {
  const result = {
    count: 3,
    ratio: null,
    mode: "slow",
    parts: [{ partName: "hub", sizes: [] }],
    extra: null,
    constructor: "acme",
  };
  assert.deepEqual(resultIn("Configure", result), {
    count: "3",
    mode: "MODE_SLOW",
    parts: [{ partName: "hub", sizes: [] }],
    extra: null,
    constructor: "acme",
  });
  assert.deepEqual(resultIn("Run", "done"), { value: "done" });
  assert.deepEqual(resultIn("Reset", undefined), {});
});

Deno.test("Whatever goes in as a result comes out as the same arguments", () => {
  const values = fc.record({
    count: fc.maxSafeInteger(),
    ratio: fc.double({ noNaN: true, noDefaultInfinity: true }),
    mode: fc.constantFrom("slow", "full speed"),
    parts: fc.array(
      fc.record({ partName: fc.string(), sizes: fc.array(fc.maxSafeInteger()) }, { noNullPrototype: true }),
    ),
    extra: fc.jsonValue({ maxDepth: 3 }),
    constructor: fc.string(),
  }, { noNullPrototype: true });
  const { method, desc } = endpoint("Configure");
  fc.assert(fc.property(values, (value) => {
    const answer = toBinary(desc.output, resultMessage(method, desc.output, value));
    // The request has the same fields as the response.
    const back = argumentsOf(method, desc.input, fromBinary(desc.input, answer));
    assert.deepEqual(back.map((one) => JSON.stringify(one)), Object.values(value).map((one) => JSON.stringify(one)));
  }));
});

Deno.test("A message made from nothing is one of Empty", () => {
  const { desc } = endpoint("Reset");
  assert.equal(desc.output.typeName, "google.protobuf.Empty");
  assert.equal(toBinary(desc.output, create(desc.output)).length, 0);
});
