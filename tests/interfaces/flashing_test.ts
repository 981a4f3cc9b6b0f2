import assert from "node:assert/strict";
import { serve } from "../../mod.ts";
import mockStorageMuxFlasher from "../../drivers/mock_storage_mux_flasher/mod.ts";
import type { Command, Progress } from "../../lib/contract/command.ts";
import { codecs } from "../../lib/core/codec.ts";
import { LogHub } from "../../lib/core/log.ts";
import { flasher } from "../../lib/interfaces/flasher.ts";
import { storageMux, storageMuxFlasher } from "../../lib/interfaces/storage_mux.ts";
import { decompress } from "../../lib/streams/codec/codec.ts";
import { noise } from "../hardware/media.ts";
import { allOf, sourceOfBytes } from "../payload.ts";
import { startRegistry } from "../registry.ts";
import { temporaryFolder } from "../system/program.ts";
import { rawServer } from "../streams/http1/raw_server.ts";
import { parsed, run } from "./io.ts";
import { bench, hashOf, image, interrupted, never, sha256, typed, written } from "./flash_rig.ts";

Deno.test("flash tells what was sent and what was written, and that it was read back", async () => {
  await using rig = await bench();
  const { lines, values } = await typed(rig.commands.flash, { file: rig.file("image") });
  assert.deepEqual(lines, [`Wrote ${image.length} bytes, SHA-256 ${sha256}, read back and the same`]);
  assert.deepEqual(values, [{ target: null, sent: { bytes: image.length, sha256 }, written }]);
});

Deno.test("flash tells a codec by the file's first bytes, takes one that is named, and none where it is told so", async () => {
  await using rig = await bench();
  for (const codec of codecs) {
    const archive = rig.file(`image.${codec}`);
    const verbatim = hashOf(await Deno.readFile(archive));
    const choices: [string, string][] = [["auto", sha256], ["none", verbatim], [codec, sha256]];
    for (const [compression, expected] of choices) {
      const { values: [value] } = await typed(rig.commands.flash, { file: archive, compression });
      const { sent, written } = value as { sent: { sha256: string }; written: { sha256: string } };
      assert.deepEqual([sent.sha256, written.sha256], [verbatim, expected], `${codec} ${compression}`);
    }
  }
});

Deno.test("flash writes images to partitions by name, one after the other, and reads standard input", async () => {
  await using rig = await bench();
  const target = [`boot:${rig.file("image")}`, `root:${rig.file("image.zstd")}`];
  const { lines } = await typed(rig.commands.flash, { target });
  assert.deepEqual(
    lines,
    ["boot", "root"].map((name) => `${name}: Wrote ${image.length} bytes, SHA-256 ${sha256}, read back and the same`),
  );
  const stdin = new Blob([await Deno.readFile(rig.file("image.gzip"))]).stream();
  const { values } = await typed(rig.commands.flash, { file: "-" }, { stdin, stdinIsTerminal: false });
  assert.deepEqual((values[0] as { written: unknown }).written, written);
});

Deno.test("flash refuses words that do not go together before anything is sent", async () => {
  await using rig = await bench();
  await Deno.writeFile(rig.file("empty"), new Uint8Array());
  const refused: [Record<string, unknown>, RegExp][] = [
    [{}, /^Expected an image, or --target NAME:FILE$/],
    [{ file: rig.file("image"), target: ["a:b"] }, /got both$/],
    [{ target: ["boot"] }, /^Expected NAME:FILE for --target, got "boot"$/],
    [{ target: ["a:b", "c:d"], sha256: [sha256] }, /^Of several images --sha256 says which: NAME:SHA-256$/],
    [{ target: ["a:b"], sha256: [`c:${sha256}`] }, /^--sha256 is of "c", which no --target names$/],
    [{ file: "b", sha256: [`a:${sha256}`] }, /^--sha256 is of "a", which no --target names$/],
    [{ target: ["a:b"], sha256: [sha256, `a:${sha256}`] }, /^--sha256 of a is given twice$/],
    [{ target: ["a:b", "c:d"], bmap: "e" }, /^--bmap is of one image/],
    [{ target: ["a:b", "a:c"] }, /^--target a is given twice$/],
    [{ target: ["a:-", "b:-"] }, /^Standard input is one image, got it twice$/],
    [{ file: "-", resume: true }, /^Standard input cannot be resumed/],
    [{ file: rig.file("image"), detach: true }, /^--detach is for a URL that the exporter fetches itself$/],
    [{ file: "http://localhost/x", detach: true, from: "client" }, /^--detach is for a URL/],
    [{ file: "http://localhost/x", skipIfSame: true }, /^--skip-if-same of a URL needs --sha256/],
    [{ file: rig.file("image"), bmap: "x", skipIfSame: true }, /^With --bmap only parts could be compared/],
    [{ file: rig.file("image"), bmap: rig.file("nothing") }, /nothing: There is no such file$/],
    [{ file: rig.file("nothing") }, /nothing: There is no such file$/],
    [{ file: "ftp://user:secret@pi/os.img" }, /^Expected a file, or a URL of http, https or oci, got one of ftp$/],
    [{ file: rig.file(".") }, /It is a folder$/],
    [{ file: rig.file("empty") }, /empty: It is empty$/],
    [{ file: "-" }, /got a terminal$/],
  ];
  for (const [given, message] of refused) {
    await assert.rejects(typed(rig.commands.flash, given), { code: "invalid_argument", phase: "usage", message });
  }
});

