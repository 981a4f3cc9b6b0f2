/** Images on their way over a slow link: compressed by zstd where that helps, whatever the file is. @module */
import assert from "node:assert/strict";
import { connect, flasher } from "../../mod.ts";
import { noise, sha256 } from "../hardware/media.ts";
import { sourceOfBytes } from "../payload.ts";
import { type SlowLink, slowLink } from "../slow_link.ts";
import { sshdTest, startSshd } from "../sshd.ts";
import { linkNamesOf } from "./names.ts";
import { run, startExporter, temporaryFolder } from "./program.ts";

const link = { delayMs: 10, bytesPerSecond: 10e6 };
const config = "metadata: {name: bench}\nexport: {emmc: {type: mock-flasher}}\n";
const size = 10_000_000;

/** An image of which every other block is empty, as those of file systems are. */
const image = noise(size);
for (let at = 0; at < size; at += 8_192) image.fill(0, at, at + 4_096);

/** An address of this machine that is not the loopback's. */
const own = Deno.networkInterfaces().find(({ family, address }) => family === "IPv4" && !address.startsWith("127."))
  ?.address;

/** Flashes over a link, and tells how many bytes went over it. */
async function flashed(at: SlowLink, hostname: string, bytes: Uint8Array): Promise<number> {
  const before = at.carried;
  await using board = await connect({ host: `${hostname}:${at.port}`, plaintext: true }, { emmc: flasher });
  const proof = await board.emmc.flash({ source: { bytes: sourceOfBytes(bytes, 64 * 1024), size: bytes.length } });
  assert.deepEqual(proof, { bytes: bytes.length, sha256: sha256(bytes), verified: "read-back" });
  return at.carried - before;
}

Deno.test({
  name: `An image is compressed over a link where it shrinks, and never on the loopback${
    own ? "" : " (no other address)"
  }`,
  ignore: !own,
  async fn() {
    using folder = temporaryFolder();
    await using exporter = await startExporter(folder.file("bench.yaml", config));
    await using slow = slowLink(Number(exporter.address.split(":")[1]), link, "0.0.0.0");
    const shrinking = await flashed(slow, own!, image);
    assert.ok(shrinking < 0.55 * size, `${shrinking} bytes`);
    for (const [hostname, bytes] of [["127.0.0.1", image], [own!, noise(size)]] as const) {
      const whole = await flashed(slow, hostname, bytes);
      assert.ok(whole > size && whole < 1.02 * size, `${whole} bytes to ${hostname}`);
    }
    // Too short to be worth it.
    assert.ok(await flashed(slow, own!, new Uint8Array(60_000)) > 60_000);
  },
});

Deno.test({
  name: `An exporter that is told to take no codec gets the image as it is${own ? "" : " (no other address)"}`,
  ignore: !own,
  async fn() {
    using folder = temporaryFolder();
    const env = { JMP_DISABLE_COMPRESSION: "1" };
    await using exporter = await startExporter(folder.file("bench.yaml", config), [], { env });
    await using slow = slowLink(Number(exporter.address.split(":")[1]), link, "0.0.0.0");
    const whole = await flashed(slow, own!, image);
    assert.ok(whole > size && whole < 1.02 * size, `${whole} bytes`);
  },
});

sshdTest("An image is compressed on its way through ssh", async () => {
  using folder = temporaryFolder();
  const file = folder.file("bench.yaml", config);
  Deno.writeFileSync(`${folder.path}/os.img`, image);
  await using sshd = await startSshd([linkNamesOf(folder.path)]);
  await using slow = slowLink(sshd.port, link);
  const known = `${sshd.folder}/known_hosts`;
  const there = Deno.readTextFileSync(known);
  Deno.writeTextFileSync(known, there.replace(`:${sshd.port} `, `:${slow.port} `), { append: true });
  const words = ["client", "--host", `ssh://bench:${slow.port}${file}`, "emmc", "flash", `${folder.path}/os.img`];
  const { code, stdout, stderr } = await run(words, { env: sshd.env, limitMs: 60_000 });
  assert.equal(code, 0, stderr);
  assert.match(stdout, new RegExp(`^Wrote ${size} bytes, SHA-256 ${sha256(image)}, read back and the same$`, "m"));
  assert.ok(slow.carried < 0.55 * size, `${slow.carried} bytes`);
});
