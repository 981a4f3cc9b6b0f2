/** Who may come in at the page of a screen. @module */
import assert from "node:assert/strict";
import { type ByteStream, byteStreamOfPipe, echoStream } from "../../lib/core/byte_stream.ts";
import { memoryPipe } from "../../lib/core/pipe.ts";
import { withLimit } from "../../lib/core/limit.ts";
import { type Novnc, serveNovnc } from "../../lib/streams/novnc/mod.ts";
import { talk } from "../bytes.ts";

/** What a browser sends to open the page's WebSocket, with changes. */
function handshake(url: string, changed: Record<string, string | undefined> = {}): string {
  const { host, pathname } = new URL(url);
  const fields = {
    host,
    origin: `http://${host}`,
    connection: "upgrade",
    upgrade: "websocket",
    "sec-websocket-version": "13",
    "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
    ...changed,
  };
  const lines = Object.entries(fields).filter(([, value]) => value !== undefined).map(([key, value]) =>
    `${key}: ${value}`
  );
  return `GET ${pathname}socket HTTP/1.1\r\n${lines.join("\r\n")}\r\n\r\n`;
}

/** Sends a request and resolves to the status, with the connection. */
async function ask(url: string, request: string): Promise<{ status: number; connection: Deno.TcpConn }> {
  const connection = await Deno.connect({ hostname: "127.0.0.1", port: Number(new URL(url).port) });
  await connection.write(new TextEncoder().encode(request));
  let head = "";
  // Messages may follow at once.
  while (!head.endsWith("\r\n\r\n")) head += String.fromCharCode(...await exactly(connection, 1));
  const [, status] = /^HTTP\/1.1 (\d+) /.exec(head) ?? [];
  return { status: Number(status), connection };
}

async function statusOf(url: string, request: string): Promise<number> {
  const { status, connection } = await ask(url, request);
  connection.close();
  return status;
}

/** A binary message of a WebSocket's client (RFC 6455 section 5.2), masked by zeros. */
const message = (...bytes: number[]) => new Uint8Array([0x82, 0x80 | bytes.length, 0, 0, 0, 0, ...bytes]);

async function exactly(connection: Deno.Conn, length: number): Promise<number[]> {
  const bytes = new Uint8Array(length);
  for (let at = 0; at < length;) {
    at += await withLimit(connection.read(bytes.subarray(at)), 5_000, "A message") ?? assert.fail("The end came");
  }
  return [...bytes];
}

function screen(open: () => Promise<ByteStream> = () => Promise.resolve(echoStream())): Novnc & { failures: string[] } {
  const failures: string[] = [];
  return Object.assign(serveNovnc({ open, onFailure: (why) => failures.push(why) }), { failures });
}

Deno.test("The page, its script and noVNC are served behind a path that nobody can guess", async () => {
  await using one = screen();
  await using other = screen();
  const [path, otherPath] = [one, other].map(({ url }) => new URL(url).pathname);
  assert.match(path, /^\/[\w-]{32}\/$/);
  assert.notEqual(path, otherPath);
  const page = await fetch(one.url);
  assert.equal(page.status, 200);
  assert.match(await page.text(), /src="page\.js"/);
  assert.match(page.headers.get("content-security-policy")!, /default-src 'none'/);
  assert.match(await (await fetch(`${one.url}page.js`)).text(), /from "\.\/rfb\.js"/);
  assert.match(await (await fetch(`${one.url}rfb.js`)).text(), /export ?\{\w+ as default\}/);
  const { origin } = new URL(one.url);
  for (const wrong of ["/", "/page.js", otherPath, path.slice(0, -1), `${path.slice(0, -2)}/`, `${path}elsewhere`]) {
    const answer = await fetch(origin + wrong);
    await answer.body?.cancel();
    assert.equal(answer.status, 404, wrong);
  }
});

Deno.test("The address for a browser's command line leads to the page once, and without it nowhere", async () => {
  await using served = serveNovnc({ open: () => Promise.reject(new Error("not here")) });
  const first = await fetch(served.entry, { redirect: "manual" });
  await first.body?.cancel();
  assert.deepEqual([first.status, new URL(first.headers.get("location")!, served.entry).href], [302, served.url]);
  const second = await fetch(served.entry, { redirect: "manual" });
  await second.body?.cancel();
  assert.equal(second.status, 404);
});

Deno.test("The WebSocket opens for its own page, and for no other, no other path and no other name", async () => {
  await using one = screen();
  const { port } = new URL(one.url);
  const { status, connection } = await ask(one.url, handshake(one.url));
  connection.close();
  assert.equal(status, 101);
  assert.equal(await statusOf(one.url, handshake(one.url, { origin: "https://evil.example" })), 403);
  assert.equal(await statusOf(one.url, handshake(one.url, { origin: "null" })), 403);
  assert.equal(await statusOf(one.url, handshake(one.url, { origin: undefined })), 403);
  assert.equal(await statusOf(one.url, handshake(one.url, { origin: `http://127.0.0.1:${Number(port) + 1}` })), 403);
  const rebound = { host: `evil.example:${port}`, origin: `http://evil.example:${port}` };
  assert.equal(await statusOf(one.url, handshake(one.url, rebound)), 403);
  assert.equal(await statusOf(one.url, handshake(`http://127.0.0.1:${port}/`)), 404);
  assert.equal(await statusOf(one.url, handshake(one.url, { upgrade: undefined, connection: undefined })), 426);
});

Deno.test("Messages are the device's bytes, and either side's end is the other's", async () => {
  const pipes = [memoryPipe(), memoryPipe()];
  const devices = pipes.map(([, far]) => talk(byteStreamOfPipe(far)));
  await using one = screen(() => Promise.resolve(byteStreamOfPipe(pipes.shift()![0])));
  const [device, other] = devices;
  const { connection } = await ask(one.url, handshake(one.url));
  await connection.write(message(82, 70, 66));
  assert.equal(await device.until("RFB"), "RFB");
  await device.send("ok");
  assert.deepEqual(await exactly(connection, 4), [0x82, 2, ...new TextEncoder().encode("ok")]);
  connection.close();
  assert.equal(await device.rest(), "");
  const second = await ask(one.url, handshake(one.url));
  await other.send("bye");
  await other.end();
  assert.deepEqual(await exactly(second.connection, 6), [0x82, 3, ...new TextEncoder().encode("bye"), 0x88]);
  second.connection.close();
});

Deno.test("A device that cannot be connected to is told, and the page stays; its end closes what is open", async () => {
  let works = false;
  const open = () => works ? Promise.resolve(echoStream()) : Promise.reject(new Error("no screen"));
  const one = screen(open);
  const { connection } = await ask(one.url, handshake(one.url));
  // A close frame follows.
  assert.equal((await exactly(connection, 1))[0], 0x88);
  connection.close();
  assert.deepEqual(one.failures, ["no screen"]);
  works = true;
  const again = await ask(one.url, handshake(one.url));
  await again.connection.write(message(7));
  assert.deepEqual(await exactly(again.connection, 3), [0x82, 1, 7]);
  const closed = exactly(again.connection, 1);
  const disposing = one[Symbol.asyncDispose]();
  assert.equal((await closed)[0], 0x88);
  again.connection.close();
  await disposing;
  await assert.rejects(fetch(one.url));
});
