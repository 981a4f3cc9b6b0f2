import assert from "node:assert/strict";
import { dirname } from "node:path";
import { answers } from "../../lib/core/unix_socket.ts";
import { socketOf } from "../../lib/local/socket.ts";
import { abandonedSocket } from "../bytes.ts";
import { folderOf } from "../folder.ts";

Deno.test("A file has one socket, by whatever way it is named, in a folder that nobody else can enter", async () => {
  using folder = await folderOf({ "bench.yaml": "", "other.yaml": "" });
  Deno.symlinkSync(`${folder.path}/bench.yaml`, `${folder.path}/link.yaml`);
  const socket = socketOf(`${folder.path}/bench.yaml`)!;
  assert.equal(socketOf(`${folder.path}/link.yaml`), socket);
  assert.equal(socketOf(`${folder.path}/../${folder.path.split("/").at(-1)}/bench.yaml`), socket);
  assert.notEqual(socketOf(`${folder.path}/other.yaml`), socket);
  assert.equal(Deno.statSync(dirname(socket)).mode! & 0o777, 0o700);
});

Deno.test("A socket answers while somebody listens; one that was left behind is removed, any other file is not", async () => {
  using folder = await folderOf({ file: "" });
  const path = `${folder.path}/socket`;
  assert.equal(await answers(path), false);
  const listener = Deno.listen({ transport: "unix", path });
  assert.equal(await answers(path), true);
  (await listener.accept()).close();
  listener.close();
  abandonedSocket(path);
  assert.equal(await answers(path), false);
  assert.throws(() => Deno.lstatSync(path), Deno.errors.NotFound);
  assert.equal(await answers(`${folder.path}/file`), false);
  assert.ok(Deno.statSync(`${folder.path}/file`).isFile);
});
