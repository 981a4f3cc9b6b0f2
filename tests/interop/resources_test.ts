/** Flashing across the two programs, in both directions. @module */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { codecs } from "../../lib/core/codec.ts";
import { compress, decompress } from "../../lib/streams/codec/codec.ts";
import { allOf, collector, concat, sample, sourceOfBytes } from "../payload.ts";
import { startPythonExporter } from "./python_exporter.ts";
import { startExporter, temporaryFolder } from "../system/program.ts";
import { connect, flasher, storage, storageMux, storageMuxFlasher } from "../../mod.ts";
import { slowLink } from "../slow_link.ts";
import { rawServer } from "../streams/http1/raw_server.ts";
import { peerTest, pythonPeer, runPython } from "./python.ts";

const opendal = "jumpstarter_driver_opendal.driver";
const config = `
apiVersion: jumpstarter.dev/v1alpha1
kind: ExporterConfig
metadata: { namespace: default, name: resources }
export:
  flasher: { type: ${opendal}.MockFlasher }
  mux: { type: ${opendal}.MockStorageMux }
  sd: { type: ${opendal}.MockStorageMuxFlasher }
  store: { type: ${opendal}.Opendal, config: { scheme: memory, kwargs: {} } }
`;

const image = sample(3 * 1024 * 1024 + 5);
const hashOf = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");
const peer = await pythonPeer("0.9.0");

/** The image and an archive of it for each codec, as files. */
async function imageFiles() {
  const folder = temporaryFolder();
  const path = `${folder.path}/image`;
  await Deno.writeFile(path, image);
  const archives: Record<string, string> = {};
  for (const codec of codecs) {
    archives[codec] = `${path}.${codec}`;
    await Deno.writeFile(archives[codec], await allOf(compress(codec, sourceOfBytes(image))));
  }
  return { path, archives, folder, [Symbol.dispose]: () => folder[Symbol.dispose]() };
}

for (const flavour of ["opendal", "core"]) {
  peerTest(
    peer,
    `Python's flasher client (${flavour}) flashes and dumps on our exporter, with each codec on both sides`,
    async (peer) => {
      using files = await imageFiles();
      await using exporter = await startExporter(files.folder.file("exporter.yaml", config));
      const script = await Deno.readTextFile(new URL("./resources.py", import.meta.url));
      const args = [files.path, JSON.stringify(files.archives), flavour];
      // Python's progress bars are on standard output as well.
      const printed = await runPython(peer, script, { host: exporter.address, args });
      const seen = JSON.parse(printed.trim().split("\n").at(-1)!);
      const expected: Record<string, string> = {};
      for (const [name, ending] of [["", ".dumped"], ["sd ", ".sd.dumped"]]) {
        expected[`${name}plain`] = hashOf(image);
        for (const codec of codecs) {
          expected[`${name}${codec} verbatim`] = hashOf(await Deno.readFile(files.archives[codec]));
          expected[`${name}${codec}`] = hashOf(image);
          const dumped = await Deno.readFile(`${files.archives[codec]}${ending}`);
          assert.equal(hashOf(await allOf(decompress(codec, sourceOfBytes(dumped)))), hashOf(image), codec);
        }
      }
      assert.deepEqual(seen, expected);
    },
  );
}

/** An address of this machine that is not the loopback's, as a bench elsewhere would have one. */
const own = Deno.networkInterfaces().find(({ family, address }) => family === "IPv4" && !address.startsWith("127."))
  ?.address;

for (const env of [{}, { JMP_DISABLE_COMPRESSION: "1" }] as Record<string, string>[]) {
  const title = `Python's exporter gets what shrinks over a link${own ? "" : " (no other address)"} ${
    JSON.stringify(env)
  }`;
  peerTest(own ? peer : undefined, title, async (peer) => {
    await using exporter = await startPythonExporter(peer, config, "tcp", undefined, env);
    const port = Number(exporter.host.split(":")[1]);
    await using slow = slowLink(port, { delayMs: 1, bytesPerSecond: 50e6 }, "0.0.0.0");
    await using board = await connect({ host: `${own}:${slow.port}`, plaintext: true }, { flasher });
    const shrinking = concat([new Uint8Array(1024 * 1024), image]);
    await board.flasher.flash({ source: { bytes: sourceOfBytes(shrinking, 65_536), size: shrinking.length } });
    const sink = collector();
    await board.flasher.dump({ target: { bytes: sink } });
    assert.equal(hashOf(sink.bytes), hashOf(shrinking));
    const isPacked = slow.carried < 0.7 * shrinking.length;
    assert.equal(isPacked, !("JMP_DISABLE_COMPRESSION" in env), `${slow.carried} bytes`);
  });
}

