/** Files in a bucket, at a server that is not ours. @module */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import opendal from "../../drivers/opendal/mod.ts";
import { serve } from "../../mod.ts";
import { collector, sample, sourceOfBytes } from "../payload.ts";
import { type S3Server, s3Test } from "../s3_server.ts";
import { rawServer } from "../streams/http1/raw_server.ts";

const open = ({ endpoint, bucket, region, keys }: S3Server, more: Record<string, string> = {}) =>
  serve(opendal, { scheme: "s3", kwargs: { endpoint, bucket, region, ...keys, ...more } });

const hashOf = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");

s3Test("A file of a bucket is written in one piece or in parts, read, told of, copied and removed", async (server) => {
  await using storage = await open(server, { root: "/lab/" });
  for (const size of [0, 5, 8 * 1024 * 1024, 8 * 1024 * 1024 + 1, 20_000_000]) {
    const content = sample(size);
    const path = `a b/${size} +'(ü)~.img`;
    await storage.put({ path, source: { bytes: sourceOfBytes(content, 1_000_003) } });
    const { content_length, etag, mode } = await storage.stat({ path });
    assert.deepEqual([content_length, mode.entry_is_file], [size, true]);
    // The ETag of a file in parts says how many.
    assert.match(etag!, size > 8 * 1024 * 1024 ? /^"[0-9a-f]{32}-[23]"$/ : /^"[0-9a-f]{32}"$/);
    assert.equal(await storage.hash({ path, algo: "sha256" }), hashOf(content));
    const sink = collector();
    await storage.get({ path, target: { bytes: sink } });
    assert.equal(hashOf(sink.bytes), hashOf(content));
  }
  await storage.copy({ source: "a b/5 +'(ü)~.img", target: "copy of ü" });
  assert.equal((await storage.stat({ path: "copy of ü" })).content_length, 5);
  const keys = JSON.parse(
    await server.python(`print(json.dumps([it["Key"] for it in s3.list_objects_v2(Bucket="images")["Contents"]]))`),
  );
  assert.equal(keys.length, 6);
  assert.ok(keys.includes("lab/copy of ü"), keys.join());
  const listed = await Array.fromAsync(storage.scan({ path: "/" }));
  assert.deepEqual(listed.map((path) => `lab/${path}`).sort(), keys.sort());
  await storage.removeAll({ path: "a b/" });
  assert.deepEqual(await Array.fromAsync(storage.scan({ path: "/" })), ["copy of ü"]);
  await assert.rejects(
    storage.rename({ source: "copy of ü", target: "x" }),
    /Unsupported: The service s3 has no rename/,
  );
  await assert.rejects(storage.copy({ source: "nothing", target: "x" }), { code: "unknown" });
});

s3Test("A file is read as it is stored, whatever the bucket says of its encoding", async (server) => {
  const made = `import gzip; archive = gzip.compress(b"log " * 1000)
s3.put_object(Bucket="images", Key="a.gz", Body=archive, ContentEncoding="gzip"); print(archive.hex())`;
  const archive = await server.python(made);
  await using storage = await open(server);
  assert.equal((await storage.stat({ path: "a.gz" })).content_length, archive.length / 2);
  const sink = collector();
  await storage.get({ path: "a.gz", target: { bytes: sink } });
  assert.equal(sink.bytes.toHex(), archive);
});

s3Test("A folder with more files than one answer lists is listed whole", async (server) => {
  await server.python(`for number in range(1003): s3.put_object(Bucket="images", Key=f"many/{number:04}/f", Body=b"")`);
  await using storage = await open(server);
  assert.equal((await Array.fromAsync(storage.scan({ path: "many/" }))).length, 1003);
  const folders = await Array.fromAsync(storage.list({ path: "many/" }));
  assert.deepEqual([folders.length, folders[0], folders.at(-1)], [1003, "many/0000/", "many/1002/"]);
});

