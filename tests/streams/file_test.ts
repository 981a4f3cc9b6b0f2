import assert from "node:assert/strict";
import { createFile } from "../../lib/streams/file.ts";
import { temporaryFolder } from "../system/program.ts";

Deno.test("A file that is written replaces the one before at its end, also behind a link, and nothing else", async () => {
  using folder = temporaryFolder();
  const file = folder.file("a.img", "before");
  Deno.chmodSync(file, 0o640);
  const link = `${folder.path}/latest.img`;
  Deno.symlinkSync("a.img", link);
  const names = () => [...Deno.readDirSync(folder.path)].map(({ name }) => name).sort();
  const [first, second] = [await createFile(link), await createFile(file)];
  await first.write(new TextEncoder().encode("one"));
  await second.write(new TextEncoder().encode("another"));
  assert.equal(Deno.readTextFileSync(file), "before");
  await second.abort(undefined);
  await first.end();
  assert.deepEqual(names(), ["a.img", "latest.img"]);
  assert.ok(Deno.lstatSync(link).isSymlink);
  assert.equal(Deno.readTextFileSync(file), "one");
  assert.equal(Deno.statSync(file).mode! & 0o777, 0o640);
});
