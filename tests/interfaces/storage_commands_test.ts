/** The storage's commands on a folder. @module */
import assert from "node:assert/strict";
import opendal from "../../drivers/opendal/mod.ts";
import { serve, storage } from "../../mod.ts";
import { folderOf } from "../folder.ts";
import { parsed, run } from "./io.ts";

Deno.test("Files keep their names between this machine and the storage, where no other is given", async () => {
  using here = await folderOf({ "a b.img": "content" });
  using there = await folderOf({ "sub/kernel": "linux" });
  await using client = await serve(opendal, { scheme: "fs", kwargs: { root: there.path } });
  const { put, get } = storage.commands!(client);
  await run(put, parsed(put, { local: `${here.path}/a b.img` })).done;
  assert.equal(Deno.readTextFileSync(`${there.path}/a b.img`), "content");
  for (const local of ["-", "http://127.0.0.1/x", "oci://127.0.0.1/x:1"]) {
    assert.throws(() => run(put, parsed(put, { local })), {
      code: "invalid_argument",
      message: /^Expected a path in the storage as well/,
    });
  }
  const before = Deno.cwd();
  Deno.chdir(here.path);
  try {
    await run(get, parsed(get, { remote: "sub/kernel" })).done;
  } finally {
    Deno.chdir(before);
  }
  assert.equal(Deno.readTextFileSync(`${here.path}/kernel`), "linux");
});
