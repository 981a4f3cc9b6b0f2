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

Deno.test("A folder is listed by its name, with or without a slash, and what is not there is an error", async () => {
  using there = await folderOf({ "a/b/kernel": "linux", "a/os.img": "x", "ab": "x" });
  Deno.mkdirSync(`${there.path}/empty`);
  await using client = await serve(opendal, { scheme: "fs", kwargs: { root: there.path } });
  const { ls } = storage.commands!(client);
  const listed = async (path: string, recursive = false) => {
    const running = run(ls, parsed(ls, { path, recursive }));
    await running.done;
    return running.lines;
  };
  assert.deepEqual(await listed("/"), ["a/", "ab", "empty/"]);
  for (const path of ["a", "a/", "/a"]) assert.deepEqual(await listed(path), ["a/b/", "a/os.img"], path);
  assert.deepEqual(await listed("a", true), ["a/b/", "a/b/kernel", "a/os.img"]);
  assert.deepEqual(await listed("ab"), ["ab"]);
  assert.deepEqual(await listed("empty"), []);
  await assert.rejects(listed("none"), { code: "not_found", message: "There is nothing at none" });
});