Deno.test("flash checks the SHA-256 of each of several images, and stops at one that is another", async () => {
  await using rig = await bench();
  const [boot, root] = [rig.file("image"), rig.file("image.xz")];
  const right = hashOf(await Deno.readFile(root));
  const target = [`boot:${boot}`, `root:${root}`];
  const { lines } = await typed(rig.commands.flash, { target, sha256: [`root:${right}`, `boot:${sha256}`] });
  assert.equal(lines.length, 2);
  await typed(rig.commands.flash, { target: [`root:${root}`], sha256: [right] });
  await assert.rejects(typed(rig.commands.flash, { target, sha256: [`root:${sha256}`] }), {
    code: "data_loss",
    message: `The file has the SHA-256 ${right}, expected ${sha256}`,
  });
});

Deno.test("flash checks the SHA-256 of the file as it is, and a wrong one leaves nothing that looks flashed", async () => {
  await using rig = await bench();
  const archive = rig.file("image.xz");
  const right = hashOf(await Deno.readFile(archive)).toUpperCase();
  await typed(rig.commands.flash, { file: archive, sha256: [right] });
  await assert.rejects(typed(rig.commands.flash, { file: archive, sha256: [sha256] }), {
    code: "data_loss",
    message: `The file has the SHA-256 ${right.toLowerCase()}, expected ${sha256}`,
  });
});

Deno.test("flash of several images writes none where one of them is not there", async () => {
  await using rig = await bench();
  const target = [`boot:${rig.file("image")}`, `root:${rig.file("nothing")}`];
  const running = run(rig.commands.flash, parsed(rig.commands.flash, { target }));
  await assert.rejects(running.done, { code: "invalid_argument", message: /nothing: There is no such file$/ });
  assert.deepEqual(running.lines, []);
});

Deno.test("flash of several images goes on with the one that was interrupted, and compares those before it", async () => {
  await using rig = await bench();
  const large = noise(70 * 1024 * 1024);
  await Deno.writeFile(rig.file("large"), large);
  const target = [`boot:${rig.file("image")}`, `root:${rig.file("large")}`, `data:${rig.file("image.xz")}`];
  assert.deepEqual(await interrupted(rig.commands.flash, { target }), [
    "The flash is not finished; the same command with --resume goes on where it stopped",
  ]);
  const { lines } = await typed(rig.commands.flash, { target, resume: true });
  assert.deepEqual(lines, [
    `boot: Nothing was written: ${image.length} bytes with the SHA-256 ${sha256} are there already`,
    `root: Wrote ${large.length - 64 * 1024 * 1024} of ${large.length} bytes (resumed at ${
      64 * 1024 * 1024
    }), SHA-256 ${hashOf(large)}, read back and the same`,
    `data: Wrote ${image.length} bytes, SHA-256 ${sha256}, read back and the same`,
  ]);
});

