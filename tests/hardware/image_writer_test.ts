/** Images on real files and loop devices: what is written, what is proven, what is refused. @module */
import assert from "node:assert/strict";
import { parseBlockMap } from "../../lib/hardware/block_map.ts";
import { writeImage, type WriteOptions } from "../../lib/hardware/image_writer.ts";
import type { WriteProgress } from "../../lib/hardware/write_progress.ts";
import { temporaryFolder } from "../system/program.ts";
import { loopDevice, mediaTest, mount, noise, run, sha256, sourceOfBytes } from "./media.ts";

const MiB = 1024 * 1024;

Deno.test("An image is written into a file, read back, and the result says what was proven", async () => {
  using folder = temporaryFolder();
  const image = noise(3 * MiB + 4321);
  const path = folder.file("disk.img", "older and longer ".repeat(300_000));
  const stages: WriteProgress[] = [];
  const result = await writeImage(sourceOfBytes(image), path, {
    size: image.length,
    sha256: sha256(image).toUpperCase(),
    onProgress: (progress) => stages.push(progress),
  });
  const { dev, ino } = Deno.statSync(path);
  assert.deepEqual(result, {
    bytes: image.length,
    written: image.length,
    zeroed: 0,
    skipped: 0,
    verified: "read-back",
    sha256Sent: sha256(image),
    sha256ReadBack: sha256(image),
    medium: `file ${dev}:${ino}`,
  });
  assert.deepEqual(Deno.readFileSync(path), image);
  assert.deepEqual([...new Set(stages.map(({ stage }) => stage))], ["transfer", "write", "sync", "verify"]);
  for (const stage of ["transfer", "write", "sync", "verify"]) {
    const last = stages.findLast((progress) => progress.stage === stage);
    assert.deepEqual(last, { stage, bytes: image.length, total: image.length, last: true });
  }
});

Deno.test("Without verification the result claims nothing", async () => {
  using folder = temporaryFolder();
  const image = noise(MiB);
  const { verified, sha256Sent, sha256ReadBack } = await writeImage(sourceOfBytes(image), `${folder.path}/new`, {
    create: true,
    verify: false,
  });
  assert.deepEqual({ verified, sha256Sent, sha256ReadBack }, {
    verified: "none",
    sha256Sent: sha256(image),
    sha256ReadBack: undefined,
  });
});

for (const [kind, device] of [["a file", false], ["a block device", true]] as const) {
  (device ? mediaTest : Deno.test)(`Runs of zeros are made by ${kind} itself, and the proof covers them`, async () => {
    using folder = temporaryFolder();
    using stack = new DisposableStack();
    const image = new Uint8Array(20 * MiB);
    image.set(noise(100_000), 5 * MiB + 512);
    image.set(noise(7), 20 * MiB - 7);
    const [path, file] = device
      ? Object.values(stack.use(loopDevice(folder.path, 24 * MiB)))
      : [folder.file("disk", ""), `${folder.path}/disk`];
    // What was there before is to become zero.
    if (device) Deno.writeFileSync(file, noise(24 * MiB, 7), { create: false });
    const result = await writeImage(sourceOfBytes(image), path);
    assert.deepEqual([result.verified, result.sha256ReadBack], ["read-back", sha256(image)]);
    assert.equal(result.written + result.zeroed, image.length);
    assert.ok(result.written < MiB, `${result.written} bytes were written`);
    assert.deepEqual(Deno.readFileSync(file).subarray(0, image.length), image);
    // What a loop device does about it is the kernel's choice.
    if (!device) assert.ok(Deno.statSync(file).blocks! * 512 < 6 * MiB, "The file is not sparse");
  });
}

mediaTest("A block device gets an image of odd length, and keeps what lies behind it", async () => {
  using folder = temporaryFolder();
  using loop = loopDevice(folder.path, 8 * MiB);
  const before = noise(8 * MiB, 3);
  Deno.writeFileSync(loop.file, before, { create: false });
  const image = noise(2 * MiB + 777);
  const result = await writeImage(sourceOfBytes(image, 3_000_000), loop.path, { size: image.length });
  assert.equal(result.sha256ReadBack, sha256(image));
  assert.match(result.medium, /loop-.* 8388608 bytes$/);
  const after = Deno.readFileSync(loop.file);
  assert.deepEqual(after.subarray(0, image.length), image);
  assert.deepEqual(after.subarray(image.length), before.subarray(image.length));
});

