/** Waiting for a medium, and refusing the wrong ones. @module */
import assert from "node:assert/strict";
import { blockDeviceAt } from "../../lib/hardware/block_device.ts";
import { writeImage } from "../../lib/hardware/image_writer.ts";
import { MediumThread, startThreads } from "../../lib/hardware/medium_thread.ts";
import { withLimit } from "../../lib/core/limit.ts";
import { openMedium } from "../../lib/hardware/medium.ts";
import { readMedium } from "../../lib/streams/medium.ts";
import { collector } from "../payload.ts";
import { temporaryFolder } from "../system/program.ts";
import { loopDevice, mediaTest, mount, noise, run, sourceOfBytes } from "./media.ts";

const MiB = 1024 * 1024;

/** Tries to write a little. */
const tryWrite = (path: string, storageTimeoutMs = 1) =>
  writeImage(sourceOfBytes(noise(4096)), path, { storageTimeoutMs });

mediaTest("A medium that comes late is waited for, and an empty one is not there yet", async () => {
  using folder = temporaryFolder();
  const link = `${folder.path}/card`;
  // A device with nothing in it, as a reader of cards without one.
  using empty = loopDevice(folder.path, 0);
  await assert.rejects(tryWrite(empty.path), { code: "deadline_exceeded", message: /after 0\.001 s: It is empty$/ });
  await assert.rejects(tryWrite(link), {
    code: "deadline_exceeded",
    message: `No medium at ${link} after 0.001 s: There is no such file or device`,
  });
  Deno.symlinkSync(empty.path, link);
  const writing = tryWrite(link, 30_000);
  Deno.truncateSync(empty.file, MiB);
  run("losetup", "--set-capacity", empty.path);
  assert.equal((await writing).verified, "read-back");
});

Deno.test("A thread that fails says so to everybody who asks, and its end waits for nothing", async () => {
  const failing = "data:text/javascript,throw new Error('no library')";
  const thread = new MediumThread(new Worker(failing, { type: "module" }));
  const failure = { code: "internal", message: /^The thread of the medium has failed: .*no library/ };
  await assert.rejects(withLimit(thread.ask("dropCache"), 5_000, "The answer"), failure);
  await assert.rejects(withLimit(thread.ask("dropCache"), 5_000, "The answer"), failure);
  await withLimit(thread[Symbol.asyncDispose](), 5_000, "The end");
});

Deno.test("Waiting ends when it is told to", async () => {
  await using threads = await startThreads();
  const end = new AbortController();
  const waiting = openMedium(threads.device, "/no/such/card", { waitMs: 60_000, signal: end.signal });
  end.abort(new Error("enough"));
  await assert.rejects(waiting, { message: "enough" });
});

mediaTest("A device that is mounted is refused with the place, as a whole and in parts", async () => {
  using folder = temporaryFolder();
  using loop = loopDevice(folder.path, 16 * MiB);
  run("mkfs.ext4", "-q", loop.path);
  using mounted = mount(folder.path, loop.path);
  await assert.rejects(tryWrite(loop.path), {
    code: "failed_precondition",
    message: `Refused to write to ${loop.path}: ${loop.path} is mounted at ${mounted.path}`,
    hint: `umount ${mounted.path}`,
  });
});

mediaTest("The disk that this machine runs from is refused as such", async () => {
  const source = run("findmnt", "--noheadings", "--output", "SOURCE", "/");
  // In a container it may be no disk of this machine at all.
  if (!source.startsWith("/dev/")) return;
  await assert.rejects(tryWrite(source), {
    code: "failed_precondition",
    message: new RegExp(`^Refused to write to ${source}, from which this machine runs: ${source} is mounted at /`),
    hint: undefined,
  });
});

mediaTest("A medium that somebody else writes to is refused, a file as well", async () => {
  using folder = temporaryFolder();
  using loop = loopDevice(folder.path, 4 * MiB);
  for (const path of [loop.path, folder.file("disk", "")]) {
    await using threads = await startThreads();
    await openMedium(threads.device, path, { waitMs: 1 });
    await assert.rejects(tryWrite(path), {
      code: "failed_precondition",
      message: `${path} is in use by this process itself`,
    });
  }
});

Deno.test("What is no medium is refused at once", async () => {
  using folder = temporaryFolder();
  const refused = (path: string, kind: string) => ({
    code: "invalid_argument",
    message: `Expected a block device or a file at ${path}, got ${kind}`,
  });
  await assert.rejects(tryWrite("/dev/full", 60_000), refused("/dev/full", "a character device"));
  await assert.rejects(tryWrite(folder.path, 60_000), refused(folder.path, "a folder"));
  const pipe = `${folder.path}/pipe`;
  run("mkfifo", pipe);
  await assert.rejects(tryWrite(pipe, 60_000), refused(pipe, "a named pipe"));
  await assert.rejects(writeImage(sourceOfBytes(new Uint8Array(1)), pipe, { create: true }), {
    code: "invalid_argument",
  });
  await assert.rejects(readMedium(pipe, collector()), refused(pipe, "a named pipe"));
});