Deno.test("flash lets the exporter fetch a URL, with the codec by content and the SHA-256 checked there", async () => {
  await using rig = await bench();
  const archive = await Deno.readFile(rig.file("image.zstd"));
  const seen: string[] = [];
  await using server = rawServer(({ line, headers }) => {
    seen.push(`${line.split(" ")[0]} ${headers.get("range") ?? "all"}`);
    const head = `HTTP/1.1 200 OK\r\ncontent-length: ${archive.length}\r\n\r\n`;
    return new Uint8Array([...new TextEncoder().encode(head), ...archive]);
  });
  const url = `${server.url}/image%20x?signature=a'b`;
  for (const given of [{}, { sha256: [hashOf(archive)] }, { compression: "zstd" }]) {
    const { values } = await typed(rig.commands.flash, { file: url, ...given });
    assert.deepEqual(values, [{ target: null, sent: null, written }]);
  }
  assert.deepEqual(seen, ["GET bytes=0-5", "GET all", "GET bytes=0-5", "GET all", "GET all"]);
  await assert.rejects(typed(rig.commands.flash, { file: url, sha256: [sha256] }), {
    code: "data_loss",
    message: `The file has the SHA-256 ${hashOf(archive)}, expected ${sha256}`,
  });
  const through = await typed(rig.commands.flash, { file: url, from: "client" });
  assert.deepEqual(through.values, [
    { target: null, sent: { bytes: archive.length, sha256: hashOf(archive) }, written },
  ]);
  // Where this machine cannot see the file, its name has to do.
  const io = { download: () => Promise.reject(new Error("No route")) };
  const { notes } = await typed(rig.commands.flash, { file: `${server.url}/image.zst?x` }, io);
  assert.deepEqual(notes, ["The codec is taken from the file's name (zstd): No route"]);
});

Deno.test("flash takes a file of a registry, through the exporter or this machine, and holds it to its digest", async () => {
  await using rig = await bench();
  await using registry = startRegistry();
  const archive = await Deno.readFile(rig.file("image.xz"));
  const layer = registry.blob(archive);
  registry.manifest("acme/os", { layers: [layer] }, "1");
  const file = `oci://${registry.host}/acme/os:1`;
  const { values } = await typed(rig.commands.flash, { file, sha256: [hashOf(archive)] });
  assert.deepEqual(values, [{ target: null, sent: null, written }]);
  const through = await typed(rig.commands.flash, { file, from: "client" });
  const sent = { bytes: archive.length, sha256: hashOf(archive) };
  assert.deepEqual(through.values, [{ target: null, sent, written }]);
  await assert.rejects(typed(rig.commands.flash, { file, sha256: [sha256] }), {
    code: "data_loss",
    message: `The file has the digest ${layer.digest}, expected ${sha256}`,
  });
  // The digest says what the image is before it is read.
  registry.manifest("acme/os", { layers: [registry.blob(image)] }, "raw");
  const raw = `oci://${registry.host}/acme/os:raw`;
  await typed(rig.commands.flash, { file: raw });
  const { lines } = await typed(rig.commands.flash, { file: raw, skipIfSame: true });
  assert.deepEqual(lines, [`Nothing was written: ${image.length} bytes with the SHA-256 ${sha256} are there already`]);
  const other = await Deno.readFile(rig.file("image.gzip"));
  registry.blobs.set(layer.digest, other);
  for (const from of ["exporter", "client"]) {
    await assert.rejects(typed(rig.commands.flash, { file, from }), {
      code: "data_loss",
      message: `The file has the SHA-256 ${hashOf(other)}, expected ${hashOf(archive)}`,
    });
  }
  await assert.rejects(typed(rig.commands.dump, { file }), { phase: "usage" });
});

Deno.test("flash shows how far it is, and what is not known is left out", async () => {
  await using rig = await bench();
  const seen: Progress[] = [];
  const io = { advance: (progress: Progress) => void seen.push(progress) };
  await typed(rig.commands.flash, { file: rig.file("image") }, io);
  const last = (stage: string) => seen.findLast((progress) => progress.stage === stage);
  const all = { bytes: image.length, total: image.length };
  assert.deepEqual(last("transfer"), { stage: "transfer", ...all });
  for (const stage of ["write", "sync", "verify"]) assert.deepEqual(last(stage), { stage, ...all, beside: false });
  assert.equal(seen.at(-1)!.stage, "verify");
  const stdin = new Blob([image]).stream();
  await typed(rig.commands.flash, { file: "-" }, { ...io, stdin, stdinIsTerminal: false });
  assert.deepEqual(last("transfer"), { stage: "transfer", bytes: image.length, total: undefined });
});

