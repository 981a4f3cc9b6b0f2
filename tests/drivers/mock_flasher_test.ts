import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { serve } from "../../mod.ts";
import mockFlasher from "../../drivers/mock_flasher/mod.ts";
import { codecs } from "../../lib/core/codec.ts";
import { compress } from "../../lib/streams/codec/codec.ts";
import { allOf, collector, sample, sourceOfBytes } from "../payload.ts";

const image = sample(5 * 1024 * 1024 + 3);
const sha256 = createHash("sha256").update(image).digest("hex");

Deno.test("MockFlasher keeps an image and gives it back, and tells what it wrote", async () => {
  await using flasher = await serve(mockFlasher, {});
  const result = await flasher.flash({ source: { bytes: sourceOfBytes(image) } });
  assert.deepEqual(result, { bytes: image.length, sha256, verified: "read-back" });
  const sink = collector();
  await flasher.dump({ target: { bytes: sink } });
  assert.equal(sink.state, "ended");
  assert.deepEqual(sink.bytes, image);
});

Deno.test("MockFlasher keeps partitions apart", async () => {
  await using flasher = await serve(mockFlasher, {});
  const text = (text: string) => new Blob([text]).stream();
  await flasher.flash({ source: text("one"), target: "boot" });
  await flasher.flash({ source: text("two"), target: "root" });
  await flasher.flash({ source: text("three") });
  for (const [partition, expected] of [["boot", "one"], ["root", "two"], [undefined, "three"]] as const) {
    const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
    const [dumped] = await Promise.all([new Response(readable).text(), flasher.dump({ target: writable, partition })]);
    assert.equal(dumped, expected);
  }
  await assert.rejects(flasher.flash({ source: text("x"), target: "../up" }), {
    code: "invalid_argument",
    message: 'Expected the name of a partition, got "../up"',
  });
  const sink = collector();
  await assert.rejects(flasher.dump({ target: { bytes: sink }, partition: "data" }), {
    code: "not_found",
    message: "Nothing was flashed to data yet",
  });
  assert.equal(sink.state, "aborted");
});

for (const codec of codecs) {
  Deno.test(`A ${codec} archive is flashed as what it holds, and dumped as an archive`, async () => {
    await using flasher = await serve(mockFlasher, {});
    const bytes = compress(codec, sourceOfBytes(image));
    const result = await flasher.flash({ source: { bytes, contentEncoding: codec, close: () => bytes.close() } });
    assert.equal(result?.sha256, sha256);
    const sink = collector();
    await flasher.dump({ target: { bytes: sink, contentEncoding: codec } });
    const { decompress } = await import("../../lib/streams/codec/codec.ts");
    assert.deepEqual(await allOf(decompress(codec, sourceOfBytes(sink.bytes))), image);
  });
}