mediaTest("What does not fit is refused before anything is written, or where it ends", async () => {
  using folder = temporaryFolder();
  using loop = loopDevice(folder.path, 4 * MiB);
  const image = noise(5 * MiB);
  await assert.rejects(writeImage(sourceOfBytes(image), loop.path, { size: image.length }), {
    code: "out_of_range",
    message: `${loop.path} holds 4194304 bytes, the image has 5242880 bytes`,
  });
  assert.deepEqual(Deno.readFileSync(loop.file), new Uint8Array(4 * MiB));
  await assert.rejects(writeImage(sourceOfBytes(image), loop.path), {
    code: "out_of_range",
    message: `${loop.path} holds 4194304 bytes, the image has more`,
  });
});

mediaTest("A full file system is told, after a short write as well", async () => {
  using folder = temporaryFolder();
  using small = mount(folder.path, "-t", "tmpfs", "-o", "size=2500k", "tmpfs");
  const path = `${small.path}/disk.img`;
  await assert.rejects(writeImage(sourceOfBytes(noise(8 * MiB)), path, { create: true }), {
    code: "resource_exhausted",
    message: /disk\.img has no room left: write .* at \d+: No space left on device \(ENOSPC\)$/,
  });
});

mediaTest("A device whose own medium is full fails, and nothing is claimed", async () => {
  using folder = temporaryFolder();
  using small = mount(folder.path, "-t", "tmpfs", "-o", "size=2m", "tmpfs");
  using loop = loopDevice(small.path, 8 * MiB);
  await assert.rejects(writeImage(sourceOfBytes(noise(8 * MiB)), loop.path, { syncTimeoutMs: 1 }), (error: Error) => {
    assert.match(error.message, /\((?:EIO|ENOSPC)\)$/);
    return true;
  });
});

for (const device of [false, true]) {
  (device ? mediaTest : Deno.test)(`A ${device ? "device" : "file"} that flips one bit is found out`, async () => {
    using folder = temporaryFolder();
    using stack = new DisposableStack();
    const loop = device ? stack.use(loopDevice(folder.path, 8 * MiB)) : undefined;
    const path = loop?.path ?? folder.file("disk", "");
    const image = noise(8 * MiB);
    const write = (more: WriteOptions) => {
      let flip = () => flipBit(loop?.file ?? path, 5_000_000);
      const onProgress = ({ stage }: WriteProgress) => {
        if (stage !== "sync") return;
        flip();
        flip = () => {};
      };
      return writeImage(sourceOfBytes(image), path, { ...more, onProgress });
    };
    for (const record of [undefined, { path: `${folder.path}/record`, sourceId: "x" }]) {
      await assert.rejects(write({ record }), {
        code: "data_loss",
        message: `${path} gives back something else than was written to it: It differs in the 4 MiB at 4194304`,
      });
    }
  });
}

Deno.test("An image that ends early, is empty or is another is told apart from one that was written", async () => {
  using folder = temporaryFolder();
  const path = folder.file("disk", "");
  const image = noise(MiB);
  await assert.rejects(writeImage(sourceOfBytes(image), path, { size: 2 * MiB }), {
    code: "data_loss",
    message: "The image is not whole: It ended after 1048576 of 2097152 bytes",
  });
  await assert.rejects(writeImage(sourceOfBytes(image), path, { size: 1000 }), {
    code: "data_loss",
    message: "The image is not whole: It has 1048576 bytes, expected 1000",
  });
  await assert.rejects(writeImage(sourceOfBytes(image), path, { sha256: "00" }), {
    code: "data_loss",
    message: `The image is not whole: Expected SHA-256 00, got ${sha256(image)}`,
  });
  await assert.rejects(writeImage(sourceOfBytes(new Uint8Array()), path), {
    code: "data_loss",
    message: "The image is not whole: It is empty",
  });
  const cut = { next: () => Promise.reject(new Error("the cable was cut")) };
  await assert.rejects(writeImage(cut, path), { name: "Error", message: "the cable was cut" });
});

Deno.test("A write stops when it is told to, also while it waits for the source", async () => {
  using folder = temporaryFolder();
  const end = new AbortController();
  const reason = new Error("enough");
  const never = { next: () => new Promise<undefined>(() => queueMicrotask(() => end.abort(reason))) };
  await assert.rejects(writeImage(never, folder.file("disk", ""), { signal: end.signal }), reason);
});

