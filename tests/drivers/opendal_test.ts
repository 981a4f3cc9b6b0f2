import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { serve } from "../../mod.ts";
import { openMemory } from "../../drivers/opendal/memory.ts";
import opendal from "../../drivers/opendal/mod.ts";
import { createFile } from "../../lib/streams/file.ts";
import { collector, concat, sample, sourceOfBytes } from "../payload.ts";
import { temporaryFolder } from "../system/program.ts";
import { rawServer } from "../streams/http1/raw_server.ts";

const content = sample(700_000);
const sha256 = createHash("sha256").update(content).digest("hex");
const source = () => ({ bytes: sourceOfBytes(content) });
const config = (scheme: "fs" | "memory", root: string) => {
  const kwargs: Record<string, string> = scheme === "fs" ? { root } : {};
  return { scheme, kwargs };
};

for (const scheme of ["fs", "memory"] as const) {
  Deno.test(`Storage (${scheme}) writes a file, tells of it, and gives it back`, async () => {
    using folder = temporaryFolder();
    await using storage = await serve(opendal, config(scheme, folder.path));
    await storage.put({ path: "a/b/image", source: source() });
    const { content_length, mode } = await storage.stat({ path: "a/b/image" });
    assert.deepEqual([content_length, mode.entry_is_file], [content.length, true]);
    assert.equal(await storage.hash({ path: "a/b/image" }), sha256);
    const sink = collector();
    await storage.get({ path: "a/b/image", target: { bytes: sink } });
    assert.deepEqual(sink.bytes, content);
  });

  Deno.test(`Storage (${scheme}) never leaves its root`, async () => {
    using folder = temporaryFolder();
    const secret = folder.file("secret", "x");
    await using storage = await serve(opendal, config(scheme, `${folder.path}/root`));
    for (const path of ["../secret", "a/../../secret", "..", "../"]) {
      const refused = { code: "invalid_argument", message: /^Expected a path below the storage's root, got / };
      await assert.rejects(storage.stat({ path }), refused);
      await assert.rejects(storage.put({ path, source: source() }), refused);
      await assert.rejects(storage.removeAll({ path }), refused);
      await assert.rejects(Array.fromAsync(storage.scan({ path })), refused);
    }
    // Absolute paths are relative to the root as well.
    assert.equal(await storage.exists({ path: secret }), false);
    assert.equal(await Deno.readTextFile(secret), "x");
  });

  Deno.test(`Storage (${scheme}) removes what a put that fails has begun`, async () => {
    using folder = temporaryFolder();
    await using storage = await serve(opendal, config(scheme, folder.path));
    const start = sourceOfBytes(content);
    const bytes = { next: async () => await start.next() ?? await Promise.reject(new Error("The stick is out")) };
    await assert.rejects(storage.put({ path: "half", source: { bytes } }), /The stick is out/);
    assert.equal(await storage.exists({ path: "half" }), false);
  });

  Deno.test(`Storage (${scheme}) releases what it was given where it has not come to use it`, async () => {
    using folder = temporaryFolder();
    await using storage = await serve(opendal, config(scheme, `${folder.path}/root`));
    const target = await createFile(`${folder.path}/copy`);
    await assert.rejects(storage.get({ path: "nothing", target: { bytes: target } }), /NotFound/);
    assert.equal([...Deno.readDirSync(folder.path)].some(({ name }) => name.startsWith("copy")), false);
    let closed = 0;
    await assert.rejects(storage.put({ path: "../x", source: { ...source(), close: () => void closed++ } }));
    assert.equal(closed, 1);
  });

  Deno.test(`Storage (${scheme}) removes a folder's files and no others that begin alike`, async () => {
    using folder = temporaryFolder();
    await using storage = await serve(opendal, config(scheme, folder.path));
    for (const path of ["dir/a", "dir/sub/b", "dirt", "dir2/c"]) await storage.put({ path, source: source() });
    if (scheme === "fs") {
      await assert.rejects(storage.delete({ path: "dir" }), /Unexpected: The folder dir is not empty$/);
    }
    await storage.removeAll({ path: "dir" });
    const files = (await Array.fromAsync(storage.scan({ path: "/" }))).filter((path) => !path.endsWith("/"));
    assert.deepEqual(files.sort(), ["dir2/c", "dirt"]);
  });
}

Deno.test("Storage in a folder with links removes the links, and copies no file onto itself", async () => {
  using folder = temporaryFolder();
  Deno.mkdirSync(`${folder.path}/outside`);
  folder.file("outside/kept", "kept");
  const root = `${folder.path}/root`;
  Deno.mkdirSync(root);
  Deno.symlinkSync(`${folder.path}/outside`, `${root}/link`);
  Deno.writeTextFileSync(`${root}/a.img`, "image");
  Deno.symlinkSync("a.img", `${root}/latest.img`);
  await using storage = await serve(opendal, { scheme: "fs", kwargs: { root } });
  await storage.copy({ source: "a.img", target: "latest.img" });
  assert.equal(Deno.readTextFileSync(`${root}/a.img`), "image");
  await storage.removeAll({ path: "link/" });
  assert.deepEqual([...Deno.readDirSync(root)].map(({ name }) => name).sort(), ["a.img", "latest.img"]);
  assert.equal(Deno.readTextFileSync(`${folder.path}/outside/kept`), "kept");
});

Deno.test("Storage in a folder opens no pipe, which would wait for somebody at its other end", async () => {
  using folder = temporaryFolder();
  const { success } = await new Deno.Command("mkfifo", { args: [`${folder.path}/pipe`] }).output();
  assert.ok(success);
  await using storage = await serve(opendal, { scheme: "fs", kwargs: { root: folder.path } });
  const refusal = { code: "unknown", message: /^Unexpected: pipe is no file$/ };
  await assert.rejects(storage.get({ path: "pipe", target: { bytes: collector() } }), refusal);
  await assert.rejects(storage.put({ path: "pipe", source: source() }), refusal);
  await assert.rejects(storage.hash({ path: "pipe" }), refusal);
  await assert.rejects(storage.copy({ source: "pipe", target: "a" }), refusal);
  assert.deepEqual([...Deno.readDirSync(folder.path)].map(({ name }) => name), ["pipe"]);
});

Deno.test("Storage in a folder replaces a file by what is complete, and by nothing else", async () => {
  using folder = temporaryFolder();
  const image = folder.file("a.img", "good");
  Deno.chmodSync(image, 0o664);
  Deno.symlinkSync("a.img", `${folder.path}/latest.img`);
  Deno.mkdirSync(`${folder.path}/x`);
  folder.file("x/y", "kept");
  const names = () => [...Deno.readDirSync(folder.path)].map(({ name }) => name).sort();
  {
    const kwargs = { root: folder.path };
    await using storage = await serve(opendal, { scheme: "fs", kwargs, remove_created_on_close: true });
    for (const before of [new Uint8Array(), content]) {
      const start = sourceOfBytes(before);
      const bytes = { next: async () => await start.next() ?? await Promise.reject(new Error("The stick is out")) };
      await assert.rejects(storage.put({ path: "latest.img", source: { bytes } }), /The stick is out/);
    }
    const missing = new URL("http://127.0.0.1:1/missing");
    await assert.rejects(storage.put({ path: "a.img", source: missing }), /127\.0\.0\.1:1/);
    await storage.open({ path: "a.img", mode: "wb" }); // Nobody closes it.
    assert.deepEqual(await storage.getCreatedResources(), []);
    assert.equal((await Array.fromAsync(storage.list({ path: "/" }))).length, 5, "with itself and the open file");
    await storage.put({ path: "x\\y", source: source() });
  }
  assert.deepEqual(names(), ["a.img", "latest.img", "x"]);
  assert.equal(Deno.readTextFileSync(image), "good");
  assert.equal(Deno.readTextFileSync(`${folder.path}/x/y`), "kept");

  await using storage = await serve(opendal, { scheme: "fs", kwargs: { root: folder.path } });
  await storage.put({ path: "latest.img", source: source() });
  assert.deepEqual(names(), ["a.img", "latest.img", "x"]);
  assert.ok(Deno.lstatSync(`${folder.path}/latest.img`).isSymlink);
  assert.equal(Deno.statSync(image).mode! & 0o777, 0o664);
  assert.deepEqual(Deno.readFileSync(image), content);
});

Deno.test("Storage removes at the session's end what was made in it, where it is told so", async () => {
  using folder = temporaryFolder();
  const root = `${folder.path}/root`;
  await Deno.mkdir(`${root}/there`, { recursive: true });
  await Deno.writeTextFile(`${root}/there/before`, "x");
  {
    await using storage = await serve(opendal, { ...config("fs", root), remove_created_on_close: true });
    await storage.put({ path: "there/now", source: source() });
    await storage.createDir({ path: "made/deep/" });
    await storage.put({ path: "made/deep/file", source: source() });
    await storage.registerPath({ path: "../outside" });
    await storage.registerPath({ path: "/" });
    folder.file("outside", "x");
    assert.deepEqual(await storage.getCreatedResources(), [
      "",
      "../outside",
      "made/deep",
      "made/deep/file",
      "there/now",
    ]);
  }
  assert.deepEqual((await Array.fromAsync(Deno.readDir(root))).map(({ name }) => name).sort(), ["made", "there"]);
  assert.deepEqual((await Array.fromAsync(Deno.readDir(`${root}/there`))).map(({ name }) => name), ["before"]);
  assert.equal(await Deno.readTextFile(`${folder.path}/outside`), "x");
});

Deno.test("Storage removes at the session's end nothing that was there before, under whatever name", async () => {
  using folder = temporaryFolder();
  const root = `${folder.path}/root`;
  await Deno.mkdir(`${root}/images`, { recursive: true });
  for (const name of ["images/golden.img", "old.img", "over.img", "copied.img"]) {
    Deno.writeTextFileSync(`${root}/${name}`, "precious");
  }
  {
    await using storage = await serve(opendal, { ...config("fs", root), remove_created_on_close: true });
    await storage.createDir({ path: "images/" });
    await storage.rename({ source: "old.img", target: "renamed.img" });
    await storage.put({ path: "over.img", source: source() });
    await storage.copy({ source: "over.img", target: "copied.img" });
    await storage.put({ path: "mine.img", source: source() });
    await storage.put({ path: "mine.img", source: source() });
    await storage.rename({ source: "mine.img", target: "mine2.img" });
    await storage.createDir({ path: "made/" });
    await storage.put({ path: "made/x", source: source() });
  }
  assert.deepEqual([...Deno.readDirSync(root)].map(({ name }) => name).sort(), [
    "copied.img",
    "images",
    "over.img",
    "renamed.img",
  ]);
  assert.equal(Deno.readTextFileSync(`${root}/images/golden.img`), "precious");
  assert.equal(Deno.readTextFileSync(`${root}/renamed.img`), "precious");
});

Deno.test("Storage in memory has an end", async () => {
  await using storage = await serve(opendal, { scheme: "memory" });
  const megabyte = new Uint8Array(1024 * 1024);
  let left = 300;
  const bytes = { next: () => Promise.resolve(left-- > 0 ? megabyte : undefined) };
  await assert.rejects(storage.put({ path: "large", source: { bytes } }), {
    code: "unknown",
    message: "RateLimited: Files in memory may take 268435456 bytes together",
  });
});

Deno.test("Storage in memory counts what is being written, and what is given up no more", async () => {
  const { write, removeAll } = openMemory();
  const chunk = new Uint8Array(60 * 1024 * 1024);
  const files = await Promise.all(["a", "b", "c", "d"].map((path) => write!(path)));
  for (const file of files) await file.write(chunk);
  const full = { message: /^RateLimited/ };
  assert.throws(() => files[0].write(chunk), full);
  await files[0].close();
  assert.throws(() => files[1].write(chunk), full);
  await files[3].abort();
  await files[1].write(chunk);
  await removeAll!("a");
  await files[2].write(chunk);
  assert.throws(() => files[2].write(chunk), full);
});

Deno.test("A thousand files may be open at once, and not one more", async () => {
  await using storage = await serve(opendal, { scheme: "memory" });
  const open = () => storage.open({ path: "x", mode: "wb" });
  const files = await Promise.all(Array.from({ length: 1_000 }, open));
  await assert.rejects(open(), { code: "resource_exhausted", message: "1000 files are open already" });
  await storage.fileClose({ fd: files[0] });
  await open();
});

Deno.test("A file on a web server is read from the middle by a range, and from the start by none", async () => {
  const ranges: (string | undefined)[] = [];
  await using server = rawServer(({ line, headers }) => {
    if (line.startsWith("HEAD")) return "HTTP/1.1 200 OK\r\ncontent-length: 10\r\nconnection: close\r\n\r\n";
    const from = Number(/bytes=(\d+)-/.exec(headers.get("range") ?? "")?.[1] ?? 0);
    ranges.push(headers.get("range"));
    const body = "0123456789".slice(from);
    const status = from > 0 ? "206 Partial" : "200 OK";
    return `HTTP/1.1 ${status}\r\ncontent-length: ${body.length}\r\nconnection: close\r\n\r\n${body}`;
  });
  await using storage = await serve(opendal, { scheme: "http", kwargs: { endpoint: server.url, root: "/files/" } });
  const fd = await storage.open({ path: "a b", mode: "rb" });
  assert.equal(await storage.fileSeek({ fd, pos: -3, whence: 2 }), 7);
  const sink = collector();
  await storage.fileRead({ fd, dst: { bytes: sink } });
  assert.equal(new TextDecoder().decode(sink.bytes), "789");
  await storage.fileSeek({ fd, pos: 0 });
  await storage.fileRead({ fd, dst: { bytes: sink } });
  assert.equal(new TextDecoder().decode(sink.bytes), "7890123456789");
  assert.deepEqual(ranges, ["bytes=7-", undefined]);
  const { url, method } = await storage.presignRead({ path: "a b", expireSecond: 60 });
  assert.deepEqual([url, method], [`${server.url}/files/a%20b`, "GET"]);
  await assert.rejects(storage.delete({ path: "x" }), { message: "Unsupported: The service http has no delete" });
});

Deno.test("A file on a web server is read as it is stored, whatever the server says of its encoding", async () => {
  const archive = new Uint8Array(
    await new Response(
      new Blob([content]).stream().pipeThrough(new CompressionStream("gzip")),
    ).arrayBuffer(),
  );
  await using server = rawServer(({ line }) => {
    const head = [`content-length: ${archive.length}`, "content-encoding: gzip", "connection: close"].join("\r\n");
    const bytes = new TextEncoder().encode(`HTTP/1.1 200 OK\r\n${head}\r\n\r\n`);
    return line.startsWith("HEAD") ? bytes : concat([bytes, archive]);
  });
  await using storage = await serve(opendal, { scheme: "http", kwargs: { endpoint: server.url } });
  assert.equal((await storage.stat({ path: "a.tar.gz" })).content_length, archive.length);
  const sink = collector();
  await storage.get({ path: "a.tar.gz", target: { bytes: sink } });
  assert.deepEqual(sink.bytes, archive);
});

Deno.test("The config is held to its service", async () => {
  await assert.rejects(serve(opendal, { scheme: "fs", kwargs: { rot: "/x" } }), /kwargs.root: Expected text.*rot/s);
  // @ts-expect-error there is no such service
  await assert.rejects(serve(opendal, { scheme: "gcs" }), /Expected one of "fs", "memory", "http", "s3", got "gcs"/);
});
