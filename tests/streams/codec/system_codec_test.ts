/** xz, bz2 and zstd by the system's libraries, and by what there is without them. @module */
import assert from "node:assert/strict";
import { crc32 } from "node:zlib";
import type { Halves } from "../../../lib/core/byte_stream.ts";
import { decompress } from "../../../lib/streams/codec/codec.ts";
import { LibraryCodec, libraryLack, type LibraryName } from "../../../lib/streams/codec/library_codec.ts";
import { openProgram, type SystemCodec } from "../../../lib/streams/codec/program.ts";
import { openLibrary } from "../../../lib/streams/codec/system_library.ts";
import { through } from "../../../lib/streams/codec/through.ts";
import { unzstdFrame, zstd } from "../../../lib/streams/codec/zlib.ts";
import { allOf, concat, sample, sourceOfBytes } from "../../payload.ts";

const bytes = sample(2 * 1024 * 1024 + 17);
type Way = (codec: LibraryName, direction: "compress" | "decompress") => Halves;
const library: Way = (codec, direction) => new LibraryCodec(codec, direction);
const program: Way = (codec, direction) => openProgram(codec as SystemCodec, direction, "not asked for");
const runtime: Way = (_, direction) => direction === "compress" ? zstd() : unzstdFrame();
const waysOf: Record<LibraryName, Record<string, Way>> = {
  xz: { library, program },
  bz2: { library, program },
  zstd: { library, runtime },
};

for (const codec of ["xz", "bz2", "zstd"] as const) {
  const lack = libraryLack(codec);
  // Debian and its like have all of them in every installation.
  Deno.test(`${codec} has a library on this machine`, { ignore: Deno.build.os !== "linux" }, () => {
    assert.equal(lack, undefined);
  });

  for (const [writer, compress] of Object.entries(waysOf[codec])) {
    for (const [reader, open] of Object.entries(waysOf[codec])) {
      Deno.test(`What the ${codec} ${writer} writes, the ${codec} ${reader} reads`, { ignore: !!lack }, async () => {
        const archive = await allOf(through(sourceOfBytes(bytes, 70_000), () => compress(codec, "compress")));
        assert.ok(archive.length < bytes.length);
        assert.deepEqual(await allOf(through(sourceOfBytes(archive, 999), () => open(codec, "decompress"))), bytes);
      });
    }
  }

  Deno.test(`Nothing at all becomes an empty ${codec} archive, and is none itself`, { ignore: !!lack }, async () => {
    const nothing = new Uint8Array();
    const archive = await allOf(through(sourceOfBytes(nothing), () => new LibraryCodec(codec, "compress")));
    assert.ok(archive.length > 8);
    assert.equal((await allOf(decompress(codec, sourceOfBytes(archive)))).length, 0);
    await assert.rejects(allOf(decompress(codec, sourceOfBytes(nothing))), {
      code: "data_loss",
      message: `The ${codec} archive is damaged: it ${codec === "zstd" ? "is empty" : "ends early"}`,
    });
  });

  Deno.test(`A ${codec} library takes no more input than it has output read`, { ignore: !!lack }, async () => {
    const noise = sample(16 * 1024 * 1024);
    const archive = await allOf(through(sourceOfBytes(noise), () => new LibraryCodec(codec, "compress")));
    const members = concat([archive, archive, archive, archive]);
    const source = sourceOfBytes(members, 64 * 1024);
    let taken = 0;
    const reading = decompress(codec, {
      async next() {
        const chunk = await source.next();
        taken += chunk?.length ?? 0;
        return chunk;
      },
    });
    assert.ok(await reading.next());
    // Whatever is ahead of the reader by now is all that ever will be: the worker waits to be asked.
    const before = taken;
    assert.ok(before < members.length, "Everything was taken before anything was read");
    await reading.close();
  });
}

Deno.test("An xz archive that asks for gigabytes of memory is refused", { ignore: !!libraryLack("xz") }, async () => {
  const archive = await allOf(through(sourceOfBytes(bytes), () => new LibraryCodec("xz", "compress")));
  // The header of the block behind that of the stream: LZMA2 with a dictionary of 4 GiB - 1, and its own checksum.
  assert.deepEqual([...archive.subarray(12, 16)], [2, 0, 0x21, 1]);
  archive[16] = 40;
  new DataView(archive.buffer, archive.byteOffset).setUint32(20, crc32(archive.subarray(12, 20)), true);
  await assert.rejects(allOf(decompress("xz", sourceOfBytes(archive))), {
    code: "resource_exhausted",
    message: "The xz archive needs more than 512 MiB of memory",
  });
});

Deno.test("A library that is nowhere says what was tried", () => {
  assert.throws(() => openLibrary(["libnothing.so.1", "libnothing.so"], {}), {
    code: "failed_precondition",
    message: /libnothing\.so\.1.*; .*libnothing\.so/s,
  });
});

Deno.test("Without library and program an archive says what was tried, and what to install", async () => {
  const script = `
    import { openProgram } from ${
    JSON.stringify(new URL("../../../lib/streams/codec/program.ts", import.meta.url).href)
  };
    try { openProgram("xz", "decompress", "liblzma.so.5: cannot open"); } catch (error) {
      console.log(error.code, error.message, "|", error.hint);
    }`;
  const child = new Deno.Command(Deno.execPath(), { args: ["eval", script], env: { PATH: "/nowhere" } });
  const said = new TextDecoder().decode((await child.output()).stdout);
  assert.match(
    said,
    /^failed_precondition There is neither a library nor a program for xz: liblzma\.so\.5: cannot open; /,
  );
  assert.match(said, /\| Install xz \(Debian: xz-utils\), or use gzip or zstd\n$/);
});
