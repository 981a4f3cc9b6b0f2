/** The commands of docs/flashing.md, executed as they stand there. @module */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import type { Codec } from "../../lib/core/codec.ts";
import { compress } from "../../lib/streams/codec/codec.ts";
import { allOf, concat, sample, sourceOfBytes } from "../payload.ts";
import { startRegistry } from "../registry.ts";
import { rawServer } from "../streams/http1/raw_server.ts";
import { linkNamesOf } from "./names.ts";
import { freePort, pageBlocks, type Served, serveLine, sh } from "./page.ts";
import { isolated, temporaryFolder } from "./program.ts";

const image = sample(500_000);
const sha256 = createHash("sha256").update(image).digest("hex");
const packed = async (codec: Codec) => await allOf(compress(codec, sourceOfBytes(image)));

Deno.test("the commands of docs/flashing.md do what the page says", async () => {
  using folder = temporaryFolder();
  const { path } = folder;
  const archive = await packed("xz");
  await Deno.writeFile(`${path}/os.img.xz`, archive);
  await Deno.writeFile(`${path}/root.img.zst`, await packed("zstd"));
  await Deno.writeFile(`${path}/boot.img`, image);
  folder.file(
    "boot.bmap",
    `<bmap version="2.0"><ImageSize>${image.length}</ImageSize><BlockSize>4096</BlockSize>
    <ChecksumType>sha256</ChecksumType><BlockMap><Range>0-${
      Math.ceil(image.length / 4096) - 1
    }</Range></BlockMap></bmap>`,
  );
  const page = await Deno.readTextFile(new URL("../../docs/flashing.md", import.meta.url));
  const [, config] = /^```yaml\n# bench.yaml\n([\s\S]*?)^```$/m.exec(page)!;
  folder.file("bench.yaml", config);
  await using server = rawServer(() => {
    const head = `HTTP/1.1 200 OK\r\ncontent-length: ${archive.length}\r\n\r\n`;
    return concat([new TextEncoder().encode(head), archive]);
  });
  await using registry = startRegistry();
  const layer = registry.blob(archive, undefined, "os.img.xz");
  registry.manifest("acme/os", { layers: [layer] }, "1.2");
  registry.manifest("acme/boards", { layers: [registry.blob(image, undefined, "boot.img"), layer] }, "1.2");
  const port = freePort();
  const local = (text: string) =>
    text.replaceAll(":7000", `:${port}`).replaceAll("https://images.example.com", server.url)
      .replaceAll("oci://registry.example.com", `oci://${registry.host}`);
  const env = {
    ...isolated(),
    PATH: `${linkNamesOf(path)}:${Deno.env.get("PATH")}`,
    XDG_STATE_HOME: `${path}/state`,
    JUMPSTARTER_HOST: `127.0.0.1:${port}`,
  };
  let exporter: Served | undefined;
  await using stack = new AsyncDisposableStack();
  stack.defer(() => exporter?.stop());
  let flashed = 0;
  for (const { commands, serving } of await pageBlocks("flashing.md")) {
    if (commands.trim()) {
      const { code, stdout, stderr } = await sh(local(commands), path, env).output();
      const said = new TextDecoder().decode(stdout);
      assert.equal(code, 0, `${local(commands)}${said}${new TextDecoder().decode(stderr)}`);
      const proofs = said.match(
        /^(?:.*: )?Wrote (?:\d+ of )?\d+ bytes, SHA-256 \w+, (?:read back and the same|not read back|what the bmap .* is the same)$|^Nothing was written.*$|^\{"target":.*$/gm,
      ) ?? [];
      for (const proof of proofs) assert.ok(proof.includes(sha256), proof);
      flashed += proofs.length;
    }
    if (!serving) continue;
    exporter = await serveLine(local(serving), path, env);
  }
  // What was left to the exporter may have ended before somebody asked.
  assert.ok(flashed === 18 || flashed === 19, `${flashed} proofs`);
  assert.deepEqual(await Deno.readFile(`${path}/copy.img.xz`), archive);
  assert.deepEqual(await Deno.readFile(`${path}/root.img`), image);
});
