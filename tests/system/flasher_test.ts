/** Flashing from the command line, where it is more than its commands: interruption, pipes, exit codes. @module */
import assert from "node:assert/strict";
import { run, start, startExporter, temporaryFolder } from "./program.ts";

const config = `
apiVersion: jumpstarter.dev/v1alpha1
kind: ExporterConfig
metadata: { namespace: default, name: flasher }
export:
  storage: { type: mock-flasher }
`;

Deno.test("Ctrl-C ends a flash here and on the exporter, which takes the next one at once", async () => {
  using folder = temporaryFolder();
  const large = folder.file("large.img", "");
  // Nothing of it is on the disk, and it takes longer than anybody waits.
  await Deno.truncate(large, 1024 ** 4);
  // What the exporter keeps of it goes with the folder.
  await using exporter = await startExporter(folder.file("exporter.yaml", config), [], {
    env: { TMPDIR: folder.path },
  });
  const client = ["client", "--host", exporter.address, "storage"];
  const written = async () => {
    const [{ name }] = (await Array.fromAsync(Deno.readDir(folder.path))).filter(({ name }) =>
      name.startsWith("jumpstarter-flasher-")
    );
    return (await Deno.stat(`${folder.path}/${name}/default`)).size;
  };
  await using flashing = start([...client, "flash", large, "--json"]);
  // The second line comes a second after the first one.
  await flashing.said("}\n{");
  flashing.kill("SIGINT");
  const { code, stdout, stderr } = await flashing.ended;
  assert.equal(code, 130);
  assert.doesNotMatch(stdout, /"written"/);
  const [{ note }] = stderr.trim().split("\n").map((line) => JSON.parse(line));
  assert.match(note, /^The flash is not finished; the same command with --resume/);
  // A call that the exporter has answered since then was behind the end of the flash.
  await run([...client, "methods"]);
  const size = await written();
  const small = folder.file("small.img", "small");
  const next = await run([...client, "flash", "-t", `other:${small}`]);
  assert.equal(next.code, 0, next.stderr);
  assert.match(next.stdout, /^other: Wrote 5 bytes, SHA-256 \w{64}, read back and the same$/m);
  assert.equal(await written(), size);
});

Deno.test("Exit codes of a flash: 2 for words and files of this side, 1 for what goes wrong on the way", async () => {
  using folder = temporaryFolder();
  await using exporter = await startExporter(folder.file("exporter.yaml", config));
  const client = ["client", "--host", exporter.address, "storage"];
  const image = folder.file("image", "image");
  const codes = [];
  for (
    const words of [
      ["flash"],
      ["flash", `${folder.path}/nothing`],
      ["flash", image, "--compression", "rar"],
      ["flash", image, "--compression", "gzip"],
      ["flash", image, "--sha256", "0".repeat(64)],
      ["flash", "http://127.0.0.1:1/image"],
      ["dump", `${folder.path}/out`, "--target", "nothing"],
      ["flash", image],
    ]
  ) codes.push((await run([...client, ...words])).code);
  assert.deepEqual(codes, [2, 2, 2, 1, 1, 1, 1, 0]);
});

Deno.test("A named pipe is an image of a size that nobody knows", async () => {
  using folder = temporaryFolder();
  await using exporter = await startExporter(folder.file("exporter.yaml", config));
  const pipe = `${folder.path}/pipe`;
  await new Deno.Command("mkfifo", { args: [pipe] }).output();
  const flashing = run(["client", "--host", exporter.address, "storage", "flash", pipe, "--json"]);
  await Deno.writeTextFile(pipe, "an image", { create: false });
  const { code, stdout, stderr } = await flashing;
  assert.equal(code, 0, stderr);
  const [first, ...more] = stdout.trim().split("\n").map((line) => JSON.parse(line));
  assert.equal(first.total, undefined);
  assert.equal(more.at(-1).written.bytes, 8);
});

Deno.test("A named pipe with nobody at its other end can be given up", async () => {
  using folder = temporaryFolder();
  await using exporter = await startExporter(folder.file("exporter.yaml", config));
  const client = ["client", "--host", exporter.address, "storage"];
  const pipe = `${folder.path}/pipe`;
  await new Deno.Command("mkfifo", { args: [pipe] }).output();
  const flashed = await run([...client, "flash", folder.file("image", "an image")]);
  assert.equal(flashed.code, 0, flashed.stderr);
  for (const word of ["flash", "dump"]) {
    await using waiting = start([...client, word, pipe]);
    const children = new Deno.Command("pgrep", { args: ["--parent", `${waiting.pid}`] });
    for (let left = 100; left > 0 && !(await children.output()).success; left--) {
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    waiting.kill("SIGINT");
    assert.equal((await waiting.ended).code, 130, word);
  }
  const read = new Deno.Command("head", { args: ["-c", "3", pipe], stdout: "piped" }).spawn();
  const { code, stderr } = await run([...client, "dump", pipe]);
  assert.equal(code, 0, stderr);
  assert.equal(new TextDecoder().decode((await read.output()).stdout), "an ");
});