Deno.test("dump compresses by the file's name, and leaves nothing behind when it fails", async () => {
  await using rig = await bench();
  await typed(rig.commands.flash, { file: rig.file("image") });
  for (const [name, codec] of [["a.gz", "gzip"], ["a.xz", "xz"], ["a.bz2", "bz2"], ["a.zst", "zstd"]] as const) {
    const { lines } = await typed(rig.commands.dump, { file: rig.file(name) });
    assert.deepEqual(lines, [`Read ${image.length} bytes, SHA-256 ${sha256}, into ${rig.file(name)}`]);
    const dumped = await Deno.readFile(rig.file(name));
    assert.equal(hashOf(await allOf(decompress(codec, sourceOfBytes(dumped)))), sha256);
  }
  await typed(rig.commands.dump, { file: rig.file("b.gz"), compression: "none" });
  assert.equal(hashOf(await Deno.readFile(rig.file("b.gz"))), sha256);
  const { written: bytes, lines } = await typed(rig.commands.dump, { file: "-" });
  assert.equal(hashOf(new Uint8Array(bytes)), sha256);
  assert.deepEqual(lines, []);
  await assert.rejects(typed(rig.commands.dump, { file: rig.file("c"), target: "nothing" }), { code: "not_found" });
  const missing = { phase: "usage", message: `${rig.file("d/e")}: Its folder is not there` };
  await assert.rejects(typed(rig.commands.dump, { file: rig.file("d/e") }), missing);
  const full = { message: /^\/dev\/full: No space left on device/ };
  await assert.rejects(typed(rig.commands.dump, { file: "/dev/full" }), full);
  const left = (await Array.fromAsync(Deno.readDir(rig.file(".")))).map(({ name }) => name);
  assert.deepEqual(left.filter((name) => !name.startsWith("image")).sort(), ["a.bz2", "a.gz", "a.xz", "a.zst", "b.gz"]);
});

Deno.test("dump to a URL is uploaded by the exporter", async () => {
  await using rig = await bench();
  await typed(rig.commands.flash, { file: rig.file("image") });
  let body = new Uint8Array() as Uint8Array;
  await using server = rawServer((request) => {
    body = request.body;
    return request.path === "/full" ? "HTTP/1.1 507 Full\r\n\r\n" : "HTTP/1.1 201 Created\r\ncontent-length: 0\r\n\r\n";
  });
  const { lines } = await typed(rig.commands.dump, { file: `${server.url}/x` });
  assert.deepEqual(lines, [`Uploaded to ${server.url}/x`]);
  assert.equal(hashOf(body), sha256);
  await assert.rejects(typed(rig.commands.dump, { file: `${server.url}/full` }), /The server answers 507 Full/);
});

Deno.test("A storage mux is at the host while it is flashed or dumped, and at the device afterwards, failure or not", async () => {
  const hub = new LogHub();
  await using client = await serve(mockStorageMuxFlasher, {}, { hub });
  using folder = temporaryFolder();
  const file = `${folder.path}/image`;
  await Deno.writeFile(file, image);
  const { flash, dump, off } = storageMuxFlasher.commands!(client);
  const { values } = await typed(flash, { file });
  assert.deepEqual(values, [{ target: null, sent: { bytes: image.length, sha256 }, written }]);
  await typed(dump, { file: `${file}.copy` });
  assert.deepEqual(await Deno.readFile(`${file}.copy`), image);
  await assert.rejects(typed(flash, { file, sha256: "0".repeat(64) }), { code: "data_loss" });
  await typed(off, {});
  const records = hub.subscribe(never);
  const messages: string[] = [];
  while (messages.at(-1) !== "storage disconnected") messages.push((await records.next()).value!.message);
  await records.return();
  const places = messages.filter((message) => message.startsWith("storage"));
  const round = ["storage at host", "storage at device"];
  assert.deepEqual(places, [...round, ...round, ...round, "storage disconnected"]);
});

Deno.test("The commands are upstream's, and those about a flash that was left to the exporter", () => {
  const names = (definition: { commands?: (client: never) => Record<string, Command> }) =>
    Object.keys(definition.commands!({} as never));
  const ours = ["flash-state", "flash-cancel"];
  assert.deepEqual(names(flasher), ["flash", "dump", ...ours]);
  assert.deepEqual(names(storageMux), ["host", "dut", "off", "write-local-file", "read-local-file"]);
  assert.deepEqual(names(storageMuxFlasher), ["flash", "dump", ...ours, "host", "dut", "off"]);
});
