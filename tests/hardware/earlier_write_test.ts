/** Writes that were cut short and are gone on with, on real files and loop devices. @module */
import assert from "node:assert/strict";
import { heldImage, recordedPlan, type RecordOptions, unfinishedWrite } from "../../lib/hardware/earlier_write.ts";
import { writeImage, type WriteOptions } from "../../lib/hardware/image_writer.ts";
import { parseBlockMap } from "../../lib/hardware/block_map.ts";
import { readWriteState } from "../../lib/hardware/write_record.ts";
import type { ByteSource } from "../../lib/core/byte_stream.ts";
import { temporaryFolder } from "../system/program.ts";
import { loopDevice, mediaTest, noise, sha256, sourceOfBytes } from "./media.ts";

const MiB = 1024 * 1024;

const holdsImage = async (...args: Parameters<typeof heldImage>) => await heldImage(...args) !== undefined;

/** A source that fails after some bytes. */
function cutAfter(image: Uint8Array, bytes: number): ByteSource {
  const source = sourceOfBytes(image.subarray(0, bytes));
  return { next: async () => await source.next() ?? Promise.reject(new Error("the cable was cut")) };
}

/** A write of 150 MiB that was cut short after 140 MiB, of which 128 MiB are certain. */
async function cutShort(path: string, record: RecordOptions, image: Uint8Array): Promise<void> {
  const options = { size: image.length, record };
  await assert.rejects(writeImage(cutAfter(image, 140 * MiB), path, options), { message: "the cable was cut" });
  assert.equal(readWriteState(record.path)!.synced, 128 * MiB);
}

for (const device of [false, true]) {
  for (const resume of ["rest", "all"] as const) {
    const name = `A write to a ${
      device ? "device" : "file"
    } goes on where it was cut short, with ${resume} of the image`;
    (device ? mediaTest : Deno.test)(name, async () => {
      using folder = temporaryFolder();
      using stack = new DisposableStack();
      const loop = device ? stack.use(loopDevice(folder.path, 160 * MiB)) : undefined;
      const path = loop?.path ?? folder.file("disk", "");
      const image = noise(150 * MiB + 12345);
      // Zeros on both sides of the cut are made anew where something else may stand.
      image.fill(0, 127 * MiB, 145 * MiB);
      const record = { path: `${folder.path}/record`, sourceId: "image" };
      await cutShort(path, record, image);
      assert.equal(unfinishedWrite(path, record.path)?.synced, 128 * MiB);
      assert.equal(await holdsImage(path, { record, size: image.length }), false);

      const plan = () => recordedPlan(path, record.path, { sourceId: "image", size: image.length });
      const { offset: from } = plan();
      assert.equal(from, 128 * MiB);
      const rest = resume === "rest" ? image.subarray(from) : image;
      const options: WriteOptions = { size: image.length, sha256: sha256(image), record: { ...record, resume } };
      const result = await writeImage(sourceOfBytes(rest, 100_000), path, options);
      assert.deepEqual([result.bytes, result.skipped, result.verified], [image.length, from, "read-back"]);
      assert.equal(result.written + result.zeroed, image.length - from);
      assert.deepEqual([result.sha256Sent, result.sha256ReadBack], [sha256(image), sha256(image)]);
      assert.deepEqual(Deno.readFileSync(loop?.file ?? path).subarray(0, image.length), image);

      assert.equal(unfinishedWrite(path, record.path), undefined);
      assert.equal(await holdsImage(path, { record }), true);
      assert.equal(await holdsImage(path, { size: image.length, sha256: sha256(image) }), true);
      assert.equal(await holdsImage(path, { size: image.length, sha256: sha256(image.subarray(1)) }), false);
      assert.equal(await holdsImage(path, { size: image.length }), false);
      assert.match(plan().refusal ?? "", /The last write to it was finished$/);
      using file = Deno.openSync(loop?.file ?? path, { write: true });
      file.seekSync(5 * MiB, Deno.SeekMode.Start);
      file.writeSync(new Uint8Array(3));
      assert.equal(await holdsImage(path, { record }), false);
    });
  }
}

mediaTest("A write goes on with the same image on the same medium only", async () => {
  using folder = temporaryFolder();
  using loop = loopDevice(folder.path, 160 * MiB);
  const image = noise(150 * MiB);
  const record = { path: `${folder.path}/record`, sourceId: "image" };
  const refuses = async (message: RegExp, path = loop.path, size = image.length, sourceId = "image") => {
    const rest = sourceOfBytes(image.subarray(128 * MiB));
    const goingOn = writeImage(rest, path, { size, record: { ...record, sourceId, resume: "rest" } });
    await assert.rejects(goingOn, { code: "failed_precondition", message });
  };
  await refuses(/No write to it was recorded$/);
  await cutShort(loop.path, record, image);

  await refuses(/The last write was of another image$/, loop.path, image.length, "other");
  await refuses(/The image has 5 bytes now, it had 157286400$/, loop.path, 5);
  const another = image.slice();
  another[9 * MiB] ^= 1;
  await assert.rejects(
    writeImage(sourceOfBytes(another), loop.path, { size: image.length, record: { ...record, resume: "all" } }),
    {
      code: "failed_precondition",
      message: "The image is not the one whose writing was begun: It differs in the 4 MiB at 8388608",
    },
  );
  using file = Deno.openSync(loop.file, { write: true });
  file.seekSync(20 * MiB, Deno.SeekMode.Start);
  file.writeSync(new Uint8Array(3));
  await refuses(/no longer has what was written to it last$/);

  using other = loopDevice(folder.path, 160 * MiB);
  const text = Deno.readTextFileSync(record.path).replaceAll(loop.path, other.path);
  Deno.writeTextFileSync(record.path, text);
  await refuses(/Expected the medium .*, got .*$/, other.path);
});

