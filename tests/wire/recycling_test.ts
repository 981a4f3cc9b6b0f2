/** Memory of messages that is used again. @module */
import assert from "node:assert/strict";
import fc from "fast-check";
import { inParts, MessageReader } from "../../lib/wire/rpc/framing.ts";
import { memoryOf, recycle } from "../../lib/wire/rpc/recycling.ts";

Deno.test("memoryOf() gives the length that was asked for, and never memory that somebody has", () => {
  const asked = fc.array(fc.record({ bytes: fc.nat(80_000), givenBack: fc.boolean() }), { maxLength: 50 });
  fc.assert(fc.property(asked, (asked) => {
    const had = new Set<ArrayBufferLike>();
    for (const { bytes, givenBack } of asked) {
      const memory = memoryOf(bytes);
      assert.equal(memory.length, bytes);
      assert.ok(!had.has(memory.buffer));
      if (givenBack) recycle(memory);
      else had.add(memory.buffer);
    }
  }));
});

Deno.test("The memory of a recycled message is that of a later one of about its length", () => {
  const first = memoryOf(65_540);
  recycle(first);
  assert.equal(memoryOf(40_000).buffer, first.buffer);
  const short = memoryOf(100);
  recycle(short);
  assert.notEqual(memoryOf(100).buffer, short.buffer);
});

Deno.test("A message in two parts is received as one, and messages keep their content until they are recycled", () => {
  const pair = fc.tuple(fc.uint8Array({ maxLength: 20 }), fc.uint8Array({ minLength: 1, maxLength: 5_000 }));
  fc.assert(fc.property(fc.array(pair, { maxLength: 20 }), fc.integer({ min: 1, max: 3_000 }), (parts, piece) => {
    const received: Uint8Array[] = [];
    const reader = new MessageReader(10_000, (message) => received.push(message));
    const sent = parts.flatMap(([first, second]) => inParts(first, second).flatMap((bytes) => [...bytes]));
    for (let at = 0; at < sent.length; at += piece) reader.push(new Uint8Array(sent.slice(at, at + piece)));
    assert.deepEqual(received.map((bytes) => [...bytes]), parts.map(([first, second]) => [...first, ...second]));
    received.forEach(recycle);
  }));
});

Deno.test("Memory of a message that is not kept is freed at once", () => {
  const longer = memoryOf(200_000);
  recycle(longer);
  assert.equal(longer.buffer.byteLength, 0);
});
