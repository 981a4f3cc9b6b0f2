/** The web's side of an exporter, on real sockets: HTTP/1.1 by Deno's own client, HTTP/2 by ours. @module */
import assert from "node:assert/strict";
import { planDriver } from "../../lib/contract/plan.ts";
import { pause, withLimit } from "../../lib/core/limit.ts";
import { writeAll } from "../../lib/core/pipe.ts";
import { serve } from "../../lib/exporter/listen.ts";
import { Session } from "../../lib/exporter/session.ts";
import { ServerSocket } from "../../lib/exporter/socket.ts";
import { opener, probe, probeMethods, recorder } from "../contract/drivers.ts";
import { folderOf } from "../folder.ts";
import { json, listening, pathOf } from "./listening.ts";

interface Ask {
  method?: string;
  path?: string;
  headers?: Record<string, string>;
  body?: string;
}

/** A response as status and text. */
async function ask(address: string, request: Ask = {}): Promise<[number, unknown]> {
  const { method = "POST", path = pathOf("Add"), headers = json, body = method === "GET" ? undefined : "{}" } = request;
  const response = await fetch(`http://${address}${path}`, { method, headers, body });
  return [response.status, await response.json()];
}

/** A raw response of HTTP/1.1, for headers that fetch does not let through. */
async function raw(address: string, head: string[], body = "{}"): Promise<string> {
  const [hostname, port] = address.split(":");
  using connection = await Deno.connect({ hostname, port: Number(port) });
  const lines = [
    `POST ${pathOf("Add")} HTTP/1.1`,
    ...head,
    `content-length: ${body.length}`,
    "connection: close",
    "",
    body,
  ];
  await writeAll(connection, new TextEncoder().encode(lines.join("\r\n")));
  return await withLimit(new Response(connection.readable).text(), 5_000, "The answer");
}

Deno.test("A method is called in JSON over HTTP/1.1, several times on one connection", async () => {
  await using exporter = await listening();
  for (let b = 1; b <= 3; b++) {
    assert.deepEqual(await ask(exporter.address, { body: JSON.stringify({ a: 40, b }) }), [200, { value: 40 + b }]);
  }
});

Deno.test("A request over HTTP/1.1 is heard whole, however long it is and wherever it is cut", async () => {
  await using exporter = await listening();
  for (const size of [500, 1_000, 1_100, 3_000, 4_096, 5_000, 100_000]) {
    const body = `{"a":1,"b":2${" ".repeat(size)}}`;
    const answer = await raw(exporter.address, [`host: ${exporter.address}`, "content-type: application/json"], body);
    assert.match(answer, /^HTTP\/1\.1 200 [^]*\{"value":3\}/, `${size}`);
  }
  const [hostname, port] = exporter.address.split(":");
  using slow = await Deno.connect({ hostname, port: Number(port) });
  // HTTP/2 begins with a P as well.
  const head = [`POST ${pathOf("Add")} HTTP/1.1`, `host: ${exporter.address}`, `cookie: ${"c".repeat(3_000)}`];
  const request = `${head.join("\r\n")}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n`;
  await slow.write(new TextEncoder().encode(request[0]));
  await pause(50);
  await slow.write(new TextEncoder().encode(request.slice(1)));
  assert.match(await withLimit(new Response(slow.readable).text(), 5_000, "The answer"), /^HTTP\/1\.1 \d+ /);
});

Deno.test("Where no socket can be made for HTTP/1.1 its callers are told, and the connection ends", async () => {
  await using exporter = await listening();
  const before = Deno.env.get("TMPDIR");
  Deno.env.set("TMPDIR", "/no/such/folder");
  try {
    assert.match(await raw(exporter.address, ["host: x"]), /^HTTP\/1\.1 503 /);
  } finally {
    if (before === undefined) Deno.env.delete("TMPDIR");
    else Deno.env.set("TMPDIR", before);
  }
  await withLimit(exporter.listener.close(0), 5_000, "Closing");
});

Deno.test("What is wrong with a request is told as Connect does, in JSON", async () => {
  await using exporter = await listening();
  const { address } = exporter;
  const cases: [Ask, number, string, RegExp][] = [
    [{ body: '{"c":1}' }, 400, "invalid_argument", /"c"/],
    [{ body: "{" }, 400, "invalid_argument", /./],
    [{ body: '{"a":1.5}' }, 400, "invalid_argument", /int64/],
    [{ path: pathOf("Fail") }, 501, "unimplemented", /does not support fail/],
    [{ path: "/" }, 404, "unimplemented", /^There is no method \/$/],
    [{ path: pathOf("Explode") }, 404, "unimplemented", /There is no method/],
    [{ path: "/jumpstarter.v1.ExporterService/GetReport" }, 404, "unimplemented", /There is no method/],
    [{ method: "GET" }, 405, "invalid_argument", /^Expected a POST request$/],
    [
      { headers: { "content-type": "text/plain" } },
      415,
      "invalid_argument",
      /^Expected the content type application\/json$/,
    ],
    [{ headers: { "content-type": "application/x-www-form-urlencoded" } }, 415, "invalid_argument", /./],
    [{ path: pathOf("CountTo") }, 415, "invalid_argument", /application\/connect\+json/],
    [
      { path: pathOf("Connect"), headers: { "content-type": "application/connect+json" } },
      505,
      "unimplemented",
      /^A byte stream needs HTTP\/2$/,
    ],
    [{ headers: { ...json, "x-jumpstarter-driver-uuid": "x" } }, 404, "not_found", /no driver with the uuid "x"/],
  ];
  for (const [request, status, code, message] of cases) {
    const [got, answer] = await ask(address, request) as [number, { code: string; message: string }];
    assert.deepEqual([got, answer.code], [status, code], JSON.stringify([request, answer]));
    assert.match(answer.message, message);
  }
});