mediaTest(
  "A write with a block map goes on where it was cut short, and what lies between its ranges counts for nothing",
  async () => {
    using folder = temporaryFolder();
    using loop = loopDevice(folder.path, 160 * MiB);
    const before = noise(160 * MiB, 9);
    Deno.writeFileSync(loop.file, before, { create: false });
    const image = noise(150 * MiB);
    const ranges = [[MiB, 100 * MiB], [121 * MiB, 126 * MiB], [127 * MiB, 129 * MiB], [140 * MiB, 150 * MiB]];
    const blockMap = parseBlockMap(`<?xml version="1.0" ?><bmap version="2.0"><ImageSize> ${image.length} </ImageSize>
    <BlockSize> 4096 </BlockSize><ChecksumType>sha256</ChecksumType><BlockMap>${
      ranges.map(([start, end]) => {
        const chksum = sha256(image.subarray(start, end));
        return `<Range chksum="${chksum}"> ${start / 4096}-${end / 4096 - 1} </Range>`;
      }).join("")
    }</BlockMap></bmap>`);
    const record = { path: `${folder.path}/record`, sourceId: "image" };
    const options = { size: image.length, blockMap, record };
    await assert.rejects(writeImage(cutAfter(image, 140 * MiB), loop.path, options), { message: "the cable was cut" });
    assert.equal(readWriteState(record.path)!.synced, 128 * MiB);
    await assert.rejects(
      writeImage(sourceOfBytes(image), loop.path, { size: image.length, record: { ...record, resume: "all" } }),
      {
        code: "failed_precondition",
        message: `The write to ${loop.path} was begun with a block map, and goes on so only`,
      },
    );

    const result = await writeImage(sourceOfBytes(image), loop.path, {
      ...options,
      record: { ...record, resume: "all" },
    });
    const proven = { bytes: result.bytes, verified: result.verified, resumedFrom: result.resumedFrom };
    assert.deepEqual(proven, { bytes: image.length, verified: "mapped", resumedFrom: 128 * MiB });
    assert.equal(result.written, 11 * MiB);
    const expected = before.slice();
    for (const [start, end] of ranges) expected.set(image.subarray(start, end), start);
    assert.deepEqual(Deno.readFileSync(loop.file), expected);
  },
);

Deno.test("What a medium has lost of what was noted is found before anything is written", async () => {
  using folder = temporaryFolder();
  const path = folder.file("disk", "");
  const image = noise(150 * MiB);
  const record = { path: `${folder.path}/record`, sourceId: "image" };
  await cutShort(path, record, image);
  using file = Deno.openSync(path, { write: true });
  file.seekSync(20 * MiB, Deno.SeekMode.Start);
  file.writeSync(new Uint8Array(3));
  const rest = sourceOfBytes(image.subarray(128 * MiB));
  await assert.rejects(writeImage(rest, path, { size: image.length, record: { ...record, resume: "rest" } }), {
    code: "failed_precondition",
    message: /no longer has what was written to it last$/,
  });
  assert.notEqual(unfinishedWrite(path, record.path), undefined);
});

Deno.test("A line of the record that a crash has cut short counts as not written", () => {
  using folder = temporaryFolder();
  const header = { format: 2, target: "/dev/x", medium: "m", sourceId: "s", size: 9, started: "2026-01-01T00:00:00Z" };
  const lines = [header, { synced: 4, digests: ["a"] }, { synced: 8, digests: ["b"] }].map((line) =>
    JSON.stringify(line)
  );
  const read = (text: string) => readWriteState(folder.file("record", text));
  assert.deepEqual(read(`${lines.slice(0, 2).join("\n")}\n${lines[2].slice(0, -3)}`)?.digests, ["a"]);
  // A write that went on behind it.
  const again = JSON.stringify({ synced: 8, digests: ["c"] });
  const state = read(`${lines.slice(0, 2).join("\n")}\n${lines[2].slice(0, -3)}\n${again}\n`);
  assert.deepEqual([state?.synced, state?.digests], [8, ["a", "c"]]);
  assert.equal(read(""), undefined);
  assert.equal(read("{"), undefined);
  assert.equal(read('{"format":99}'), undefined);
  assert.equal(readWriteState(`${folder.path}/nothing`), undefined);
});
