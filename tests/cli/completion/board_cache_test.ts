import assert from "node:assert/strict";
import { BoardCache, keyOf } from "../../../lib/cli/completion/board_cache.ts";
import { folderOf } from "../../folder.ts";

const commands = [{ name: "power", summary: "", options: [], args: [], commands: [] }];

Deno.test("A board is recalled as it was remembered, under its own key only", async () => {
  using folder = await folderOf();
  const cache = new BoardCache(`${folder.path}/boards`);
  assert.deepEqual(cache.recall("pi:7000"), []);
  cache.remember("pi:7000", "1", commands);
  assert.deepEqual(cache.recall("pi:7000"), commands);
  assert.deepEqual(cache.recall("pi_7000"), []);
  assert.equal(cache.has("pi:7000", "1"), true);
  assert.equal(cache.has("pi:7000", "2"), false);
  cache.remember("pi:7000", "2", []);
  assert.deepEqual(cache.recall("pi:7000"), []);
});

Deno.test("A key of any characters and length has a file in the folder, for its owner's eyes only", async () => {
  using folder = await folderOf();
  const path = `${folder.path}/boards`;
  const cache = new BoardCache(path);
  const keys = ["../../escape", "/run/x y/\u{1F4A5}", "\0", `/${"long".repeat(300)}`, `/${"long".repeat(301)}`];
  for (const key of keys) cache.remember(key, "1", [{ ...commands[0], name: key }]);
  for (const key of keys) assert.equal(cache.recall(key)[0].name, key);
  const files = [...Deno.readDirSync(path)];
  assert.equal(files.length, keys.length);
  assert.deepEqual([...Deno.readDirSync(folder.path)].map(({ name }) => name), ["boards"]);
  if (Deno.build.os === "windows") return;
  for (const { name } of files) assert.equal(Deno.statSync(`${path}/${name}`).mode! & 0o777, 0o600);
  assert.equal(Deno.statSync(path).mode! & 0o777, 0o700);
});

Deno.test("A broken file counts as none, and is replaced", async () => {
  using folder = await folderOf();
  const cache = new BoardCache(folder.path);
  cache.remember("a:1", "1", commands);
  const [{ name }] = [...Deno.readDirSync(folder.path)];
  const whole = Deno.readTextFileSync(`${folder.path}/${name}`);
  const broken = [
    "",
    "{",
    "null",
    "[]",
    whole.slice(0, -5),
    whole.replace('"format":1', '"format":2'),
    "x".repeat(2e6),
  ];
  for (const text of broken) {
    Deno.writeTextFileSync(`${folder.path}/${name}`, text);
    assert.deepEqual(cache.recall("a:1"), [], text.slice(0, 40));
  }
  cache.remember("a:1", "1", commands);
  assert.deepEqual(cache.recall("a:1"), commands);
});

Deno.test("The cache keeps a limited number of boards, and none that is too large", async () => {
  using folder = await folderOf();
  const cache = new BoardCache(folder.path);
  for (let port = 1; port <= 70; port++) {
    cache.remember(`pi:${port}`, "1", commands);
    const [newest] = [...Deno.readDirSync(folder.path)].filter(({ name }) => name.startsWith(`pi_${port}-`));
    Deno.utimeSync(`${folder.path}/${newest.name}`, port, port);
  }
  assert.equal([...Deno.readDirSync(folder.path)].length, 64);
  assert.deepEqual(cache.recall("pi:70"), commands);
  assert.deepEqual(cache.recall("pi:1"), []);
  cache.remember("large:1", "1", [{ ...commands[0], summary: "x".repeat(1024 * 1024) }]);
  assert.deepEqual(cache.recall("large:1"), []);
});

Deno.test("A board's key is its address as it is written, or the real path of its exporter's file", async () => {
  using folder = await folderOf({ "bench.yaml": "" });
  Deno.symlinkSync(`${folder.path}/bench.yaml`, `${folder.path}/link.yaml`);
  const by = "--exporter-config";
  assert.equal(keyOf({ by, file: `${folder.path}/link.yaml` }), Deno.realPathSync(`${folder.path}/bench.yaml`));
  assert.equal(keyOf({ by, file: `${folder.path}/none.yaml` }), undefined);
  assert.equal(keyOf({ by: "--host", host: "::1:7000" }), "[::1]:7000");
  assert.equal(keyOf({ by: "--host", host: "nonsense" }), undefined);
});
