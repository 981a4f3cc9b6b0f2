import assert from "node:assert/strict";
import type { ByteSource, OwnedSource } from "../../../lib/core/byte_stream.ts";
import { type Codec, codecOf, codecs } from "../../../lib/core/codec.ts";
import { compress, compressInto, decompress } from "../../../lib/streams/codec/codec.ts";
import { unzstd } from "../../../lib/streams/codec/zstd_frames.ts";
import { allOf, collector, concat, sample, sourceOfBytes } from "../../payload.ts";

const programs: Record<Codec, string> = { gzip: "gzip", xz: "xz", bz2: "bzip2", zstd: "zstd" };

/** What a program makes of some bytes. */
async function piped(program: string, args: string[], bytes: Uint8Array): Promise<Uint8Array> {
  const child = new Deno.Command(program, { args, stdin: "piped", stdout: "piped", stderr: "piped" }).spawn();
  const writer = child.stdin.getWriter();
  const [{ success, stdout, stderr }] = await Promise.all([
    child.output(),
    writer.write(bytes).then(() => writer.close()),
  ]);
  assert.ok(success, new TextDecoder().decode(stderr));
  return stdout;
}

const packed = (codec: Codec, bytes: Uint8Array, ...args: string[]) => piped(programs[codec], ["-c", ...args], bytes);
const unpacked = (codec: Codec, bytes: Uint8Array) => piped(programs[codec], ["-dc"], bytes);

const bytes = sample(3 * 1024 * 1024 + 17);
const text = (text: string) => new TextEncoder().encode(text);

/** zstd is the runtime's where there is no library. */
const readers: [Codec, string, (source: ByteSource) => OwnedSource][] = [
  ...codecs.map((codec): typeof readers[number] => [codec, "decompress()", (source) => decompress(codec, source)]),
  ["zstd", "unzstd()", unzstd],
];

for (const [codec, name, read] of readers) {
  Deno.test(`${name} reads every member of a ${codec} archive of several`, async () => {
    const members = await Promise.all(["one ", "two ", "three"].map((member) => packed(codec, text(member))));
    for (const size of [1, 7, 10_000]) {
      const whole = await allOf(read(sourceOfBytes(concat(members), size)));
      assert.equal(new TextDecoder().decode(whole), "one two three");
    }
  });

  Deno.test(`${name} refuses a ${codec} archive that ends early, is damaged, or is none`, async () => {
    const whole = await packed(codec, bytes.subarray(0, 300_000));
    const early = [whole.length - 1, whole.length - 5, whole.length >> 1, 5, 0].map((end) => whole.subarray(0, end));
    const flipped = whole.map((byte, at) => at === 100_000 ? byte ^ 0x55 : byte);
    const tail = concat([whole, text("this is no archive")]);
    for (const archive of [...early, flipped, text("this is no archive"), tail]) {
      await assert.rejects(allOf(read(sourceOfBytes(archive))), {
        code: "data_loss",
        message: new RegExp(`^The ${codec} archive is damaged: .`),
      });
    }
  });
}

for (const codec of codecs) {
  Deno.test(`decompress() reads what ${programs[codec]} writes, an empty file included`, async () => {
    assert.deepEqual(await allOf(decompress(codec, sourceOfBytes(await packed(codec, bytes)))), bytes);
    const empty = await packed(codec, new Uint8Array());
    assert.equal((await allOf(decompress(codec, sourceOfBytes(empty, 1)))).length, 0);
  });

  Deno.test(`compress() and compressInto() write what ${programs[codec]} reads`, async () => {
    assert.deepEqual(await unpacked(codec, await allOf(compress(codec, sourceOfBytes(bytes)))), bytes);
    const sink = collector();
    const packing = compressInto(codec, sink);
    for (let at = 0; at < bytes.length; at += 100_000) await packing.write(bytes.subarray(at, at + 100_000));
    await packing.end();
    assert.equal(sink.state, "ended");
    assert.deepEqual(await unpacked(codec, sink.bytes), bytes);
  });

  Deno.test(`decompress() of ${codec} tells the failure of its source, not its own`, async () => {
    const start = sourceOfBytes((await packed(codec, bytes)).subarray(0, 200_000));
    const breaking: ByteSource = {
      next: async () => await start.next() ?? await Promise.reject(new Error("The cable is out")),
    };
    await assert.rejects(allOf(decompress(codec, breaking)), { message: "The cable is out" });
  });

  Deno.test(`compressInto() of ${codec} tells the failure of its sink`, async () => {
    const packing = compressInto(codec, {
      write: () => Promise.reject(new Error("The disk is full")),
      end: () => Promise.resolve(),
      abort() {},
    });
    await assert.rejects(async () => {
      for (let at = 0; at < bytes.length; at += 100_000) await packing.write(bytes.subarray(at, at + 100_000));
      await packing.end();
    }, { message: "The disk is full" });
    await packing.abort(new Error("given up"));
  });

  Deno.test(`A ${codec} archive can be given up in the middle`, async () => {
    const reading = decompress(codec, sourceOfBytes(await packed(codec, bytes)));
    assert.ok(await reading.next());
    await reading.close();
    await reading.close();
  });
}

const zstdReaders = readers.filter(([codec]) => codec === "zstd");

Deno.test("Skippable frames of zstd are passed over", async () => {
  const skippable = new Uint8Array([0x5e, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3]);
  const archive = concat([
    skippable,
    await packed("zstd", text("hello ")),
    skippable,
    await packed("zstd", text("there")),
  ]);
  for (const [, name, read] of zstdReaders) {
    for (const size of [1, 3, 100]) {
      assert.equal(new TextDecoder().decode(await allOf(read(sourceOfBytes(archive, size)))), "hello there", name);
    }
  }
});

Deno.test("zstd frames are read with and without sizes and checksums, of one and of many blocks", async () => {
  for (const args of [["--no-check"], ["--content-size"], ["-19", "--long=24"], ["-T2", "-B1048576"], ["--fast=5"]]) {
    const archive = await packed("zstd", bytes, ...args);
    for (const [, name, read] of zstdReaders) {
      assert.deepEqual(await allOf(read(sourceOfBytes(archive))), bytes, `${name} ${args}`);
    }
  }
  const file = await Deno.makeTempFile();
  try {
    await Deno.writeFile(file, bytes);
    // A file's size is known, so that its frame says it.
    const sized = await piped("zstd", ["-c", file], new Uint8Array());
    for (const [, , read] of zstdReaders) assert.deepEqual(await allOf(read(sourceOfBytes(sized))), bytes);
  } finally {
    await Deno.remove(file);
  }
});

Deno.test("codecOf() knows archives by their first bytes, and takes nothing else for one", async () => {
  for (const codec of codecs) assert.equal(codecOf(await packed(codec, text("x"))), codec);
  // A frame that is skipped, as pzstd begins with.
  const pzstd = Uint8Array.of(0x50, 0x2a, 0x4d, 0x18, 4, 0, 0, 0, 0x1d, 0, 0, 0, ...await packed("zstd", text("x")));
  assert.equal(codecOf(pzstd), "zstd");
  for (const [, , read] of zstdReaders) assert.deepEqual(await allOf(read(sourceOfBytes(pzstd))), text("x"));
  assert.equal(codecOf(text("BZ")), undefined);
  assert.equal(codecOf(text("P*M")), undefined);
  assert.equal(codecOf(new Uint8Array()), undefined);
});
