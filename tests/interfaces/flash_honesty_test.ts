/** What flash says, and what it does not: cases in which it could claim what is not so. @module */
import assert from "node:assert/strict";
import { compress } from "../../lib/streams/codec/codec.ts";
import { noise } from "../hardware/media.ts";
import { allOf, sourceOfBytes } from "../payload.ts";
import { rawServer } from "../streams/http1/raw_server.ts";
import { parsed, run } from "./io.ts";
import { bench, hashOf, image, interrupted, sha256, typed } from "./flash_rig.ts";

Deno.test("flash writes an archive again that was written as it is, where its codec could not be seen", async () => {
  await using rig = await bench();
  const archive = await Deno.readFile(rig.file("image.xz"));
  const head = new TextEncoder().encode(`HTTP/1.1 200 OK\r\ncontent-length: ${archive.length}\r\n\r\n`);
  await using server = rawServer(() => new Uint8Array([...head, ...archive]));
  const blind = { download: () => Promise.reject(new Error("No route")) };
  const known = { sha256: [hashOf(archive)] };
  const verbatim = await typed(rig.commands.flash, { file: `${server.url}/image`, ...known }, blind);
  assert.deepEqual(verbatim.notes, ["The codec is taken from the file's name (none): No route"]);
  const unpacked = await typed(rig.commands.flash, { file: rig.file("image.xz"), ...known, skipIfSame: true });
  assert.deepEqual(unpacked.lines, [`Wrote ${image.length} bytes, SHA-256 ${sha256}, read back and the same`]);
});

Deno.test("flash takes what a server encodes for the file only where it is that", async () => {
  await using rig = await bench();
  const [gzip, zstd] = [await Deno.readFile(rig.file("image.gzip")), await Deno.readFile(rig.file("image.zstd"))];
  const twice = await allOf(compress("gzip", sourceOfBytes(zstd)));
  const bodies: Record<string, Uint8Array> = { "/os.img": gzip, "/os.img.gz": gzip, "/os.img.zst": twice };
  await using server = rawServer(({ path }) => {
    const body = bodies[path];
    const head = `HTTP/1.1 200 OK\r\ncontent-encoding: x-gzip\r\ncontent-length: ${body.length}\r\n\r\n`;
    return new Uint8Array([...new TextEncoder().encode(head), ...body]);
  });
  for (const from of ["exporter", "client"]) {
    for (const name of ["os.img", "os.img.gz"]) {
      const { values } = await typed(rig.commands.flash, { file: `${server.url}/${name}`, from });
      assert.equal((values[0] as { written: { sha256: string } }).written.sha256, sha256, `${from} ${name}`);
    }
    for (const given of [{ file: `${server.url}/os.img.zst` }, { file: `${server.url}/os.img`, compression: "none" }]) {
      await assert.rejects(typed(rig.commands.flash, { ...given, from }), {
        code: "data_loss",
        message:
          /^The server sends http:.*\/os\.img(\.zst)? encoded by gzip, though it was asked for the file as it is$/,
      });
    }
  }
});

Deno.test("flash of a plain image with a bmap is no loss where nothing is read back", async () => {
  await using rig = await bench();
  const blockMap = `<bmap version="2.0"><ImageSize>${image.length}</ImageSize><BlockSize>4096</BlockSize>` +
    `<BlocksCount>${Math.ceil(image.length / 4096)}</BlocksCount><MappedBlocksCount>3</MappedBlocksCount>` +
    "<BlockMap><Range>1-3</Range></BlockMap></bmap>";
  await Deno.writeTextFile(rig.file("bmap"), blockMap);
  for (const noVerify of [false, true]) {
    const { lines } = await typed(rig.commands.flash, { file: rig.file("image"), bmap: rig.file("bmap"), noVerify });
    const proof = noVerify ? "not read back" : "what the bmap names was read back and is the same";
    assert.match(lines[0], new RegExp(`^Wrote 12288 of ${image.length} bytes, SHA-256 \\w{64}, ${proof}$`));
  }
});

Deno.test("flash goes on with the image that it was begun with, though another one has its name and time", async () => {
  await using rig = await bench();
  const large = noise(70 * 1024 * 1024);
  const file = rig.file("large");
  await Deno.writeFile(file, large);
  const { mtime } = await Deno.stat(file);
  await interrupted(rig.commands.flash, { file });
  large[5] ^= 1;
  await Deno.writeFile(file, large);
  await Deno.utime(file, mtime!, mtime!);
  await assert.rejects(typed(rig.commands.flash, { file, resume: true }), {
    code: "failed_precondition",
    message: `The image is not the one whose writing was begun: Its first ${64 * 1024 * 1024} bytes differ`,
  });
  const plan = await rig.client.flashPlan({});
  assert.equal(plan.unfinished, true);
  const { lines } = await typed(rig.commands.flash, { file });
  assert.deepEqual(lines, [`Wrote ${large.length} bytes, SHA-256 ${hashOf(large)}, read back and the same`]);
});

Deno.test("flash-cancel says where there is nothing to cancel", async () => {
  await using rig = await bench();
  const { done, lines } = run(rig.commands["flash-cancel"], parsed(rig.commands["flash-cancel"], { target: "a" }));
  await done;
  assert.deepEqual(lines, ["No flash goes on"]);
});
