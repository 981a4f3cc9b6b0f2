/** What requests that are not gRPC's hold in memory while they arrive. @module */
import assert from "node:assert/strict";
import { type ClientHttp2Session, connect } from "node:http2";
import { withLimit } from "../../lib/core/limit.ts";
import { writeAll } from "../../lib/core/pipe.ts";
import { unreadMessages } from "../../lib/wire/rpc/unread_messages.ts";
import { json, listening, pathOf } from "./listening.ts";

const MiB = 1024 * 1024;
/** The beginning of a message that is longer than all of it. */
const spaces = new Uint8Array(12 * MiB).fill(0x20);

/** A request of HTTP/2 whose body begins, and does not end before `end()`. */
function begin(session: ClientHttp2Session, body: Uint8Array, headers: Record<string, string> = json) {
  const request = session.request({ ":method": "POST", ":path": pathOf("Add"), ...headers });
  const answered = new Promise<[number, string]>((resolve, reject) => {
    let status = 0;
    let text = "";
    request.setEncoding("utf8").on("response", (fields) => status = Number(fields[":status"]))
      .on("data", (piece) => text += piece).on("end", () => resolve([status, text])).on("error", reject);
  });
  answered.catch(() => {});
  request.write(body);
  return { answered, end: (rest = "{}") => request.end(rest) };
}

/** Waits until that much is held. */
async function held(bytes: number): Promise<void> {
  const enough = async () => {
    while (unreadMessages.used < bytes) await new Promise((resolve) => setTimeout(resolve, 10));
  };
  await withLimit(enough(), 10_000, `Waiting for ${bytes} bytes, got ${unreadMessages.used}`);
}

Deno.test("Bodies that do not end share the memory of unread messages, and the oldest is given up", async () => {
  await using exporter = await listening();
  const session = connect(`http://${exporter.address}`);
  try {
    const first = begin(session, spaces);
    await held(12 * MiB);
    const second = begin(session, spaces);
    await held(24 * MiB);
    const third = begin(session, spaces);
    const [status, text] = await withLimit(first.answered, 10_000, "The answer");
    assert.deepEqual([status, JSON.parse(text).code], [429, "resource_exhausted"]);
    await held(24 * MiB);
    for (const other of [second, third]) {
      other.end('{"a":1,"b":2}');
      assert.deepEqual(await withLimit(other.answered, 10_000, "The answer"), [200, '{"value":3}']);
    }
    assert.equal(unreadMessages.used, 0);
  } finally {
    session.destroy();
  }
});

Deno.test("A body in small pieces costs what its pieces do, and nothing is left of one whose caller goes", async () => {
  await using exporter = await listening();
  const session = connect(`http://${exporter.address}`);
  try {
    const request = session.request({ ":method": "POST", ":path": pathOf("Add"), ...json });
    request.on("error", () => {});
    for (let piece = 0; piece < 100; piece++) await new Promise((resolve) => request.write(" ", resolve));
    await held(50_000);
  } finally {
    session.destroy();
  }
  const forgotten = async () => {
    while (unreadMessages.used > 0) await new Promise((resolve) => setTimeout(resolve, 10));
  };
  await withLimit(forgotten(), 5_000, "Forgetting");
});

Deno.test("A promised length takes no memory before the body comes", async () => {
  await using exporter = await listening();
  const session = connect(`http://${exporter.address}`);
  try {
    const before = Deno.memoryUsage().external;
    for (let count = 1; count <= 50; count++) {
      begin(session, spaces.subarray(0, 1024), { ...json, "content-length": "31000000" });
      await held(count * 1024);
    }
    const grown = Deno.memoryUsage().external - before;
    assert.ok(grown < 50 * MiB, `${grown} bytes for 50 KiB`);
  } finally {
    session.destroy();
  }
});

Deno.test("Messages of a byte stream are charged until the next one is read, however many there are", async () => {
  await using exporter = await listening();
  const session = connect(`http://${exporter.address}`);
  try {
    const request = session.request({
      ":method": "POST",
      ":path": pathOf("Connect"),
      "content-type": "application/connect+proto",
    });
    let echoed = 0;
    const all = Promise.withResolvers<void>();
    request.on("error", all.reject).on("end", () => all.reject(new Error(`The end after ${echoed} bytes`)))
      .on("data", (chunk: Uint8Array) => (echoed += chunk.length) > 40 * MiB && all.resolve());
    // A payload field of 32 KiB in an envelope.
    const content = new Uint8Array([0x0a, 0x80, 0x80, 0x02, ...new Uint8Array(0x8000)]);
    const envelope = new Uint8Array([0, 0, 0, content.length >> 8, content.length & 0xff, ...content]);
    for (let sent = 0; sent < 41 * MiB; sent += envelope.length) {
      if (!request.write(envelope)) await new Promise((resolve) => request.once("drain", resolve));
    }
    await withLimit(all.promise, 20_000, "The echo");
    assert.ok(unreadMessages.used < 4 * MiB, `${unreadMessages.used} bytes are held`);
  } finally {
    session.destroy();
  }
});

Deno.test("Of HTTP/1.1, the connection is ended whose request has waited longest", async () => {
  await using exporter = await listening();
  const [hostname, port] = exporter.address.split(":");
  const posting = async () => {
    const connection = await Deno.connect({ hostname, port: Number(port) });
    const head = [`POST ${pathOf("Add")} HTTP/1.1`, `host: ${exporter.address}`, "content-type: application/json"];
    await writeAll(connection, new TextEncoder().encode(`${head.join("\r\n")}\r\ncontent-length: 31000000\r\n\r\n`));
    const sent = writeAll(connection, spaces);
    sent.catch(() => {});
    return connection;
  };
  using first = await posting();
  await held(12 * MiB);
  using _second = await posting();
  await held(24 * MiB);
  using _third = await posting();
  const ended = async () => {
    while (await first.read(new Uint8Array(1024)) !== null);
  };
  await withLimit(ended().catch(() => {}), 10_000, "The end of the first");
});
