/** The HTTP server driver, with curl as the device. @module */
import assert from "node:assert/strict";
import httpServer from "../../drivers/http_server/mod.ts";
import { serve } from "../../mod.ts";
import { temporaryFolder } from "../system/program.ts";
import { noise, sourceOfBytes } from "../hardware/media.ts";

/** A server of a folder that holds something of everything. */
async function served() {
  await using stack = new AsyncDisposableStack();
  const folder = stack.use(temporaryFolder());
  const root = `${folder.path}/www`;
  const web = stack.use(await serve(httpServer, { root_dir: root, host: "127.0.0.1", port: 0 }));
  const image = noise(300_000);
  Deno.writeFileSync(`${root}/image.bin`, image);
  Deno.writeTextFileSync(`${root}/index.html`, "<p>hello</p>".repeat(1000));
  Deno.mkdirSync(`${root}/a b`);
  Deno.writeTextFileSync(`${root}/a b/ü.txt`, "unicode");
  Deno.writeTextFileSync(`${folder.path}/secret`, "secret");
  Deno.symlinkSync(`${folder.path}/secret`, `${root}/way-out`);
  Deno.symlinkSync("image.bin", `${root}/latest`);
  await web.start();
  const url = await web.getUrl();
  const owned = stack.move();
  return { web, image, root, url, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

/** What curl says: the status, the header fields and the body. */
async function curl(...args: string[]) {
  const command = new Deno.Command("curl", { args: ["--silent", "--show-error", "--include", ...args] });
  const { code, stdout, stderr } = await command.output();
  const split = stdout.findIndex((_, at) => [13, 10, 13, 10].every((byte, index) => stdout[at + index] === byte)) + 4;
  const [line, ...fields] = new TextDecoder().decode(stdout.subarray(0, split)).trim().split("\r\n");
  const headers = new Headers(fields.map((field) => field.split(/: (.*)/s).slice(0, 2) as [string, string]));
  const error = new TextDecoder().decode(stderr);
  return { code, status: Number(line.split(" ")[1]), headers, body: stdout.subarray(split), error };
}

const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

Deno.test("A server says where it is from its start to its stop, and starts anew", async () => {
  await using there = await served();
  const { web, url } = there;
  assert.match(url, /^http:\/\/127\.0\.0\.1:[1-9]\d*$/);
  assert.equal(await web.getHost(), "127.0.0.1");
  assert.equal(`http://127.0.0.1:${await web.getPort()}`, url);
  await web.start();
  assert.equal((await curl(`${await web.getUrl()}/index.html`)).status, 200);
  await web.stop();
  assert.equal(await web.getUrl(), "http://127.0.0.1:0");
  assert.equal(await web.getPort(), 0);
  assert.equal((await curl(`${url}/index.html`)).code, 7);
  await web.stop();
});

Deno.test("A server that several start at once is one, and none is left when the session ends", async () => {
  using folder = temporaryFolder();
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  listener.close();
  {
    await using web = await serve(httpServer, { root_dir: folder.path, host: "127.0.0.1", port });
    await Promise.all([web.start(), web.start(), web.start()]);
    await Promise.all([web.stop(), web.start()]);
    assert.equal(await web.getPort(), port);
    void web.start().catch(() => {});
  }
  await assert.rejects(Deno.connect({ hostname: "127.0.0.1", port }), Deno.errors.ConnectionRefused);
});

Deno.test("Files come byte for byte, with their type and size, and never compressed on the way", async () => {
  await using there = await served();
  const { url, image, root } = there;
  const got = await curl("--header", "accept-encoding: gzip, br", `${url}/image.bin`);
  assert.deepEqual([got.status, got.headers.get("content-length")], [200, "300000"]);
  assert.equal(got.headers.get("content-type"), "application/octet-stream");
  assert.deepEqual(got.body, image);
  const page = await curl("--header", "accept-encoding: gzip, br", `${url}/index.html`);
  assert.equal(page.headers.get("content-encoding"), null);
  assert.deepEqual([page.headers.get("content-type"), page.body.length], ["text/html; charset=utf-8", 12_000]);
  Deno.writeFileSync(`${root}/image.bin.gz`, image);
  const packed = await curl(`${url}/image.bin.gz`);
  assert.deepEqual([packed.headers.get("content-encoding"), packed.body.length], [null, image.length]);
  assert.equal(text((await curl(`${url}/a%20b/%C3%BC.txt`)).body), "unicode");
  assert.deepEqual((await curl(`${url}/latest`)).body, image);
  const head = await curl("--head", `${url}/image.bin`);
  assert.deepEqual([head.status, head.headers.get("content-length"), head.body.length], [200, "300000", 0]);
  Deno.writeFileSync(`${root}/empty`, new Uint8Array());
  const empty = await curl(`${url}/empty`);
  assert.deepEqual([empty.status, empty.headers.get("content-length"), empty.body.length], [200, "0", 0]);
});

Deno.test("Ranges come as they are asked for", async () => {
  await using there = await served();
  const { url, image } = there;
  const table: [string, number, string | null, Uint8Array][] = [
    ["0-0", 206, "bytes 0-0/300000", image.subarray(0, 1)],
    ["100000-199999", 206, "bytes 100000-199999/300000", image.subarray(100_000, 200_000)],
    ["299990-", 206, "bytes 299990-299999/300000", image.subarray(299_990)],
    ["299990-999999", 206, "bytes 299990-299999/300000", image.subarray(299_990)],
    ["-5", 206, "bytes 299995-299999/300000", image.subarray(-5)],
    ["-999999", 206, "bytes 0-299999/300000", image],
    ["300000-", 416, "bytes */300000", new Uint8Array()],
    ["0-1,5-6", 200, null, image],
    ["5-1", 200, null, image],
  ];
  for (const [range, status, contentRange, bytes] of table) {
    const got = await curl("--header", `range: bytes=${range}`, `${url}/image.bin`);
    assert.deepEqual([got.status, got.headers.get("content-range")], [status, contentRange], range);
    assert.deepEqual(got.body, bytes, range);
  }
  assert.equal((await curl("--header", "range: Bytes=0-1", `${url}/image.bin`)).status, 206);
  const head = await curl("--head", "--header", "range: bytes=0-1", `${url}/image.bin`);
  assert.deepEqual([head.status, head.headers.get("content-length")], [200, "300000"]);
  // A download that was cut short goes on.
  using folder = temporaryFolder();
  Deno.writeFileSync(`${folder.path}/part`, image.subarray(0, 123_456));
  await curl("--no-include", "--continue-at", "-", "--output", `${folder.path}/part`, `${url}/image.bin`);
  assert.deepEqual(Deno.readFileSync(`${folder.path}/part`), image);
});

Deno.test("A file that the client has already is not sent again, and another one is not taken for it", async () => {
  await using there = await served();
  const { url, root } = there;
  const { headers } = await curl(`${url}/image.bin`);
  const [etag, modified] = [headers.get("etag")!, headers.get("last-modified")!];
  const status = async (...fields: string[]) =>
    (await curl(...fields.flatMap((field) => ["--header", field]), `${url}/image.bin`)).status;
  assert.equal(await status(`if-none-match: ${etag}`), 304);
  assert.equal(await status(`if-none-match: "other", W/${etag}`), 304);
  assert.equal(await status("if-none-match: *"), 304);
  assert.equal(await status('if-none-match: "other"'), 200);
  assert.equal(await status(`if-modified-since: ${modified}`), 304);
  assert.equal(await status("if-modified-since: Sat, 01 Jan 2000 00:00:00 GMT"), 200);
  assert.equal(await status(`if-match: ${etag}`), 200);
  assert.equal(await status('if-match: "other"'), 412);
  assert.equal(await status("if-unmodified-since: Sat, 01 Jan 2000 00:00:00 GMT"), 412);
  assert.equal(await status("range: bytes=0-0", `if-range: ${etag}`), 206);
  assert.equal(await status("range: bytes=0-0", 'if-range: "other"'), 200);
  Deno.writeFileSync(`${root}/image.bin`, new Uint8Array(5));
  assert.equal(await status(`if-none-match: ${etag}`), 200);
});

Deno.test("Folders, what is outside, what is missing and other methods are refused", async () => {
  await using there = await served();
  const { url } = there;
  const status = async (path: string, ...more: string[]) =>
    (await curl("--path-as-is", ...more, `${url}${path}`)).status;
  assert.equal(await status("/"), 403);
  assert.equal(await status("/a%20b"), 403);
  assert.equal(await status("/way-out"), 403);
  assert.equal(await status("/%2e%2e%2fsecret"), 403);
  assert.equal(await status("/../secret"), 404); // The URL itself has no such steps any more.
  assert.equal(await status("/nothing"), 404);
  assert.equal(await status("/image.bin/more"), 404);
  assert.equal(await status("/image.bin/"), 404);
  assert.equal(await status("/image.bin%2f"), 404);
  assert.equal(await status("/%ff"), 400);
  assert.equal(await status("/image.bin%00.txt"), 403);
  assert.equal(await status("/image.bin", "--request", "PUT", "--data", "x"), 405);
});

Deno.test("What a client uploads is served, and removed when the session ends; what was there stays", async () => {
  using folder = temporaryFolder();
  const root = `${folder.path}/www`;
  const image = noise(100_000);
  {
    await using web = await serve(httpServer, { root_dir: root, host: "127.0.0.1", port: 0 });
    Deno.writeTextFileSync(`${root}/mine`, "mine");
    await web.start();
    const source = sourceOfBytes(image);
    const url = await web.putFile({ path: "new folder/image.bin", source: { bytes: source, size: image.length } });
    assert.match(url, /^http:\/\/127\.0\.0\.1:\d+\/new%20folder\/image\.bin$/);
    assert.deepEqual((await curl(url)).body, image);
    assert.deepEqual(await Array.fromAsync(web.storage.scan({ path: "/" })), [
      "/",
      "mine",
      "new folder/",
      "new folder/image.bin",
    ]);
  }
  assert.deepEqual([...Deno.readDirSync(root)].filter(({ isFile }) => isFile).map(({ name }) => name), ["mine"]);
  assert.throws(() => Deno.statSync(`${root}/new folder/image.bin`), Deno.errors.NotFound);
});

Deno.test("A client that goes away in the middle leaves nothing open, and a port that is taken is told", async () => {
  await using there = await served();
  const { url, root, web } = there;
  Deno.truncateSync(`${root}/image.bin`, 500_000_000);
  const abort = new AbortController();
  const response = await fetch(`${url}/image.bin`, { signal: abort.signal });
  await response.body!.getReader().read();
  abort.abort();
  await using other = await serve(httpServer, { root_dir: root, host: "127.0.0.1", port: await web.getPort() });
  await assert.rejects(other.start(), {
    code: "internal",
    message: `Cannot listen on ${url.slice("http://".length)}: Somebody listens there already`,
  });
});

Deno.test("Without a host it serves where others reach this machine", async () => {
  using folder = temporaryFolder();
  await using web = await serve(httpServer, { root_dir: folder.path, port: 0 });
  await web.start();
  assert.match(await web.getHost(), /^\d+\.\d+\.\d+\.\d+$/);
  assert.equal((await curl(`${await web.getUrl()}/nothing`)).status, 404);
});