Deno.test("A stream of values arrives as Connect's envelopes", async () => {
  await using exporter = await listening();
  const text = '{"end":2}';
  const body = new Uint8Array([0, 0, 0, 0, text.length, ...new TextEncoder().encode(text)]);
  const headers = { "content-type": "application/connect+json" };
  const response = await fetch(`http://${exporter.address}${pathOf("CountTo")}`, { method: "POST", headers, body });
  assert.equal(response.status, 200);
  assert.equal(
    (await response.text()).replace(/[^\x20-\x7e]+/g, "|"),
    '|{"value":"1"}|{"value":"2"}|{}',
  );
});

Deno.test("Requests that a web page of another site makes are refused, whatever name it gave the exporter", async () => {
  await using exporter = await listening();
  const { address } = exporter;
  const content = "content-type: application/json";
  const port = address.split(":")[1];
  const refused = /^HTTP\/1\.1 403 [\s\S]*"permission_denied"/;
  for (
    const head of [
      ["host: evil.example"],
      [`host: evil.example:${port}`],
      ["host: 127.0.0.1.evil.example"],
      [`host: ${address}`, "origin: http://evil.example"],
      [`host: ${address}`, "origin: null"],
      [`host: ${address}`, "origin: http://127.0.0.1"],
      [`host: ${address}`, "sec-fetch-site: cross-site"],
      [`host: ${address}`, "sec-fetch-site: same-site"],
    ]
  ) assert.match(await raw(address, [...head, content]), refused, head.join());
  for (
    const head of [
      [`host: ${address}`],
      [`host: localhost:${port}`],
      [`host: LOCALHOST:${port}`],
      [`host: [::1]:${port}`],
      [`host: ${address}`, `origin: http://${address}`, "sec-fetch-site: same-origin"],
    ]
  ) assert.match(await raw(address, [...head, content]), /^HTTP\/1\.1 200 [\s\S]*\{"value":1\}/, head.join());
  const preflight = await fetch(`http://${address}${pathOf("Add")}`, { method: "OPTIONS" });
  assert.equal(preflight.status, 405);
  for (const [name] of preflight.headers) assert.doesNotMatch(name, /^access-control/);
  await preflight.body?.cancel();
});

Deno.test("The passphrase guards JSON, unknown paths alike", async () => {
  await using exporter = await listening({ passphrase: "right" });
  const { address } = exporter;
  const body = '{"a":1}';
  for (const path of [pathOf("Add"), "/", "/nowhere"]) {
    assert.deepEqual(await ask(address, { path, body }), [401, {
      code: "unauthenticated",
      message: "invalid or missing passphrase",
    }]);
  }
  const wrong = { ...json, "x-jumpstarter-passphrase": "wrong" };
  assert.equal((await ask(address, { headers: wrong, body }))[0], 401);
  const right = { ...json, "x-jumpstarter-passphrase": "right" };
  assert.deepEqual(await ask(address, { headers: right, body }), [200, { value: 2 }]);
});

Deno.test("A unix socket answers HTTP as well, by any name", async () => {
  using folder = await folderOf();
  const path = `${folder.path}/socket`;
  await using stack = new AsyncDisposableStack();
  const session = stack.use(await Session.open(planDriver("", recorder("probe", []), {})));
  const listener = serve(session, new ServerSocket({ path }));
  stack.defer(() => listener.close(0));
  using connection = await Deno.connect({ transport: "unix", path });
  const head = `POST ${pathOf("Add")} HTTP/1.1\r\nhost: board\r\ncontent-type: application/json\r\n`;
  const request = `${head}content-length: 7\r\nconnection: close\r\n\r\n{"a":1}`;
  await connection.write(new TextEncoder().encode(request));
  assert.match(await new Response(connection.readable).text(), /\{"value":2\}$/);
});

Deno.test("A caller of HTTP/1.1 that goes away cancels its call, and leaves nothing behind", async () => {
  const { promise: canceled, resolve: cancel } = Promise.withResolvers<void>();
  const { promise: started, resolve: start } = Promise.withResolvers<void>();
  const waiting = opener(() => ({
    ...probeMethods,
    add: (_: unknown, { signal }: { signal: AbortSignal }) =>
      new Promise(() => {
        signal.addEventListener("abort", () => cancel());
        start();
      }),
  }), { implements: probe });
  await using exporter = await listening({}, waiting);
  const abort = new AbortController();
  const asked = fetch(`http://${exporter.address}${pathOf("Add")}`, {
    method: "POST",
    headers: json,
    body: '{"a":1}',
    signal: abort.signal,
  });
  await withLimit(started, 5_000, "The call");
  abort.abort();
  await assert.rejects(asked);
  await withLimit(canceled, 5_000, "The end of the call");
});

Deno.test("close() ends connections of HTTP/1.1, idle ones at once", async () => {
  await using exporter = await listening();
  const [hostname, port] = exporter.address.split(":");
  using connection = await Deno.connect({ hostname, port: Number(port) });
  await connection.write(new TextEncoder().encode(`GET / HTTP/1.1\r\nhost: ${exporter.address}\r\n\r\n`));
  const buffer = new Uint8Array(1024);
  assert.match(new TextDecoder().decode(buffer.subarray(0, (await connection.read(buffer))!)), /^HTTP\/1\.1 404/);
  await withLimit(exporter.listener.close(10_000), 5_000, "Closing");
  while (await withLimit(connection.read(buffer), 5_000, "The end") !== null);
});