s3Test("Presigned requests work for whoever has them, and are those of Amazon's own client", async (server) => {
  await using storage = await open(server);
  const content = sample(1_000);
  const path = "a b/ü+1.img";
  const write = await storage.presignWrite({ path, expireSecond: 60 });
  assert.deepEqual([write.method, write.headers], ["PUT", {}]);
  assert.ok((await fetch(write.url, { method: "PUT", body: content })).ok);
  const read = await storage.presignRead({ path, expireSecond: 60 });
  assert.deepEqual(new Uint8Array(await (await fetch(read.url)).arrayBuffer()), content);
  const stat = await storage.presignStat({ path, expireSecond: 60 });
  const told = await fetch(stat.url, { method: stat.method });
  assert.equal(told.headers.get("content-length"), "1000");
  await told.body?.cancel();
  for (const [{ url }, call] of [[write, "put_object"], [read, "get_object"], [stat, "head_object"]] as const) {
    const ours = new URL(url).searchParams;
    const theirs = new URL(
      await server.python(`
import datetime
from unittest import mock
then = datetime.datetime.strptime("${ours.get("X-Amz-Date")}", "%Y%m%dT%H%M%SZ").replace(tzinfo=datetime.timezone.utc)
with mock.patch("botocore.auth.get_current_datetime", lambda *_, **__: then):
    print(s3.generate_presigned_url("${call}", Params={"Bucket": "images", "Key": "${path}"}, ExpiresIn=60))
`),
    ).searchParams;
    theirs.sort();
    ours.sort();
    assert.equal(ours.toString(), theirs.toString());
  }
});

s3Test("A wrong key and a bucket that is not there are told, with no secret in the words", async (server) => {
  const secret = "not-the-secret";
  await using wrong = await open(server, { secret_access_key: secret });
  const told = (error: Error) => {
    assert.match(error.message, /^PermissionDenied: (?:HEAD|PUT|GET) of .*: /);
    assert.ok(!error.message.includes(secret) && !error.message.includes("Signature="), error.message);
    return true;
  };
  await assert.rejects(wrong.stat({ path: "x" }), told);
  await assert.rejects(wrong.put({ path: "x", source: { bytes: sourceOfBytes(sample(10)) } }), told);
  await assert.rejects(Array.fromAsync(wrong.list({ path: "/" })), told);
  await using elsewhere = await open(server, { bucket: "nowhere" });
  await assert.rejects(Array.fromAsync(elsewhere.list({ path: "/" })), /Unexpected: GET of the bucket: NoSuchBucket: /);
});

s3Test("Parts of a file that does not come to its end are removed from the bucket", async (server) => {
  await using storage = await open(server);
  const start = sourceOfBytes(sample(17_000_000), 1_000_000);
  const bytes = { next: async () => await start.next() ?? await Promise.reject(new Error("The stick is out")) };
  await assert.rejects(storage.put({ path: "half", source: { bytes } }), /The stick is out/);
  assert.equal(await storage.exists({ path: "half" }), false);
  const left = `print(len(s3.list_multipart_uploads(Bucket="images").get("Uploads", [])))`;
  assert.equal(await server.python(left), "0");
});

s3Test(
  "A file that does not come to its end, or that nobody closes, leaves the one before as it is",
  async (server) => {
    const good = sample(9_000_000);
    {
      await using storage = await open(server);
      await storage.put({ path: "os.img", source: { bytes: sourceOfBytes(good) } });
      for (const size of [10, 9_500_000]) {
        const start = sourceOfBytes(sample(size));
        const bytes = { next: async () => await start.next() ?? await Promise.reject(new Error("The stick is out")) };
        await assert.rejects(storage.put({ path: "os.img", source: { bytes } }), /The stick is out/);
        const fd = await storage.open({ path: "os.img", mode: "wb" });
        await storage.fileWrite({ fd, src: { bytes: sourceOfBytes(sample(size)) } });
      }
      for (let count = 0; count < 20; count++) {
        const bytes = { next: () => Promise.reject(new Error("gone")) };
        await assert.rejects(storage.put({ path: "other", source: { bytes } }), /gone/);
      }
    }
    await using storage = await open(server);
    assert.equal(await storage.hash({ path: "os.img", algo: "sha256" }), hashOf(good));
    assert.equal(await storage.exists({ path: "other" }), false);
  },
);