mediaTest("With a block map the mapped ranges are written and proven, and the others left alone", async () => {
  using folder = temporaryFolder();
  using loop = loopDevice(folder.path, 4 * MiB);
  const before = noise(4 * MiB, 9);
  Deno.writeFileSync(loop.file, before, { create: false });
  const image = new Uint8Array(2 * MiB + 100);
  image.set(noise(MiB + 4096), 4096);
  image.set(noise(100, 2), 2 * MiB);
  const ranges = [[1, 257], [512, 512]].map(([first, last]) => {
    const part = image.subarray(first * 4096, Math.min((last + 1) * 4096, image.length));
    return `<Range chksum="${sha256(part)}"> ${first}-${last} </Range>`;
  });
  const map = (text: string) =>
    parseBlockMap(`<?xml version="1.0" ?><bmap version="2.0"><ImageSize> ${image.length} </ImageSize>
      <BlockSize> 4096 </BlockSize><ChecksumType>sha256</ChecksumType><BlockMap>${text}</BlockMap></bmap>`);
  const blockMap = map(ranges.join(""));
  const result = await writeImage(sourceOfBytes(image), loop.path, { blockMap });
  const mapped = [image.subarray(4096, 258 * 4096), image.subarray(2 * MiB)];
  const digest = sha256(new Uint8Array(mapped.flatMap((part) => [...part])));
  assert.deepEqual({ ...result, medium: "" }, {
    bytes: image.length,
    written: 257 * 4096 + 100,
    zeroed: 0,
    skipped: image.length - 257 * 4096 - 100,
    verified: "mapped",
    ranges: blockMap.ranges,
    sha256Sent: digest,
    sha256ReadBack: digest,
    medium: "",
  });
  const after = Deno.readFileSync(loop.file);
  const expected = before.slice();
  expected.set(mapped[0], 4096);
  expected.set(mapped[1], 2 * MiB);
  assert.deepEqual(after, expected);

  for (const size of [MiB, image.length + 1]) {
    const other = new Uint8Array(size);
    await assert.rejects(writeImage(sourceOfBytes(other), loop.path, { blockMap, size, verify: false }), {
      code: "data_loss",
      message: `The image is not whole: It has ${size} bytes, and its block map is of one of ${image.length}`,
    });
    assert.deepEqual(Deno.readFileSync(loop.file), expected);
  }
  image[20_000] ^= 1;
  await assert.rejects(writeImage(sourceOfBytes(image), loop.path, { blockMap }), {
    code: "data_loss",
    message: "The image is not the one of the block map: It differs in the bytes 4096 to 1056767",
  });
});

mediaTest("A map that bmaptool's format makes of a sparse image is read, and a changed one refused", async () => {
  using folder = temporaryFolder();
  const image = `${folder.path}/image`;
  run("truncate", "-s", "16M", image);
  run("mkfs.ext4", "-q", "-F", image);
  const bytes = Deno.readFileSync(image);
  using loop = loopDevice(folder.path, 16 * MiB);
  const blocks = bytes.length / 4096;
  const used = Array.from(
    { length: blocks },
    (_, index) => bytes.subarray(index * 4096, (index + 1) * 4096).some(Boolean),
  );
  const ranges = used.flatMap((isUsed, index) => isUsed ? [`<Range> ${index} </Range>`] : []).join("\n");
  const zeros = "0".repeat(64);
  const text = `<?xml version="1.0" ?>\n<!-- a comment --><bmap version="2.0"><ImageSize> ${bytes.length} </ImageSize>
    <BlockSize> 4096 </BlockSize><ChecksumType> sha256 </ChecksumType>
    <BmapFileChecksum> ${zeros} </BmapFileChecksum><BlockMap>${ranges}</BlockMap></bmap>`;
  const signed = text.replace(zeros, sha256(new TextEncoder().encode(text)));
  const result = await writeImage(sourceOfBytes(bytes), loop.path, { blockMap: parseBlockMap(signed) });
  assert.equal(result.verified, "mapped");
  assert.ok(result.skipped > 8 * MiB);
  run("fsck.ext4", "-f", "-n", loop.path);
  assert.throws(() => parseBlockMap(signed.replace("<Range> 0 ", "<Range> 1 ")), { code: "data_loss" });
});

function flipBit(path: string, offset: number): void {
  using file = Deno.openSync(path, { read: true, write: true });
  const byte = new Uint8Array(1);
  file.seekSync(offset, Deno.SeekMode.Start);
  file.readSync(byte);
  byte[0] ^= 8;
  file.seekSync(offset, Deno.SeekMode.Start);
  file.writeSync(byte);
}
