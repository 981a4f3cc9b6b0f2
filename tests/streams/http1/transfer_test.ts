import assert from "node:assert/strict";
import { JumpstarterError } from "../../../lib/core/errors.ts";
import { download, upload } from "../../../lib/streams/http1/transfer.ts";
import { redact, redirected, sameOrigin, splitUrl } from "../../../lib/streams/http1/url.ts";
import { allOf, sample } from "../../payload.ts";
import { type RawRequest, rawServer } from "./raw_server.ts";

const never = new AbortController().signal;
const ok = (body: string, head = "") => `HTTP/1.1 200 OK\r\n${head}content-length: ${body.length}\r\n\r\n${body}`;
const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
const fetched = async (url: string, headers = {}) => text(await allOf(await download(url, headers, never)));

Deno.test("download() sends the URL byte for byte", async () => {
  const lines: string[] = [];
  await using server = rawServer(({ line }) => {
    lines.push(line);
    return ok("hi");
  });
  const targets = [
    "/a%40b/%7Ex/%2e%2e/y?sig=a%2Bb'\"|{}^`",
    "/plain/../up//x?x=%zz&y=[1]",
    "?only=query",
    "",
    "/file#fragment",
    "/ü ß",
  ];
  for (const target of targets) assert.equal(await fetched(server.url + target), "hi");
  assert.deepEqual(lines, [
    "GET /a%40b/%7Ex/%2e%2e/y?sig=a%2Bb'\"|{}^` HTTP/1.1",
    "GET /plain/../up//x?x=%zz&y=[1] HTTP/1.1",
    "GET /?only=query HTTP/1.1",
    "GET / HTTP/1.1",
    "GET /file HTTP/1.1",
    "GET /%C3%BC%20%C3%9F HTTP/1.1",
  ]);
});

Deno.test("download() reads bodies with a length, in chunks, and until the end of the connection", async () => {
  const bodies: Record<string, string> = {
    "/length": ok("one"),
    "/chunks": "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\non\r\n1;x=y\r\ne\r\n0\r\nTrailer: 1\r\n\r\n",
    "/close": "HTTP/1.0 200\r\n\r\none",
    "/interim": `HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n${ok("one")}`,
  };
  await using server = rawServer(({ path }) => bodies[path]);
  for (const path of Object.keys(bodies)) assert.equal(await fetched(server.url + path), "one", path);
  const file = await download(`${server.url}/length`, {}, never);
  assert.equal(file.size, 3);
  await file.close();
});

Deno.test("download() follows ten redirects of every kind, each as it is written, and not one more", async () => {
  const seen: string[] = [];
  await using server = rawServer(({ path }) => {
    seen.push(path);
    const left = Number(/left=(\d+)/.exec(path)?.[1]);
    const status = [301, 302, 303, 307, 308][left % 5];
    if (left === 0) return ok("there");
    return `HTTP/1.1 ${status} Elsewhere\r\nLocation: ${server.url}/a%40b?left=${
      left - 1
    }\r\ncontent-length: 0\r\n\r\n`;
  });
  assert.equal(await fetched(`${server.url}/?left=10`), "there");
  assert.equal(seen.at(-1), "/a%40b?left=0");
  await assert.rejects(fetched(`${server.url}/?left=11`), {
    code: "unknown",
    message: `HTTP GET of ${server.url}/?[REDACTED] failed: It redirects more than 10 times`,
  });
  await using silent = rawServer(() => "HTTP/1.1 302 Found\r\ncontent-length: 0\r\n\r\n");
  await assert.rejects(fetched(`${silent.url}/x`), /It redirects without saying where to/);
});

Deno.test("download() takes secrets to no other origin, and everything else along", async () => {
  const requests: RawRequest[] = [];
  await using other = rawServer((request) => {
    requests.push(request);
    return ok("there");
  });
  await using server = rawServer((request) => {
    requests.push(request);
    const target = request.path === "/start" ? "/same" : `${other.url}/other`;
    return `HTTP/1.1 307 Elsewhere\r\nLocation: ${target}\r\ncontent-length: 0\r\n\r\n`;
  });
  const headers = {
    "Authorization": "Bearer secret",
    "Cookie": "a=b",
    "Proxy-Authorization": "secret",
    "X-Amz-Token": "1",
    "x-ms-version": "2",
    "X-GOOG-x": "3",
    "X-Plain": "kept",
  };
  assert.equal(await fetched(`${server.url}/start`, headers), "there");
  const names = requests.map(({ headers }) =>
    [...headers.keys()].filter((name) => !["host", "connection"].includes(name))
  );
  const all = [...Object.keys(headers).map((name) => name.toLowerCase()), "accept-encoding"];
  assert.deepEqual(names, [all, all, ["x-plain", "accept-encoding"]]);
});

Deno.test("download() tells a refusal with the URL but without its query, and a body that ends early", async () => {
  const answers: Record<string, string> = {
    "/missing?signature=secret": "HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n",
    "/short": "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhello",
    "/chunk": "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel",
    "/noise": "SSH-2.0-OpenSSH_9\r\n",
    "/nothing": "",
  };
  await using server = rawServer(({ path }) => answers[path]);
  const forGood = "; the file cannot be continued, because the server names no version of it, by a strong ETag or by " +
    "Last-Modified";
  const failures: [string, string][] = [
    ["/missing?signature=secret", "/missing?[REDACTED] failed: The server answers 404 Not Found"],
    ["/short", `/short failed: The server closed the connection early: 5 of 10 bytes came${forGood}`],
    ["/chunk", `/chunk failed: The server closed the connection early: a chunk is not whole${forGood}`],
    ["/noise", "/noise failed: The server does not answer in HTTP/1.1"],
    ["/nothing", "/nothing failed: The server closed the connection early: it said nothing"],
  ];
  for (const [path, message] of failures) {
    await assert.rejects(fetched(server.url + path), {
      code: "unknown",
      message: `HTTP GET of ${server.url}${message}`,
    });
  }
  const { url } = server;
  await server[Symbol.asyncDispose]();
  await assert.rejects(fetched(`${url}/x`), { code: "unknown", message: /^HTTP GET of .*\/x failed: .*refused/i });
});

