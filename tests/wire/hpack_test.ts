import assert from "node:assert/strict";
import fc from "fast-check";
import { ConnectionError, ErrorCode } from "../../lib/wire/http2/error_code.ts";
import { HpackDecoder } from "../../lib/wire/http2/hpack_decoder.ts";
import { HpackEncoder } from "../../lib/wire/http2/hpack_encoder.ts";
import type { HeaderField, HeaderList } from "../../lib/wire/http2/hpack_table.ts";
import { huffmanDecode, huffmanEncode, huffmanLength } from "../../lib/wire/http2/huffman.ts";

const authority: HeaderField = [":authority", "www.example.com"];
const requests: HeaderList[] = [
  [[":method", "GET"], [":scheme", "http"], [":path", "/"], authority],
  [[":method", "GET"], [":scheme", "http"], [":path", "/"], authority, ["cache-control", "no-cache"]],
  [[":method", "GET"], [":scheme", "https"], [":path", "/index.html"], authority, ["custom-key", "custom-value"]],
];
const response = (status: string, second: string): HeaderList => [
  [":status", status],
  ["cache-control", "private"],
  ["date", `Mon, 21 Oct 2013 20:13:${second} GMT`],
  ["location", "https://www.example.com"],
];
const responses: HeaderList[] = [
  response("302", "21"),
  response("307", "21"),
  [
    ...response("200", "22"),
    ["content-encoding", "gzip"],
    ["set-cookie", "foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1"],
  ],
];

const withHuffman = [
  "828684418cf1e3c2e5f23a6ba0ab90f4ff",
  "828684be5886a8eb10649cbf",
  "828785bf408825a849e95ba97d7f8925a849e95bb8e8b4bf",
];

/** A table size update to 256, which the response examples of the RFC assume. */
const table256 = "3fe101";

const examples: { name: string; blocks: string[]; lists: HeaderList[] }[] = [
  {
    name: "C.3, requests without Huffman code",
    blocks: [
      "828684410f7777772e6578616d706c652e636f6d",
      "828684be58086e6f2d6361636865",
      "828785bf400a637573746f6d2d6b65790c637573746f6d2d76616c7565",
    ],
    lists: requests,
  },
  { name: "C.4, requests with Huffman code", blocks: withHuffman, lists: requests },
  {
    name: "C.5, responses without Huffman code, with eviction",
    blocks: [
      table256 +
      "4803333032580770726976617465611d4d6f6e2c203231204f637420323031332032303a31333a323120474d54" +
      "6e1768747470733a2f2f7777772e6578616d706c652e636f6d",
      "4803333037c1c0bf",
      "88c1611d4d6f6e2c203231204f637420323031332032303a31333a323220474d54c05a04677a69707738666f6f3d4153444a4b485" +
      "14b425a584f5157454f50495541585157454f49553b206d61782d6167653d333630303b2076657273696f6e3d31",
    ],
    lists: responses,
  },
  {
    name: "C.6, responses with Huffman code, with eviction",
    blocks: [
      table256 +
      "488264025885aec3771a4b6196d07abe941054d444a8200595040b8166e082a62d1bff6e919d29ad171863c78f0b97c8e9ae82ae43d3",
      "4883640effc1c0bf",
      "88c16196d07abe941054d444a8200595040b8166e084a62d1bffc05a839bd9ab77ad94e7821dd7f2e6c7b335dfdfcd5b3960d5af" +
      "27087f3672c1ab270fb5291f9587316065c003ed4ee5b1063d5007",
    ],
    lists: responses,
  },
];

for (const { name, blocks, lists } of examples) {
  Deno.test(`HpackDecoder reads RFC 7541 ${name}`, () => {
    const decoder = new HpackDecoder(16_384);
    assert.deepEqual(blocks.map((block) => decoder.decode(bytes(block))), lists);
  });
}

Deno.test("HpackEncoder writes RFC 7541 C.4", () => {
  const encoder = new HpackEncoder();
  assert.deepEqual(requests.map((list) => hex(encoder.encode(list))), withHuffman);
});

