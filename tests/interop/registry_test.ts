/** Images that skopeo has pushed into a registry, with the login that skopeo keeps. @module */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { compress } from "../../lib/streams/codec/codec.ts";
import { allOf, sample, sourceOfBytes } from "../payload.ts";
import { type Descriptor, manifestType, startRegistry } from "../registry.ts";
import { run, startExporter, temporaryFolder } from "../system/program.ts";
import { isInstalled } from "../system/terminal.ts";

const image = sample(400_000);
const hashOf = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");
const hasSkopeo = await isInstalled("skopeo");

/** Writes an artifact as the folder that skopeo reads. */
async function writeLayout(folder: string, files: Record<string, Uint8Array>): Promise<void> {
  await Deno.mkdir(`${folder}/blobs/sha256`, { recursive: true });
  const blob = async (
    bytes: Uint8Array,
    mediaType: string,
    annotations?: Record<string, string>,
  ): Promise<Descriptor> => {
    await Deno.writeFile(`${folder}/blobs/sha256/${hashOf(bytes)}`, bytes);
    return { mediaType, digest: `sha256:${hashOf(bytes)}`, size: bytes.length, annotations };
  };
  const json = (value: object) => new TextEncoder().encode(JSON.stringify(value));
  const config = await blob(json({}), "application/vnd.oci.empty.v1+json");
  const layers = await Promise.all(
    Object.entries(files).map(([name, bytes]) =>
      blob(bytes, "application/octet-stream", { "org.opencontainers.image.title": name })
    ),
  );
  const manifest = await blob(json({ schemaVersion: 2, mediaType: manifestType, config, layers }), manifestType);
  const named = { ...manifest, annotations: { "org.opencontainers.image.ref.name": "1" } };
  await Deno.writeFile(`${folder}/index.json`, json({ schemaVersion: 2, manifests: [named] }));
  await Deno.writeFile(`${folder}/oci-layout`, json({ imageLayoutVersion: "1.0.0" }));
}

async function skopeo(...args: string[]): Promise<void> {
  const { success, stderr } = await new Deno.Command("skopeo", { args, stdin: "null", stdout: "null" }).output();
  assert.ok(success, new TextDecoder().decode(stderr));
}

Deno.test({
  name: `An artifact that skopeo has pushed is flashed, with the login of skopeo${hasSkopeo ? "" : " (no skopeo)"}`,
  ignore: !hasSkopeo,
  async fn() {
    using folder = temporaryFolder();
    await using registry = startRegistry({ login: "me:secret", redirects: true });
    const archive = await allOf(compress("zstd", sourceOfBytes(image)));
    await writeLayout(`${folder.path}/layout`, { "boot.img": image.subarray(0, 1_000), "os.img.zst": archive });
    const auth = `${folder.path}/auth.json`;
    await skopeo("login", "--authfile", auth, "--tls-verify=false", "-u", "me", "-p", "secret", registry.host);
    const target = `docker://${registry.host}/acme/os:1`;
    const push = ["--insecure-policy", "copy", "--authfile", auth, "--dest-tls-verify=false"];
    await skopeo(...push, `oci:${folder.path}/layout:1`, target);
    await using exporter = await startExporter(
      folder.file("b.yaml", "metadata: {name: b}\nexport: {emmc: {type: mock-flasher}}\n"),
    );
    const flash = (word: string, ...more: string[]) =>
      run(["client", "--host", exporter.address, "emmc", "flash", word, "--json", ...more], {
        env: { REGISTRY_AUTH_FILE: auth },
      });
    const place = `oci://${registry.host}/acme/os:1`;
    for (const from of ["exporter", "client"]) {
      const { code, stdout, stderr } = await flash(`${place}#os.img.zst`, "--from", from);
      assert.equal(code, 0, stderr);
      const { written } = JSON.parse(stdout.trim().split("\n").at(-1)!);
      assert.deepEqual([written.bytes, written.sha256ReadBack], [image.length, hashOf(image)]);
    }
    const { code, stderr } = await flash(place);
    assert.equal(code, 2);
    assert.match(stderr, /has 2 files: boot.img, os.img.zst/);
    assert.ok(!registry.seen.some((line) => line.startsWith("elsewhere ") && !line.startsWith("elsewhere bytes=")));
  },
});