Deno.test("A file is not there when the service fails at one of its parts, or at the end with a status of success", async () => {
  const seen: string[] = [];
  const xml = (body: string) => `HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: ${body.length}\r\n\r\n${body}`;
  const error = "<Error><Code>InternalError</Code><Message>Try again</Message></Error>";
  let fails = "part";
  await using server = rawServer(({ line }) => {
    const [method, target] = line.split(" ");
    seen.push(`${method} ${target}`);
    if (target.endsWith("?uploads=")) {
      return xml("<InitiateMultipartUploadResult><UploadId>u/1</UploadId></InitiateMultipartUploadResult>");
    }
    if (method === "DELETE") return "HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n";
    if (method === "POST") return xml(error);
    if (fails === "part") {
      return `HTTP/1.1 500 Sorry\r\nconnection: close\r\ncontent-length: ${error.length}\r\n\r\n${error}`;
    }
    return 'HTTP/1.1 200 OK\r\nconnection: close\r\netag: "1"\r\ncontent-length: 0\r\n\r\n';
  });
  const kwargs = { endpoint: server.url, bucket: "b", region: "r", access_key_id: "a", secret_access_key: "s" };
  await using storage = await serve(opendal, { scheme: "s3", kwargs });
  for (fails of ["part", "end"]) {
    const fd = await storage.open({ path: "f", mode: "wb" });
    const source = { bytes: sourceOfBytes(new Uint8Array(9_000_000), 1_000_000) };
    const write = async () => {
      await storage.fileWrite({ fd, src: source });
      await storage.fileClose({ fd });
    };
    await assert.rejects(write(), {
      code: "unknown",
      message: /Unexpected: (?:PUT|POST) of f: InternalError: Try again$/,
    });
    await storage.fileClose({ fd });
    assert.equal(seen.at(-1), "DELETE /b/f?uploadId=u%2F1");
  }
});

Deno.test("A service that is busy is asked again, and not for ever", async () => {
  let [busy, asked] = [0, 0];
  await using server = rawServer(({ line }) => {
    asked++;
    const body = line.startsWith("GET") ? "content" : "";
    const head = `connection: close\r\ncontent-length: ${line.startsWith("HEAD") ? 7 : body.length}\r\n\r\n`;
    return busy-- > 0
      ? "HTTP/1.1 503 Slow Down\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
      : `HTTP/1.1 200 OK\r\n${head}${body}`;
  });
  const kwargs = { endpoint: server.url, bucket: "b", region: "r", access_key_id: "a", secret_access_key: "s" };
  await using storage = await serve(opendal, { scheme: "s3", kwargs });
  busy = 2;
  assert.equal((await storage.stat({ path: "f" })).content_length, 7);
  busy = 2;
  await storage.put({ path: "f", source: { bytes: sourceOfBytes(new Uint8Array(5)) } });
  assert.equal(asked, 6);
  busy = Infinity;
  await assert.rejects(storage.delete({ path: "f" }), { code: "unknown", message: /: 503 / });
  await assert.rejects(storage.stat({ path: "f" }), { code: "unknown", message: /: 503 / });
  assert.equal(asked, 14);
});

Deno.test("A bucket needs a name, a region and keys, of the config or the environment", async () => {
  const s3 = (kwargs: Record<string, string>) => serve(opendal, { scheme: "s3", kwargs });
  await assert.rejects(s3({}), /kwargs.bucket/);
  await assert.rejects(s3({ bucket: "b", secret: "x" }), /kwargs/);
  const variables = [
    "AWS_REGION",
    "AWS_DEFAULT_REGION",
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
  ];
  const before = variables.map((name) => [name, Deno.env.get(name)] as const);
  try {
    for (const name of variables) Deno.env.delete(name);
    await assert.rejects(s3({ bucket: "b" }), /Expected access_key_id for s3, or AWS_ACCESS_KEY_ID in the environment/);
    Deno.env.set("AWS_ACCESS_KEY_ID", "id");
    Deno.env.set("AWS_SECRET_ACCESS_KEY", "secret");
    Deno.env.set("AWS_SESSION_TOKEN", "session");
    await assert.rejects(s3({ bucket: "b" }), /Expected region for s3, or AWS_REGION in the environment/);
    Deno.env.set("AWS_DEFAULT_REGION", "eu-north-1");
    const url = async (kwargs: Record<string, string>) => {
      await using storage = await s3({ bucket: "b", ...kwargs });
      return new URL((await storage.presignRead({ path: "x", expireSecond: 9 })).url);
    };
    const amazon = await url({});
    assert.deepEqual([amazon.host, amazon.pathname], ["s3.eu-north-1.amazonaws.com", "/b/x"]);
    assert.match(amazon.searchParams.get("X-Amz-Credential")!, /^id\/\d{8}\/eu-north-1\/s3\/aws4_request$/);
    assert.equal(amazon.searchParams.get("X-Amz-Security-Token"), "session");
    const hosted = await url({ enable_virtual_host_style: "true", access_key_id: "a", secret_access_key: "b" });
    assert.equal(hosted.host, "b.s3.eu-north-1.amazonaws.com");
    assert.equal(hosted.pathname, "/x");
    // The environment's session belongs to the environment's keys.
    assert.equal(hosted.searchParams.get("X-Amz-Security-Token"), null);
  } finally {
    for (const [name, value] of before) value === undefined ? Deno.env.delete(name) : Deno.env.set(name, value);
  }
});
