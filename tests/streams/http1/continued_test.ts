/** Downloads from servers that cut the connection. @module */
import assert from "node:assert/strict";
import { JumpstarterError } from "../../../lib/core/errors.ts";
import { download } from "../../../lib/streams/http1/transfer.ts";
import { allOf, concat, sample } from "../../payload.ts";
import { type RawRequest, rawServer } from "./raw_server.ts";

const never = new AbortController().signal;
const file = sample(300_000);
const tag = 'etag: "v1"\r\n';

/** Where a request's range begins. */
const startOf = ({ headers }: RawRequest) => Number(/^bytes=(\d+)-$/.exec(headers.get("range") ?? "")?.[1] ?? 0);

/** A file from a place on as servers send it, of which only some bytes come. */
function part(start: number, bytes: number, head = tag, content = file): Uint8Array {
  const left = content.length - start;
  const status = start > 0
    ? `206 Partial Content\r\ncontent-range: bytes ${start}-${content.length - 1}/${content.length}`
    : "200 OK";
  const fields = `HTTP/1.1 ${status}\r\n${head}content-length: ${left}\r\n\r\n`;
  return concat([new TextEncoder().encode(fields), content.subarray(start, start + bytes)]);
}

Deno.test("A download whose connection is cut is continued from where it was, for the same version only", async () => {
  const requests: RawRequest[] = [];
  await using server = rawServer((request) => {
    requests.push(request);
    return part(startOf(request), 70_001);
  });
  const got = await download(`${server.url}/a%40b?sig=a%2Bb`, { "X-Amz-Token": "1" }, never);
  assert.equal(got.size, file.length);
  assert.deepEqual(await allOf(got), file);
  assert.deepEqual(requests.map(({ line }) => line), Array(5).fill("GET /a%40b?sig=a%2Bb HTTP/1.1"));
  assert.deepEqual(
    requests.map(({ headers }) =>
      ["range", "if-range", "x-amz-token", "accept-encoding"].map((key) => headers.get(key))
    ),
    [0, 70_001, 140_002, 210_003, 280_004].map((start) => [
      start ? `bytes=${start}-` : undefined,
      start ? '"v1"' : undefined,
      "1",
      "identity",
    ]),
  );
});

Deno.test("A date names a version when the file is older than it, and a chunked body is continued as well", async () => {
  const dates = "last-modified: Thu, 01 Jan 2026 00:00:00 GMT\r\ndate: Thu, 01 Jan 2026 00:00:01 GMT\r\n";
  const versions: (string | undefined)[] = [];
  await using server = rawServer((request) => {
    versions.push(request.headers.get("if-range"));
    if (request.headers.has("range")) return part(5, Infinity, dates);
    return concat([
      new TextEncoder().encode(`HTTP/1.1 200 OK\r\n${dates}transfer-encoding: chunked\r\n\r\n493e0\r\n`),
      file.subarray(0, 5),
    ]);
  });
  assert.deepEqual(await allOf(await download(server.url, {}, never)), file);
  assert.deepEqual(versions, [undefined, "Thu, 01 Jan 2026 00:00:00 GMT"]);
});

Deno.test("A download goes on when its server is away for a while, or asks to wait", async () => {
  const answers = [
    "",
    "HTTP/1.1 503 Busy\r\ncontent-length: 0\r\n\r\n",
    "HTTP/1.1 429 Slowly\r\n\r\n",
    part(9, Infinity),
  ];
  await using server = rawServer(({ headers }) => headers.has("range") ? answers.shift()! : part(0, 9));
  assert.deepEqual(await allOf(await download(server.url, {}, never)), file);
  assert.deepEqual(answers, []);
});

Deno.test("A download is continued through the redirects of that time, whose hosts get no secret", async () => {
  const seen: string[] = [];
  const note = (name: string) => (request: RawRequest) => {
    seen.push(`${name} ${request.headers.get("authorization")} ${request.headers.get("range")}`);
    return part(startOf(request), 200_000);
  };
  await using first = rawServer(note("first"));
  await using second = rawServer(note("second"));
  const places = [first.url, second.url];
  await using server = rawServer(() => `HTTP/1.1 307 There\r\nLocation: ${places.shift()}/x\r\n\r\n`);
  assert.deepEqual(await allOf(await download(server.url, { authorization: "Bearer secret" }, never)), file);
  assert.deepEqual(seen, ["first undefined undefined", "second undefined bytes=200000-"]);
});

Deno.test("A download that cannot be continued says why, and never puts two files together", async () => {
  const longer = sample(300_001);
  const because = (why: string) => new RegExp(`5 of 300000 bytes came; the file cannot be continued, because ${why}$`);
  const changed = because("it is another file by now");
  const cases: [string, Uint8Array, Uint8Array | string, RegExp][] = [
    [
      "no version",
      part(0, 5, ""),
      "",
      because("the server names no version of it, by a strong ETag or by Last-Modified"),
    ],
    ["a weak ETag", part(0, 5, 'etag: W/"v1"\r\n'), "", because("the server names no version .*")],
    ["no ranges", part(0, 5), part(0, Infinity), because("the server sends no part of it")],
    ["another file", part(0, 5), part(0, Infinity, 'etag: "v2"\r\n'), changed],
    ["a part of another file", part(0, 5), part(5, Infinity, 'etag: "v2"\r\n'), changed],
    ["a part of a longer file", part(0, 5), part(5, Infinity, tag, longer), changed],
    ["a shorter file", part(0, 5), "HTTP/1.1 416 Range Not Satisfiable\r\n\r\n", changed],
    ["another part", part(0, 5), part(6, Infinity), because("the server sends another part of it than .*")],
    [
      "a signature that is over",
      part(0, 5),
      "HTTP/1.1 403 Forbidden\r\n\r\n",
      because("the server answers 403 by now"),
    ],
  ];
  for (const [what, begin, rest, message] of cases) {
    await using server = rawServer(({ headers }) => headers.has("range") ? rest : begin);
    await assert.rejects(
      download(`${server.url}/f?key=secret`, {}, never).then(allOf),
      (error: JumpstarterError) => {
        assert.match(error.message, message, what);
        assert.equal(error.code, "unknown");
        assert.ok(!error.message.includes("secret"));
        return true;
      },
    );
  }
});

Deno.test("A download is continued twenty times and not once more", async () => {
  let count = 0;
  await using server = rawServer((request) => {
    count += 1;
    return part(startOf(request), 1);
  });
  await assert.rejects(download(server.url, {}, never).then(allOf), {
    message: /1 of 299980 bytes came; 20 times it was tried to continue the file$/,
  });
  assert.equal(count, 21);
});

Deno.test("A download that waits for its server ends with the signal's reason, and when it is closed", async () => {
  await using server = rawServer(({ headers }) => headers.has("range") ? "" : part(0, 9));
  const end = new AbortController();
  const given = await download(server.url, {}, end.signal);
  await given.next();
  const next = given.next();
  setTimeout(() => end.abort(new JumpstarterError("canceled", "Enough")), 150);
  await assert.rejects(next, { code: "canceled", message: "Enough" });
  const closed = await download(server.url, {}, never);
  await closed.next();
  const last = closed.next();
  setTimeout(() => closed.close(), 150);
  await assert.rejects(last, { code: "canceled", message: "The download was given up" });
});

Deno.test("The first bytes alone are not continued", async () => {
  let count = 0;
  await using server = rawServer(() => {
    count += 1;
    return part(0, 3);
  });
  await assert.rejects(
    download(server.url, {}, never, 6).then(allOf),
    /closed the connection early: 3 of 300000 bytes came$/,
  );
  assert.equal(count, 1);
});