const byteText = fc.string({ unit: fc.integer({ min: 0, max: 255 }).map((code) => String.fromCharCode(code)) });
const fields = fc.array(
  fc.tuple(
    fc.oneof(fc.constantFrom(":path", "te", "content-type", "x-a", "x_b", "grpc-timeout"), byteText),
    fc.oneof(
      fc.constantFrom("", "trailers", "200"),
      byteText,
      fc.string({ minLength: 200, maxLength: 900 }).map(ascii),
    ),
  ),
);

Deno.test("HpackDecoder reads whatever HpackEncoder writes, over a whole connection and with changing table sizes", () => {
  const step = fc.record({ list: fields, tableBytes: fc.option(fc.integer({ min: 0, max: 5000 })) });
  fc.assert(fc.property(fc.array(step, { maxLength: 20 }), (steps) => {
    const encoder = new HpackEncoder();
    const decoder = new HpackDecoder(Infinity);
    for (const { list, tableBytes } of steps) {
      if (tableBytes !== null) encoder.setMaxTableBytes(tableBytes);
      assert.deepEqual(decoder.decode(encoder.encode(list)), list);
    }
  }));
});

Deno.test("HpackEncoder keeps what it has when its table is full", () => {
  const encoder = new HpackEncoder();
  const first: HeaderList = [["x-first", "kept"]];
  encoder.encode(first);
  for (let i = 0; i < 500; i++) encoder.encode([["x-many", `value ${i}`]]);
  assert.ok(encoder.encode(first).length <= 2);
  assert.ok(encoder.encode([["x-late", "value"]]).length > 2);
});

Deno.test("HpackDecoder stays in step when a list is too long to be returned", () => {
  const encoder = new HpackEncoder();
  const decoder = new HpackDecoder(200);
  assert.equal(decoder.decode(encoder.encode([["x-long", "v".repeat(300)], ["x-short", "kept"]])), undefined);
  assert.deepEqual(decoder.decode(encoder.encode([["x-short", "kept"]])), [["x-short", "kept"]]);
});

const invalid = {
  "index 0": "80",
  "an index behind the table's end": "be",
  "an integer that is cut off": "ff",
  "an integer beyond all bounds": "ffffffffffff0f",
  "a string that is cut off": "400a6375",
  "a field that is cut off": "40",
  "Huffman padding of zeros": "00810000",
  "Huffman padding longer than a byte": "00821fff00",
  "the Huffman end-of-string symbol": "0084ffffffff00",
  "a table size update above what was announced": "3fe23f",
  "a table size update behind a field": "8220",
};

for (const [what, block] of Object.entries(invalid)) {
  Deno.test(`HpackDecoder refuses ${what}`, () => {
    assert.throws(() => new HpackDecoder(16_384).decode(bytes(block)), { errorCode: ErrorCode.COMPRESSION_ERROR });
  });
}

Deno.test("HpackDecoder takes any bytes without another error than COMPRESSION_ERROR", () => {
  fc.assert(fc.property(fc.array(fc.uint8Array({ maxLength: 200 }), { maxLength: 5 }), (blocks) => {
    const decoder = new HpackDecoder(16_384);
    try {
      for (const block of blocks) decoder.decode(block);
    } catch (thrown) {
      assert.ok(thrown instanceof ConnectionError && thrown.errorCode === ErrorCode.COMPRESSION_ERROR, String(thrown));
    }
  }));
});

Deno.test("huffmanDecode() undoes huffmanEncode(), which needs huffmanLength() bytes", () => {
  fc.assert(fc.property(byteText, (text) => {
    const target = new Uint8Array(4 * text.length + 1);
    const end = huffmanEncode(text, target, 0);
    assert.equal(end, huffmanLength(text));
    assert.equal(huffmanDecode(target, 0, end), text);
  }));
});

function ascii(text: string): string {
  return text.replace(/[^\x20-\x7e]/g, "?");
}

function bytes(text: string): Uint8Array {
  return Uint8Array.from(text.match(/../g)!, (pair) => parseInt(pair, 16));
}

function hex(block: Uint8Array): string {
  return Array.from(block, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