for (const [title, env] of [["", {}], [" that says it takes no codec", { JMP_DISABLE_COMPRESSION: "1" }]] as const) {
  peerTest(peer, `Our client flashes and dumps on Python's exporter${title}, with each codec`, async (peer) => {
    await using exporter = await startPythonExporter(peer, config, "tcp", undefined, env);
    await using board = await connect({ host: exporter.host }, { flasher, mux: storageMux, sd: storageMuxFlasher });
    const source = (bytes: Uint8Array) => ({ bytes: sourceOfBytes(bytes, 65_536) });
    const dumped = async (partition?: string) => {
      const sink = collector();
      await board.flasher.dump({ target: { bytes: sink }, partition });
      assert.equal(sink.state, "ended");
      return hashOf(sink.bytes);
    };
    assert.equal(await board.flasher.flash({ source: source(image) }), null);
    assert.equal(await dumped(), hashOf(image));
    for (const codec of codecs) {
      const archive = await allOf(compress(codec, sourceOfBytes(image)));
      await board.flasher.flash({ source: source(archive), target: "verbatim" });
      assert.equal(await dumped("verbatim"), hashOf(archive));
      await board.flasher.flash({ source: { ...source(archive), contentEncoding: codec }, target: codec });
      assert.equal(await dumped(codec), hashOf(image), codec);
      const sink = collector();
      await board.flasher.dump({ target: { bytes: sink, contentEncoding: codec }, partition: codec });
      assert.equal(hashOf(await allOf(decompress(codec, sourceOfBytes(sink.bytes)))), hashOf(image), codec);
      const [medium, packed] = [collector(), collector()];
      await board.sd.flash({ source: { ...source(archive), contentEncoding: codec } });
      await board.sd.dump({ target: { bytes: medium } });
      assert.equal(hashOf(medium.bytes), hashOf(image), codec);
      await board.mux.write({ src: { ...source(archive), contentEncoding: codec } });
      await board.mux.read({ dst: { bytes: packed, contentEncoding: codec } });
      assert.equal(hashOf(await allOf(decompress(codec, sourceOfBytes(packed.bytes)))), hashOf(image), codec);
    }
    await assert.rejects(board.flasher.dump({ target: { bytes: collector() }, partition: "nothing" }), {
      code: "unknown",
      phase: "driver",
    });
  });
}

/** Serves the image behind two redirects, the second one with a signature that must not be touched. */
function imageServer() {
  const seen: string[] = [];
  const uploads: Uint8Array[] = [];
  const server = rawServer(({ line, path, body }) => {
    seen.push(line.replace(" HTTP/1.1", ""));
    if (line.startsWith("PUT")) {
      uploads.push(body);
      return "HTTP/1.1 201 Created\r\ncontent-length: 0\r\n\r\n";
    }
    const next = { "/start": "/next", "/next": "/im%40ge?sig=a%2Bb%7E" }[path];
    if (next) return `HTTP/1.1 302 Found\r\nLocation: ${server.url}${next}\r\ncontent-length: 0\r\n\r\n`;
    if (!path.includes("/im%40ge")) return "HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n";
    const head = `HTTP/1.1 200 OK\r\ncontent-length: ${image.length}\r\n\r\n`;
    return concat([new TextEncoder().encode(head), image]);
  });
  return { server, seen, uploads };
}

const fetched = ["GET /start", "GET /next", "GET /im%40ge?sig=a%2Bb%7E"];

peerTest(peer, "A URL of Python's client is fetched and uploaded to by our exporter", async (peer) => {
  const { server, seen, uploads } = imageServer();
  await using _ = server;
  using folder = temporaryFolder();
  await using exporter = await startExporter(folder.file("exporter.yaml", config));
  const script = `
import hashlib, sys
from jumpstarter.client.flasher import FlasherClient
from jumpstarter.utils.env import env
url, out = sys.argv[1:]
with env() as client:
    client.flasher.flash(url + "/start")
    client.flasher.dump(out)
    client.sd.flash(url + "/start")
    client.mux.read_local_file(out + ".mux")
    client.mux.host(); client.mux.write_local_file(out); client.mux.dut(); client.mux.off()
    client.mux.read_local_file(out + ".mux")
    for path in [out, out + ".mux"]:
        print("hash", hashlib.sha256(open(path, "rb").read()).hexdigest())
    client.flasher.__class__ = FlasherClient
    client.flasher.dump(url + "/up?sig=1")
    try:
        client.flasher.flash(url + "/missing?sig=secret")
    except Exception as error:
        print("error", error)
`;
  const args = [server.url, `${folder.path}/out`];
  const printed = await runPython(peer, script, { host: exporter.address, args });
  const lines = printed.split("\n").filter((line) => /^(hash|error) /.test(line));
  assert.deepEqual(lines, [
    `hash ${hashOf(image)}`,
    `hash ${hashOf(image)}`,
    "error DriverCall 'flash' failed with gRPC UNKNOWN: " +
    `HTTP GET of ${server.url}/missing?[REDACTED] failed: The server answers 404 Not Found`,
  ]);
  assert.deepEqual(seen, [...fetched, ...fetched, "PUT /up?sig=1", "GET /missing?sig=secret"]);
  assert.deepEqual(uploads.map(hashOf), [hashOf(image)]);
});

