import assert from "node:assert/strict";
import { serve } from "../../mod.ts";
import diskFlasher from "../../drivers/disk_flasher/mod.ts";
import type { FlashEvent, FlashOptions } from "../../lib/interfaces/flashing.ts";
import { loopDevice, mediaTest, mount, noise, run, sha256, sourceOfBytes } from "../hardware/media.ts";
import { collector } from "../payload.ts";
import { temporaryFolder } from "../system/program.ts";

const MiB = 1024 * 1024;

/** A flasher of a device or file, with its state in a folder of the test's. */
const flasherOf = (path: string, stateFolder: string, config = {}) =>
  serve(diskFlasher, { storage_device: path, ...config }, { stateFolder });

type Flasher = Awaited<ReturnType<typeof flasherOf>>;

/** Flashes and gives the result; events go into `seen`. */
async function flash(flasher: Flasher, bytes: Uint8Array, options: FlashOptions = {}, seen: FlashEvent[] = []) {
  const source = { bytes: sourceOfBytes(bytes), size: bytes.length };
  for await (const event of flasher.flashProgress({ source, options })) seen.push(event);
  return seen.at(-1)!.result!;
}

mediaTest("A block device is flashed with progress and proof, and dumped", async () => {
  using folder = temporaryFolder();
  using loop = loopDevice(folder.path, 16 * MiB);
  await using flasher = await flasherOf(loop.path, folder.path);
  const image = noise(9 * MiB);
  const seen: FlashEvent[] = [];
  const digest = sha256(image);
  assert.deepEqual(await flash(flasher, image, { sha256: digest }, seen), {
    bytes: image.length,
    verified: "read-back",
    sha256: digest,
    sha256ReadBack: digest,
    written: image.length,
  });
  const all = { bytes: image.length, total: image.length, last: true };
  for (const stage of ["transfer", "write", "sync", "verify"]) {
    assert.deepEqual(seen.findLast((event) => event.stage === stage), { stage, ...all });
  }
  assert.deepEqual(Deno.readFileSync(loop.file).subarray(0, image.length), image);
  const sink = collector();
  await flasher.dump({ target: { bytes: sink } });
  assert.equal(sha256(sink.bytes), sha256(Deno.readFileSync(loop.file)));
});

mediaTest("A flash of a device goes on in another session, on that device only", async () => {
  using folder = temporaryFolder();
  using loop = loopDevice(folder.path, 100 * MiB);
  const image = noise(90 * MiB);
  const options = { size: image.length, sourceId: "image" };
  {
    await using flasher = await flasherOf(loop.path, folder.path);
    await assert.rejects(flash(flasher, image.subarray(0, 70 * MiB), options), { code: "data_loss" });
  }
  await using flasher = await flasherOf(loop.path, folder.path);
  const plan = await flasher.flashPlan({ sourceId: "image" });
  assert.deepEqual(plan, {
    offset: 64 * MiB,
    sha256: sha256(image.subarray(0, 64 * MiB)),
    unfinished: true,
  });
  const rest = image.subarray(64 * MiB);
  await assert.rejects(flash(flasher, rest, { ...options, resumeAt: 60 * MiB }), {
    code: "failed_precondition",
    message: `The image begins at ${60 * MiB}, expected ${64 * MiB}`,
  });
  assert.match((await flasher.flashPlan({ sourceId: "other" })).refusal!, /The last write was of another image$/);
  const result = await flash(flasher, rest, { ...options, resumeAt: plan.offset });
  assert.deepEqual([result.resumedFrom, result.written], [64 * MiB, rest.length]);
  assert.equal(result.sha256ReadBack, sha256(image));
  assert.deepEqual(await flasher.flashPlan({ sourceId: "image" }), {
    offset: 0,
    unfinished: false,
    refusal: `Cannot resume writing to ${loop.path}: The last write to it was finished`,
  });
});

mediaTest("With a bmap its ranges are written and proven, and the rest is left alone", async () => {
  using folder = temporaryFolder();
  using loop = loopDevice(folder.path, 4 * MiB);
  Deno.writeFileSync(loop.file, new Uint8Array(4 * MiB).fill(0x55));
  await using flasher = await flasherOf(loop.path, folder.path);
  const image = noise(2 * MiB);
  const blockMap = `<bmap version="2.0"><ImageSize>${image.length}</ImageSize><BlockSize>4096</BlockSize>
    <ChecksumType>sha256</ChecksumType><BlockMap><Range>1-2</Range></BlockMap></bmap>`;
  const { verified, written, bytes } = await flash(flasher, image, { blockMap });
  assert.deepEqual([verified, written, bytes], ["mapped", 8192, image.length]);
  const medium = Deno.readFileSync(loop.file);
  assert.deepEqual(medium.subarray(4096, 12288), image.subarray(4096, 12288));
  assert.ok(medium.subarray(12288).every((byte) => byte === 0x55));
  await assert.rejects(flash(flasher, image, { blockMap, skipIfSame: true }), { code: "invalid_argument" });
});

mediaTest("A mounted device is refused, and one that is missing is waited for", async () => {
  using folder = temporaryFolder();
  using loop = loopDevice(folder.path, 16 * MiB);
  run("mkfs.ext2", "-q", loop.path);
  using mounted = mount(folder.path, loop.path);
  await using flasher = await flasherOf(loop.path, folder.path);
  await assert.rejects(flash(flasher, noise(MiB)), {
    code: "failed_precondition",
    message: `Refused to write to ${loop.path}: ${loop.path} is mounted at ${mounted.path}`,
  });
  await using missing = await flasherOf("/dev/nothing-here", folder.path, { storage_timeout: 0.1 });
  await assert.rejects(flash(missing, noise(MiB)), {
    code: "deadline_exceeded",
    message: "No medium at /dev/nothing-here after 0.1 s: There is no such file or device",
  });
});

Deno.test("A wrong SHA-256 of the whole image is found, and the medium counts as unfinished", async () => {
  using folder = temporaryFolder();
  await using flasher = await flasherOf(`${folder.path}/disk`, folder.path);
  const image = noise(MiB);
  await assert.rejects(flash(flasher, image, { sha256: "0".repeat(64), sourceId: "image" }), {
    code: "data_loss",
    message: `The image is not whole: Expected SHA-256 ${"0".repeat(64)}, got ${sha256(image)}`,
  });
  assert.equal((await flasher.flashPlan({ sourceId: "image" })).unfinished, true);
});

Deno.test("Whoever takes no more events has given the flash up", async () => {
  using folder = temporaryFolder();
  await using flasher = await flasherOf(`${folder.path}/disk`, folder.path);
  const endless = { next: () => new Promise<Uint8Array>((resolve) => setTimeout(resolve, 1, new Uint8Array(4096))) };
  for await (const { stage } of flasher.flashProgress({ source: { bytes: endless } })) {
    assert.equal(stage, "transfer");
    break;
  }
  // Nobody else may write before that one has ended.
  assert.equal((await flash(flasher, noise(MiB))).verified, "read-back");
});

Deno.test("There are no partitions", async () => {
  using folder = temporaryFolder();
  await using flasher = await flasherOf(`${folder.path}/disk`, folder.path);
  const refused = { code: "invalid_argument", message: 'This flasher has no partitions, got "root"' } as const;
  await assert.rejects(flasher.flash({ source: { bytes: sourceOfBytes(noise(9)) }, target: "root" }), refused);
  await assert.rejects(flasher.flashPlan({ target: "root" }), refused);
  await assert.rejects(flasher.dump({ target: { bytes: collector() }, partition: "root" }), refused);
});
