/** The storage's commands on a folder. @module */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import opendal from "../../drivers/opendal/mod.ts";
import { serve, storage } from "../../mod.ts";
import { folderOf } from "../folder.ts";
import { sourceOfBytes } from "../payload.ts";
import { rawServer } from "../streams/http1/raw_server.ts";
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

Deno.test("put of a URL tells what is there, and compares it with the SHA-256 that it was given", async () => {
  const content = "what the server has";
  const sha256 = createHash("sha256").update(content).digest("hex");
  await using server = rawServer(() => `HTTP/1.1 200 OK\r\ncontent-length: ${content.length}\r\n\r\n${content}`);
  using there = await folderOf({});
  await using client = await serve(opendal, { scheme: "fs", kwargs: { root: there.path } });
  const { put } = storage.commands!(client);
  const told = async (given: Record<string, unknown>) => {
    const running = run(put, parsed(put, { local: `${server.url}/x`, remote: "x", ...given }));
    await running.done;
    return [...running.values, ...running.lines];
  };
  const file = { path: "x", bytes: content.length, sha256 };
  assert.deepEqual(await told({}), [
    { ...file, verified: false },
    `The exporter fetched ${content.length} bytes, SHA-256 ${sha256}, as it is there, with nothing to compare it with`,
  ]);
  assert.deepEqual(await told({ sha256 }), [
    { ...file, verified: true },
    `The exporter fetched ${content.length} bytes, SHA-256 ${sha256}, the same there`,
  ]);
  await assert.rejects(told({ sha256: "0".repeat(64) }), { code: "data_loss" });
});

Deno.test("rm -r does not take nothing for everything", async () => {
  using there = await folderOf({ "a/os.img": "x" });
  await using client = await serve(opendal, { scheme: "fs", kwargs: { root: there.path } });
  const { rm } = storage.commands!(client);
  for (const path of ["", "/", ".", "//./"]) {
    const given = parsed(rm, { path, recursive: true });
    assert.throws(() => run(rm, given), { message: "Refused to remove the whole storage" }, path);
  }
  await run(rm, parsed(rm, { path: "a/", recursive: true })).done;
  assert.deepEqual([...Deno.readDirSync(there.path)], []);
});

Deno.test("What fails in a folder is told by the storage's path, without the exporter's", async () => {
  using there = await folderOf({ "a/os.img": "x", "b": "x" });
  await using client = await serve(opendal, { scheme: "fs", kwargs: { root: there.path } });
  const source = () => ({ bytes: sourceOfBytes(new Uint8Array(1)) });
  const failures: [() => Promise<unknown>, string][] = [
    [() => client.put({ path: "a", source: source() }), "IsADirectory: a is a folder"],
    [() => client.put({ path: "b/c", source: source() }), "NotADirectory: b/c is not in a folder"],
    [() => client.rename({ source: "b", target: "a" }), "IsADirectory: a is a folder"],
    [() => client.copy({ source: "b", target: "a" }), "IsADirectory: a is a folder"],
  ];
  for (const [failing, message] of failures) await assert.rejects(failing(), { code: "unknown", message });
});