mediaTest("A name among the devices never becomes a file, by whatever links it is reached", async () => {
  using folder = temporaryFolder();
  const device = `/dev/card-${crypto.randomUUID()}`;
  const links = `/dev/jumpstarter-${crypto.randomUUID()}`;
  Deno.mkdirSync(links);
  try {
    Deno.symlinkSync(device, `${folder.path}/card`);
    Deno.symlinkSync("card", `${folder.path}/again`);
    Deno.symlinkSync("/dev", `${folder.path}/devices`);
    const through = `${folder.path}/devices/${device.slice(5)}`;
    const byId = [`${links}/usb-card`, `${links}/no/such-folder`];
    const paths = [device, `${folder.path}/card`, `${folder.path}/again`, through, ...byId];
    const options = { create: true, storageTimeoutMs: 1 };
    for (const path of paths) {
      await assert.rejects(writeImage(sourceOfBytes(noise(10)), path, options), { code: "deadline_exceeded" }, path);
    }
    assert.deepEqual([...Deno.readDirSync(links)], []);
    assert.throws(() => Deno.statSync(device), Deno.errors.NotFound);
    for (const path of [device, `${links}/usb-card`]) {
      Deno.writeTextFileSync(path, "what dd has left");
      await assert.rejects(tryWrite(path), { code: "invalid_argument", message: /got a file among the devices$/ });
    }
  } finally {
    Deno.removeSync(links, { recursive: true });
    await Deno.remove(device).catch(() => {});
  }
});

mediaTest("A device that vanishes while it is written fails with what the system said", async () => {
  using folder = temporaryFolder();
  using loop = loopDevice(folder.path, 64 * MiB);
  const image = sourceOfBytes(noise(64 * MiB));
  let pulled = false;
  const source = {
    next() {
      // What is behind it is gone: its blocks can be neither written nor read.
      if (!pulled && image.at > 10 * MiB) {
        Deno.truncateSync(loop.file, 0);
        run("losetup", "--set-capacity", loop.path);
        pulled = true;
      }
      return image.next();
    },
  };
  await assert.rejects(writeImage(source, loop.path, { syncTimeoutMs: 1 }), (error: Error & { code: string }) => {
    assert.ok(["unavailable", "resource_exhausted", "deadline_exceeded"].includes(error.code), error.message);
    assert.match(error.message, new RegExp(`^${loop.path} (?:has|holds)`));
    return true;
  });
});

/** A disk with a mounted partition, one that is swapped to, and one that an encrypted volume is made of. */
Deno.test("Partitions, swap, and what is made of a device are found in what the kernel tells", () => {
  using folder = temporaryFolder();
  const target = folder.file("card", "");
  const number = "0:0"; // stat(2) gives a file no number of a device.
  const [sys, proc] = [`${folder.path}/sys`, `${folder.path}/proc`];
  const disk = `${sys}/devices/usb/block/sdz`;
  const files: Record<string, string> = {
    [`${disk}/dev`]: "8:400",
    [`${disk}/size`]: "2048",
    [`${disk}/device/vendor`]: "Generic ",
    [`${disk}/device/model`]: "STORAGE DEVICE",
    [`${disk}/sdz1/partition`]: "1",
    [`${disk}/sdz1/dev`]: "8:401",
    [`${disk}/sdz2/partition`]: "2",
    [`${disk}/sdz2/dev`]: "8:402",
    [`${disk}/sdz3/partition`]: "3",
    [`${disk}/sdz3/dev`]: "8:403",
    [`${sys}/devices/virtual/block/dm-7/dev`]: "253:7",
    [`${proc}/self/mountinfo`]: [
      "22 1 8:401 / /boot\\040two rw,relatime shared:1 - vfat /dev/sdz1 rw",
      "23 1 253:7 / /srv rw - ext4 /dev/mapper/secret rw",
      "24 1 8:1 / / rw - ext4 /dev/sda1 rw",
    ].join("\n"),
    [`${proc}/swaps`]: "Filename\tType\tSize\n/dev/sdz2   partition 1024\n/swap.img file 12\n",
  };
  for (const [path, text] of Object.entries(files)) {
    Deno.mkdirSync(path.slice(0, path.lastIndexOf("/")), { recursive: true });
    Deno.writeTextFileSync(path, `${text}\n`);
  }
  Deno.mkdirSync(`${disk}/sdz3/holders`);
  Deno.symlinkSync(`${sys}/devices/virtual/block/dm-7`, `${disk}/sdz3/holders/dm-7`);
  Deno.mkdirSync(`${sys}/dev/block`, { recursive: true });
  Deno.symlinkSync(disk, `${sys}/dev/block/${number}`);
  assert.deepEqual(blockDeviceAt(target, { sys, proc }), {
    name: "sdz",
    identity: "Generic STORAGE DEVICE 1048576 bytes",
    uses: [
      { device: "/dev/sdz3", how: "holder", by: "/dev/dm-7" },
      { device: "/dev/sdz1", how: "mount", by: "/boot two" },
      { device: "/dev/dm-7", how: "mount", by: "/srv" },
      { device: "/dev/sdz2", how: "swap", by: "/dev/sdz2" },
    ],
  });
});
