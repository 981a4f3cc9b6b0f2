import assert from "node:assert/strict";
import { withLimit } from "../../../lib/core/limit.ts";
import { memoryPipe } from "../../../lib/core/pipe.ts";
import { type Http1Limits, serveHttp1 } from "../../../lib/wire/web/http1.ts";
import type { WebHandler, WebRequest } from "../../../lib/wire/web/types.ts";
import { UnreadMessages } from "../../../lib/wire/rpc/unread_messages.ts";
import { folderOf } from "../../folder.ts";

const encode = (text: string) => new TextEncoder().encode(text);

const unread = new UnreadMessages(1024 * 1024);

async function* once(text: string) {
  yield encode(text);
}

async function textOf({ body }: WebRequest): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const chunk of body) text += decoder.decode(chunk, { stream: true });
  return text;
}

/** A connection of HTTP/1.1, whose first bytes have been seen. */
function connected(first: string, handler: WebHandler, limits?: Partial<Http1Limits>) {
  const [near, far] = memoryPipe();
  const served = serveHttp1(far, encode(first), { handler, unread, limits });
  const buffer = new Uint8Array(64 * 1024);
  let seen = "";
  return {
    served,
    send: (text: string) => near.write(encode(text)),
    /** Everything up to the first occurrence of a text. */
    async until(text: string): Promise<string> {
      while (!seen.includes(text)) {
        const count = await withLimit(near.read(buffer), 5_000, `Waiting for ${JSON.stringify(text)}`);
        if (count === null) throw new Error(`The connection ended after ${JSON.stringify(seen)}`);
        seen += new TextDecoder().decode(buffer.subarray(0, count));
      }
      const end = seen.indexOf(text) + text.length;
      const found = seen.slice(0, end);
      seen = seen.slice(end);
      return found;
    },
    async ended(): Promise<void> {
      while (await withLimit(near.read(buffer), 5_000, "The end") !== null);
    },
    async [Symbol.asyncDispose]() {
      near.close();
      await withLimit(served.closed, 5_000, "Closing");
    },
  };
}

const head = (body: string, more = "") =>
  `POST /m HTTP/1.1\r\nhost: pi:7000\r\n${more}content-length: ${body.length}\r\n\r\n`;

Deno.test("A request arrives with what was read of it before, and its URL has the host that it names", async () => {
  const seen: string[] = [];
  await using peer = connected(head("hello"), async (request) => {
    seen.push(`${request.method} ${request.url} ${request.httpVersion} ${await textOf(request)}`);
    return { status: 200, header: new Headers({ "content-length": "2" }), body: once("ok") };
  });
  await peer.send("hello");
  assert.match(await peer.until("\r\n\r\nok"), /^HTTP\/1\.1 200 OK\r\n/);
  assert.deepEqual(seen, ["POST http://pi:7000/m 1.1 hello"]);
});

Deno.test("A connection carries one request after the other", async () => {
  await using peer = connected(`${head("a")}a${head("b")}b`, async (request) => {
    const text = await textOf(request);
    return { status: 200, header: new Headers({ "content-length": "1" }), body: once(text) };
  });
  await peer.until("\r\n\r\na");
  await peer.until("\r\n\r\nb");
});

Deno.test("A connection without a request is closed, before the first one and between two", async () => {
  const answer: WebHandler = () => Promise.resolve({ status: 204 });
  await using silent = connected("POST /m HT", answer, { idleMs: 20 });
  await silent.ended();
  await using idle = connected(head(""), answer, { idleMs: 20 });
  await idle.until("\r\n\r\n");
  await idle.ended();
});

Deno.test("A request is not idle while it is answered, and a body that does not arrive ends the connection", async () => {
  const { promise: release, resolve } = Promise.withResolvers<void>();
  await using slow = connected(head(""), async () => {
    await release;
    return { status: 204 };
  }, { idleMs: 1 });
  setTimeout(resolve, 30);
  await slow.until("204");

  await using late = connected(head("never"), async (request) => {
    await textOf(request);
    return { status: 204 };
  }, { bodyMs: 20 });
  await late.ended();
});

Deno.test("A caller that reads no more holds the answer back, and nothing piles up", async () => {
  let sent = 0;
  async function* endless() {
    for (;;) {
      sent += 64 * 1024;
      yield new Uint8Array(64 * 1024);
    }
  }
  await using peer = connected(head(""), () => Promise.resolve({ status: 200, body: endless() }));
  await peer.until("\r\n\r\n");
  let before = -1;
  while (before !== sent) {
    before = sent;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  assert.ok(sent < 8 * 1024 * 1024, `${sent} bytes were made`);
});

Deno.test("Nothing is left in the folder for temporary files", async () => {
  const before = Deno.env.get("TMPDIR");
  using folder = await folderOf();
  Deno.env.set("TMPDIR", folder.path);
  try {
    await using peer = connected(head(""), () => Promise.resolve({ status: 204 }));
    await peer.until("204");
    assert.deepEqual([...Deno.readDirSync(folder.path)], []);
  } finally {
    if (before === undefined) Deno.env.delete("TMPDIR");
    else Deno.env.set("TMPDIR", before);
  }
});
