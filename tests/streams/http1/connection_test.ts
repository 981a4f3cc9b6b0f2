/** A connection to a web server: how patient it is. @module */
import assert from "node:assert/strict";
import { pause, withLimit } from "../../../lib/core/limit.ts";
import { HttpConnection } from "../../../lib/streams/http1/connection.ts";
import { splitUrl } from "../../../lib/streams/http1/url.ts";
import { rawServer } from "./raw_server.ts";

const never = new AbortController().signal;

Deno.test("A server that takes what is sent need not say anything before the end", async () => {
  await using server = rawServer(({ body }) => `HTTP/1.1 200 OK\r\ncontent-length: 0\r\nx-got: ${body.length}\r\n\r\n`);
  const target = splitUrl(server.url);
  const connection = await HttpConnection.open(target, never, { silenceMs: 300 });
  await connection.sendHead("PUT", target, { "Transfer-Encoding": "chunked" });
  const response = connection.response();
  response.catch(() => {});
  const encoder = new TextEncoder();
  for (let chunk = 0; chunk < 10; chunk++) {
    await pause(100);
    await connection.write(encoder.encode("1\r\nx\r\n"));
  }
  await connection.write(encoder.encode("0\r\n\r\n"));
  assert.equal((await response).headers.get("x-got"), "10");
  connection.close();
});

/** A server that accepts and does nothing. */
function silentServer(): { readonly url: string } & Disposable {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const accepted: Deno.Conn[] = [];
  (async () => {
    for await (const connection of listener) accepted.push(connection);
  })();
  return {
    url: `127.0.0.1:${listener.addr.port}/`,
    [Symbol.dispose]() {
      listener.close();
      for (const connection of accepted) connection.close();
    },
  };
}

Deno.test("A server that takes nothing and says nothing is given up, with what is being sent to it", async () => {
  using server = silentServer();
  const target = splitUrl(`http://${server.url}`);
  const connection = await HttpConnection.open(target, never, { silenceMs: 300 });
  const refused = assert.rejects(connection.response(), {
    code: "unavailable",
    message: "The server has been silent for 0.3 s",
  });
  const fill = async () => {
    for (;;) await connection.write(new Uint8Array(1024 * 1024));
  };
  await assert.rejects(
    withLimit(fill(), 5_000, "The end of the writing"),
    (error: Error) => !/took longer/.test(error.message),
  );
  await refused;
});

Deno.test("An abort is heard while a server is silent in its TLS handshake", async () => {
  using server = silentServer();
  const end = new AbortController();
  const opening = HttpConnection.open(splitUrl(`https://${server.url}`), end.signal);
  setTimeout(() => end.abort(new Error("enough")), 50);
  await assert.rejects(withLimit(opening, 5_000, "The end"), { message: "enough" });
});

Deno.test("Interim responses are passed over, and not without end", async () => {
  const interim = "HTTP/1.1 103 Early Hints\r\n\r\n";
  for (const [count, status] of [[16, 204], [17, undefined]] as const) {
    await using server = rawServer(() => `${interim.repeat(count)}HTTP/1.1 204 No Content\r\n\r\n`);
    const target = splitUrl(server.url);
    const connection = await HttpConnection.open(target, never);
    await connection.sendHead("GET", target, {});
    if (status) assert.equal((await connection.response()).status, status);
    else await assert.rejects(connection.response(), { message: "The server sends more than 16 interim responses" });
    connection.close();
  }
});

Deno.test("A user's name and password are sent in UTF-8", async () => {
  let sent: string | undefined;
  await using server = rawServer(({ headers }) => {
    sent = headers.get("authorization");
    return "HTTP/1.1 204 No Content\r\n\r\n";
  });
  const target = splitUrl(server.url.replace("//", "//%C3%BCser:p%E2%82%AC@"));
  const connection = await HttpConnection.open(target, never);
  await connection.sendHead("GET", target, {});
  await connection.response();
  connection.close();
  assert.equal(new TextDecoder().decode(Uint8Array.fromBase64(sent!.split(" ")[1])), "üser:p€");
});
