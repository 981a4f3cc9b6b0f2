/** Images through the program as it is installed, whose workers lie inside the executable. @module */
import assert from "node:assert/strict";
import { noise, run as runProgram, sha256 } from "../hardware/media.ts";
import { run, temporaryFolder } from "./program.ts";

for (const pack of ["", "xz", "bzip2", "zstd", "gzip"]) {
  Deno.test(`An image that is ${pack ? `packed by ${pack}` : "as it is"} is flashed and read back`, async () => {
    using folder = temporaryFolder();
    const image = noise(3_000_000);
    image.fill(0, 1_000_000, 2_500_000);
    let file = `${folder.path}/os.img`;
    Deno.writeFileSync(file, image);
    const before = new Set(filesOf(folder.path));
    if (pack) runProgram(pack, "-q", "-k", file);
    file = filesOf(folder.path).find((name) => !before.has(name)) ?? file;
    const config = folder.file("bench.yaml", "metadata: {name: bench}\nexport: {flasher: {type: mock-flasher}}\n");
    const { code, stdout, stderr } = await run(
      ["client", "--exporter-config", config, "flasher", "flash", "--json", file],
      { limitMs: 60_000 },
    );
    assert.equal(code, 0, stderr);
    const { written } = JSON.parse(stdout.trim().split("\n").at(-1)!);
    const [bytes, digest] = [image.length, sha256(image)];
    const proof = { bytes, sha256: digest, sha256ReadBack: digest, verified: "read-back", written: bytes };
    assert.deepEqual(written, proof);
  });
}

function filesOf(folder: string): string[] {
  return [...Deno.readDirSync(folder)].map(({ name }) => `${folder}/${name}`);
}
