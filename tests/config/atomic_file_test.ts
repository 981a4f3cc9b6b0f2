import assert from "node:assert/strict";
import { replaceFile } from "../../lib/config/atomic_file.ts";
import { folderOf } from "../folder.ts";

Deno.test("replaceFile() makes folders, and a file that only its owner can read", async () => {
  using folder = await folderOf();
  replaceFile(`${folder.path}/a/b/c.yaml`, "ü\n");
  assert.equal(await Deno.readTextFile(`${folder.path}/a/b/c.yaml`), "ü\n");
  if (Deno.build.os === "windows") return;
  assert.equal((await Deno.stat(`${folder.path}/a/b/c.yaml`)).mode! & 0o777, 0o600);
});

Deno.test("replaceFile() puts a new file in the place of the old one, which readers that have it keep", async () => {
  using folder = await folderOf({ "c.yaml": "old" });
  using reader = await Deno.open(`${folder.path}/c.yaml`);
  replaceFile(`${folder.path}/c.yaml`, "new");
  const buffer = new Uint8Array(10);
  assert.equal(new TextDecoder().decode(buffer.subarray(0, (await reader.read(buffer))!)), "old");
  assert.equal(await Deno.readTextFile(`${folder.path}/c.yaml`), "new");
});

Deno.test("replaceFile() leaves nothing behind when it fails", async () => {
  using folder = await folderOf({ "taken/file": "" });
  assert.throws(() => replaceFile(`${folder.path}/taken`, "text"), {
    code: "failed_precondition",
    phase: "config",
    message: new RegExp(`^Cannot write ${folder.path}/taken: `),
  });
  assert.deepEqual([...Deno.readDirSync(folder.path)].map(({ name }) => name), ["taken"]);
});