peerTest(
  peer,
  "What an operator of Python's client holds reaches our exporter, presigned or streamed",
  async (peer) => {
    const { server, seen } = imageServer();
    await using _ = server;
    using files = await imageFiles();
    await using exporter = await startExporter(files.folder.file("exporter.yaml", config));
    const script = `
import hashlib, sys
from opendal import Operator
from jumpstarter.streams.encoding import Compression
from jumpstarter.utils.env import env
url, image, archive, out = sys.argv[1:]
s3 = Operator("s3", bucket="bucket", root="/", endpoint=url, region="x", access_key_id="id", secret_access_key="secret")
memory = Operator("memory")
memory.write("image", open(image, "rb").read())
memory.write("archive", open(archive, "rb").read())
def tell(name, data):
    print("hash", name, hashlib.sha256(data).hexdigest())
with env() as client:
    for name, args in [("s3", dict(operator=s3)), ("memory", dict(operator=memory))]:
        path = "im@ge" if name == "s3" else "image"
        client.flasher.flash(path, **args)
        client.flasher.dump(out)
        tell(f"flasher {name}", open(out, "rb").read())
        client.sd.flash(path, **args)
        client.sd.dump(out)
        tell(f"sd {name}", open(out, "rb").read())
        client.store.write_from_path("file", path, operator=args["operator"])
        tell(f"store {name}", client.store.read_bytes("file"))
        client.mux.write_file(args["operator"], path)
        client.mux.read_file(memory, "back")
        tell(f"mux {name}", bytes(memory.read("back")))
    client.flasher.flash("archive", operator=memory, compression=Compression.XZ)
    client.flasher.dump("dumped", operator=memory)
    tell("flasher archive", bytes(memory.read("dumped")))
    client.store.read_into_path("file", "got", operator=memory)
    tell("store got", bytes(memory.read("got")))
`;
    const args = [server.url, files.path, files.archives.xz, `${files.folder.path}/out`];
    const printed = await runPython(peer, script, { host: exporter.address, args });
    const lines = printed.split("\n").filter((line) => line.startsWith("hash "));
    const names = ["s3", "memory"].flatMap((name) => ["flasher", "sd", "store", "mux"].map((who) => `${who} ${name}`));
    assert.deepEqual(
      lines,
      [...names, "flasher archive", "store got"].map((name) => `hash ${name} ${hashOf(image)}`),
    );
    const fetched = seen.filter((line) => line.startsWith("GET "));
    assert.equal(fetched.length, 4);
    for (const line of fetched) assert.match(line, /^GET \/bucket\/im%40ge\?X-Amz-/);
  },
);

peerTest(
  peer,
  "Python's exporter fetches a URL of our client, and refuses what it cannot do with one",
  async (peer) => {
    // It does not upload: it waits for the server's answer before it lets the driver write anything.
    const { server, seen } = imageServer();
    await using _ = server;
    await using exporter = await startPythonExporter(peer, config, "tcp");
    await using board = await connect({ host: exporter.host }, { flasher });
    const url = `${server.url}/start`;
    await board.flasher.flash({ source: { url } });
    assert.deepEqual(seen.splice(0), fetched);
    const sink = collector();
    await board.flasher.dump({ target: { bytes: sink } });
    assert.equal(hashOf(sink.bytes), hashOf(image));
    // It would write the archive as it is, and must not.
    await assert.rejects(board.flasher.flash({ source: { url, contentEncoding: "gzip" } }), {
      code: "invalid_argument",
    });
  },
);

peerTest(peer, "Our clients of storage and of muxes work on Python's exporter", async (peer) => {
  await using exporter = await startPythonExporter(peer, config, "tcp");
  const want = { mux: storageMux, sd: storageMuxFlasher, store: storage };
  await using board = await connect({ host: exporter.host }, want);
  const source = () => ({ bytes: sourceOfBytes(image, 65_536) });
  const sinks = [collector(), collector(), collector()];
  assert.equal(await board.sd.flash({ source: source() }), null);
  await board.sd.dump({ target: { bytes: sinks[0] } });
  await board.mux.host();
  await board.mux.write({ src: source() });
  await board.mux.read({ dst: { bytes: sinks[1] } });
  await board.mux.off();
  await board.store.put({ path: "dir/image", source: source() });
  await board.store.get({ path: "dir/image", target: { bytes: sinks[2] } });
  for (const sink of sinks) assert.equal(hashOf(sink.bytes), hashOf(image));
  assert.equal(await board.store.hash({ path: "dir/image" }), hashOf(image));
  const { content_length, mode } = await board.store.stat({ path: "dir/image" });
  assert.deepEqual([content_length, mode], [image.length, { entry_is_file: true, entry_is_dir: false }]);
  assert.deepEqual(await Array.fromAsync(board.store.scan({ path: "/" })), ["dir/image"]);
  assert.deepEqual(await board.store.getCreatedResources(), ["dir/image"]);
  assert.equal((await board.store.capability()).presign, false);
  await board.store.delete({ path: "dir/image" });
  assert.equal(await board.store.exists({ path: "dir/image" }), false);
  await assert.rejects(board.store.get({ path: "nope", target: { bytes: collector() } }), { code: "unknown" });
});