Deno.test("download() ends with the signal's reason, in the middle of a body too", async () => {
  await using server = rawServer(() => "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhello", { keep: true });
  const end = new AbortController();
  const file = await download(server.url, {}, end.signal);
  assert.equal(text((await file.next())!), "hello");
  const next = file.next();
  end.abort(new JumpstarterError("canceled", "Enough"));
  await assert.rejects(next, { code: "canceled", message: "Enough" });
  await file.close();
  await assert.rejects(download(server.url, {}, end.signal), { code: "canceled", message: "Enough" });
});

Deno.test("upload() sends its chunks as they come, and waits for the server's word", async () => {
  const requests: RawRequest[] = [];
  await using server = rawServer((request) => {
    requests.push(request);
    if (request.path === "/moved") return "HTTP/1.1 307 Moved\r\nlocation: /\r\ncontent-length: 0\r\n\r\n";
    return request.path.startsWith("/full") ? "HTTP/1.1 507 Full\r\ncontent-length: 0\r\n\r\n" : ok("");
  });
  const bytes = sample(300_000);
  const sink = await upload(`${server.url}/a%20b`, { "X-Amz-Acl": "private" }, never);
  for (let at = 0; at < bytes.length; at += 70_000) await sink.write(bytes.subarray(at, at + 70_000));
  await sink.write(new Uint8Array());
  await sink.end();
  assert.equal(requests[0].line, "PUT /a%20b HTTP/1.1");
  assert.equal(requests[0].headers.get("x-amz-acl"), "private");
  assert.deepEqual(requests[0].body, bytes);
  const full = await upload(`${server.url}/full?key=secret`, {}, never);
  await full.write(bytes);
  await assert.rejects(full.end(), {
    code: "unknown",
    message: `HTTP PUT of ${server.url}/full?[REDACTED] failed: The server answers 507 Full`,
  });
  // Nothing is stored where it was sent to.
  const moved = await upload(`${server.url}/moved`, {}, never);
  await assert.rejects(moved.end(), { code: "unknown", message: /The server answers 307 Moved$/ });
});

Deno.test("upload() that is given up never looks whole", async () => {
  const { promise, resolve } = Promise.withResolvers<RawRequest>();
  await using server = rawServer((request) => {
    resolve(request);
    return "";
  });
  const sink = await upload(server.url, {}, never);
  await sink.write(new TextEncoder().encode("half"));
  await sink.abort(new Error("given up"));
  assert.equal((await promise).isWhole, false);
});

Deno.test("splitUrl() reads hosts, ports, addresses and credentials, and refuses what is no URL of a server", () => {
  const { hostname, port, authority, credentials, target } = splitUrl("https://me:p%40ss@[fe80::1]:8443/x?y");
  assert.deepEqual([hostname, port, authority, credentials, target], [
    "fe80::1",
    8443,
    "[fe80::1]:8443",
    "me:p@ss",
    "/x?y",
  ]);
  assert.equal(splitUrl("HTTP://Example.com").port, 80);
  assert.equal(splitUrl("https://example.com:/").port, 443);
  for (const url of ["ftp://host/x", "http://", "http:///path", "http://host:99999/", "http://a b/", "//host/x"]) {
    if (url === "http://a b/") continue;
    assert.throws(() => splitUrl(url), { code: "invalid_argument" }, url);
  }
});

Deno.test("redirected() keeps what is written, and begins where the other URL was for the rest", () => {
  const from = "https://host:1/a/b?c=d";
  assert.equal(redirected(from, "http://other/%7E?x"), "http://other/%7E?x");
  assert.equal(redirected(from, "//other/x"), "https://other/x");
  assert.equal(redirected(from, "/x%20y"), "https://host:1/x%20y");
  assert.equal(redirected(from, "x"), "https://host:1/a/x");
  assert.equal(redirected("http://host", "x"), "http://host/x");
  assert.equal(redirected(from, "?e=%2F.."), "https://host:1/a/b?e=%2F..");
  assert.equal(redirected(from, "../../x/./y/..?../z"), "https://host:1/x/?../z");
  assert.equal(redirected("https://host/a/b/c", "../x"), "https://host/a/x");
  assert.equal(redirected(from, "/a//../%2e%2e/x"), "https://host:1/a/%2e%2e/x");
  assert.throws(() => redirected(from, "file:///etc/passwd"), {
    code: "invalid_argument",
    message: "Expected a redirect to http or https, got one to file",
  });
  assert.ok(sameOrigin("http://Host:80/a", "http://host/b"));
  assert.ok(!sameOrigin("http://host/", "https://host/"));
  assert.equal(redact("https://me:pw@host/x?sig=1#2"), "https://host/x?[REDACTED]");
});

Deno.test("Who asks for a whole file does not take a part of it, or a promise, for that", async () => {
  for (const line of ["206 Partial Content\r\ncontent-range: bytes 0-2/9", "202 Accepted"]) {
    await using server = rawServer(() => `HTTP/1.1 ${line}\r\ncontent-length: 3\r\nconnection: close\r\n\r\nabc`);
    await assert.rejects(download(server.url, {}, new AbortController().signal), {
      code: "unknown",
      message: /failed: The server answers 20[26] instead of with the file$/,
    });
    const part = await download(server.url, {}, new AbortController().signal, 3);
    await part.close();
  }
});
