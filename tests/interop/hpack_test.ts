/** HPACK against an implementation of others: the package `hpack` of Python's environment. @module */
import assert from "node:assert/strict";
import fc from "fast-check";
import { HpackDecoder } from "../../lib/wire/http2/hpack_decoder.ts";
import { HpackEncoder } from "../../lib/wire/http2/hpack_encoder.ts";
import type { HeaderField, HeaderList } from "../../lib/wire/http2/hpack_table.ts";
import { mapLines, peerTest, pythonPeer } from "./python.ts";

const python = await pythonPeer("0.9.0");

/** One header block: the table's size before it, where that changes, and its fields. */
interface Step {
  readonly tableBytes: number | null;
  readonly list: HeaderList;
}

const bytes = fc.string({ unit: fc.integer({ min: 0, max: 255 }).map((code) => String.fromCharCode(code)) });
const field = fc.tuple(
  fc.oneof(fc.constantFrom(":path", ":status", "te", "content-type", "x-a"), bytes),
  fc.oneof(fc.constantFrom("", "trailers", "200"), bytes, fc.string({ minLength: 200, maxLength: 900 }).map(latin1)),
);
const step = fc.record({ list: fc.array(field), tableBytes: fc.option(fc.integer({ min: 0, max: 4096 })) });

/** Whole connections, for each block depends on those before it. */
const connections: Step[][] = fc.sample(fc.array(step, { minLength: 1, maxLength: 20 }), 300);

/** A connection as a line of JSON, its texts in hexadecimal digits. */
function lineOf(steps: readonly Step[]): string {
  return JSON.stringify(
    steps.map(({ list, tableBytes }) => [tableBytes, list.map(([name, value]) => [hexOf(name), hexOf(value)])]),
  );
}

peerTest(python, "We decode what Python's hpack encodes, with and without Huffman code", async (peer) => {
  const script = `
import json, sys
from hpack import Encoder

for number, line in enumerate(open(sys.argv[1])):
    encoder, blocks = Encoder(), []
    for table, fields in json.loads(line):
        if table is not None:
            encoder.header_table_size = table
        fields = [(bytes.fromhex(name), bytes.fromhex(value)) for name, value in fields]
        blocks.append(encoder.encode(fields, huffman=number % 2 == 0).hex())
    print(json.dumps(blocks))
`;
  const printed = await mapLines(peer, script, connections.map(lineOf));
  assert.equal(printed.length, connections.length);
  printed.forEach((line, index) => {
    const decoder = new HpackDecoder(Infinity);
    const lists = (JSON.parse(line) as string[]).map((block) => decoder.decode(Uint8Array.fromHex(block)));
    assert.deepEqual(lists, connections[index].map(({ list }) => list));
  });
});

peerTest(python, "Python's hpack decodes what we encode", async (peer) => {
  const script = `
import json, sys
from hpack import Decoder

for line in open(sys.argv[1]):
    decoder, lists = Decoder(max_header_list_size=1 << 30), []
    for block in json.loads(line):
        fields = decoder.decode(bytes.fromhex(block), raw=True)
        lists.append([[name.hex(), value.hex()] for name, value in fields])
    print(json.dumps(lists))
`;
  const encoded = connections.map((steps) => {
    const encoder = new HpackEncoder();
    return JSON.stringify(steps.map(({ list, tableBytes }) => {
      if (tableBytes !== null) encoder.setMaxTableBytes(tableBytes);
      return encoder.encode(list).toHex();
    }));
  });
  const printed = await mapLines(peer, script, encoded);
  assert.equal(printed.length, connections.length);
  printed.forEach((line, index) => {
    const lists = (JSON.parse(line) as [string, string][][]).map((list) =>
      list.map(([name, value]): HeaderField => [textOf(name), textOf(value)])
    );
    assert.deepEqual(lists, connections[index].map(({ list }) => list));
  });
});

function latin1(text: string): string {
  return text.replace(/[^\x20-\x7e]/g, "?");
}

function hexOf(text: string): string {
  return Uint8Array.from(text, (character) => character.charCodeAt(0)).toHex();
}

function textOf(hex: string): string {
  return String.fromCharCode(...Uint8Array.fromHex(hex));
}
