/** Images from web servers that have a certificate of a private authority, and cut connections. @module */
import assert from "node:assert/strict";
import { testAuthority } from "../certificates.ts";
import { noise, sha256 } from "../hardware/media.ts";
import { run, startExporter, temporaryFolder } from "./program.ts";

const image = noise(3_000_000);
const config = "metadata: {name: bench}\nexport: {emmc: {type: mock-flasher}}\n";

/** Serves the image by TLS. Each connection ends after a megabyte. */
async function tlsServer(folder: string) {
  const authority = await testAuthority(folder, "private");
  const { cert, key } = await authority.issue("web", ["localhost"]);
  const ranges: (string | null)[] = [];
  const server = Deno.serve({
    hostname: "127.0.0.1",
    port: 0,
    cert: Deno.readTextFileSync(cert),
    key: Deno.readTextFileSync(key),
    onListen() {},
  }, ({ headers }) => {
    const start = Number(/^bytes=(\d+)-/.exec(headers.get("range") ?? "")?.[1] ?? 0);
    ranges.push(headers.get("range"));
    const answer = new Headers({ etag: '"1"', "content-length": `${image.length - start}` });
    if (start > 0) answer.set("content-range", `bytes ${start}-${image.length - 1}/${image.length}`);
    // Less than was promised: the server ends the connection.
    const body = ReadableStream.from([image.slice(start, start + 1_000_000)]);
    return new Response(body, { status: start > 0 ? 206 : 200, headers: answer });
  });
  return {
    ca: authority.ca,
    ranges,
    url: `https://localhost:${server.addr.port}/os.img`,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

Deno.test("An image comes from a server with a private authority whose connections break, by the exporter and the client", async () => {
  using folder = temporaryFolder();
  await using server = await tlsServer(folder.path);
  const trusting = { SSL_CERT_FILE: server.ca };
  const file = folder.file("bench.yaml", config);
  const flash = (address: string, env: Record<string, string>, ...more: string[]) =>
    run(["client", "--host", address, "emmc", "flash", server.url, "--json", ...more], { env, limitMs: 60_000 });
  const parts = ["bytes=1000000-", "bytes=2000000-"];
  {
    await using exporter = await startExporter(file, [], { env: trusting });
    for (const from of ["exporter", "client"]) {
      server.ranges.length = 0;
      const { code, stdout, stderr } = await flash(exporter.address, trusting, "--from", from);
      assert.equal(code, 0, stderr);
      const { written } = JSON.parse(stdout.trim().split("\n").at(-1)!);
      assert.deepEqual([written.bytes, written.sha256ReadBack], [image.length, sha256(image)]);
      assert.deepEqual(server.ranges, from === "exporter" ? ["bytes=0-5", null, ...parts] : [null, ...parts]);
    }
  }
  await using exporter = await startExporter(file);
  for (const env of [trusting, {}] as Record<string, string>[]) {
    const { code, stderr } = await flash(exporter.address, env);
    assert.equal(code, 1);
    assert.match(stderr, /HTTP GET of https:\/\/localhost:\d+\/os.img failed: .*certificate.*UnknownIssuer/);
  }
});
