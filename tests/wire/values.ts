/**
 * Values for tests of the codecs.
 *
 * @module
 */
import fc from "fast-check";
import type { Json } from "../../lib/wire/value.ts";

/** Any value that a Value can hold, with unusual keys, long and non-ASCII texts, and negative zero. */
export const anyJson: fc.Arbitrary<Json> = fc.letrec<{ json: Json }>((tie) => ({
  json: fc.oneof(
    { maxDepth: 5, depthSize: "small" },
    fc.constant(null),
    fc.boolean(),
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    fc.integer(),
    text(),
    fc.array(tie("json")),
    fc.dictionary(text(), tie("json"), { noNullPrototype: true }),
  ),
})).json;

/** Text on both sides of the codec's limit for short ones. */
export function text(): fc.Arbitrary<string> {
  return fc.oneof(
    fc.string({ unit: "grapheme-ascii", maxLength: 60 }),
    fc.string({ unit: "binary", maxLength: 60 }),
    fc.string({ unit: "binary-ascii", minLength: 120, maxLength: 300 }),
    fc.constant("\ufeffmarked"),
  );
}

/** Null inside of `depth` lists or objects. */
export function nested(kind: "list" | "object", depth: number): Json {
  let value: Json = null;
  for (let i = 0; i < depth; i++) value = kind === "list" ? [value] : { a: value };
  return value;
}

/** Messages of which up to three bytes were changed, or the end cut off. */
export function damaged(messages: fc.Arbitrary<Uint8Array>): fc.Arbitrary<Uint8Array> {
  const change = fc.record({ at: fc.nat(), byte: fc.integer({ min: 0, max: 255 }), cut: fc.boolean() });
  return fc.tuple(messages, fc.array(change, { minLength: 1, maxLength: 3 })).map(([message, changes]) => {
    let bytes = message.slice();
    for (const { at, byte, cut } of changes) {
      if (cut) bytes = bytes.slice(0, at % (bytes.length + 1));
      else if (bytes.length > 0) bytes[at % bytes.length] = byte;
    }
    return bytes;
  });
}
