/** Flashes that end early and go on, with real processes: what is on the medium, and what is said of it. @module */
import assert from "node:assert/strict";
import { withLimit } from "../../lib/core/limit.ts";
import { writeAll } from "../../lib/core/pipe.ts";
import { serverOf } from "../bytes.ts";
import { noise, run as runProgram, sha256 } from "../hardware/media.ts";
import { concat } from "../payload.ts";
import { slowLink } from "../slow_link.ts";
import { rawServer } from "../streams/http1/raw_server.ts";
import { type Exporter, run, start, startExporter, temporaryFolder } from "./program.ts";

const MiB = 1024 * 1024;

const config = (folder: string) => `
apiVersion: jumpstarter.dev/v1alpha1
kind: ExporterConfig
metadata: { namespace: default, name: resume }
export:
  disk: { type: disk-flasher, config: { storage_device: ${folder}/disk } }
  sd: { type: mock-storage-mux-flasher }
`;

/** An exporter with a disk that is a file, and a folder with an image. */
async function bench(imageBytes: number) {
  await using stack = new AsyncDisposableStack();
  const folder = stack.use(temporaryFolder());
  const { path } = folder;
  const image = noise(imageBytes);
  Deno.writeFileSync(`${path}/os.img`, image);
  Deno.mkdirSync(`${path}/state/jumpstarter/flash`, { recursive: true });
  const yaml = folder.file("exporter.yaml", config(path));
  const env = { XDG_STATE_HOME: `${path}/state`, TMPDIR: path };
  const startOne = (listen = "127.0.0.1:0") => startExporter(yaml, ["--listen", listen], { env, limitMs: 300_000 });
  const exporter = stack.use(await startOne());
  const owned = stack.move();
  return {
    path,
    image,
    file: `${path}/os.img`,
    disk: `${path}/disk`,
    exporter,
    startOne,
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

const portOf = ({ address }: Exporter) => Number(address.split(":").at(-1));

const flash = (
  host: string,
  driver: string,
  ...words: string[]
) => ["client", "--host", host, driver, "flash", ...words];

/** Runs a flash with --json to its end and gives its result. */
async function flashed(host: string, driver: string, ...words: string[]) {
  const { code, stdout, stderr } = await run(flash(host, driver, ...words, "--json"), { limitMs: 60_000 });
  assert.equal(code, 0, stderr);
  return JSON.parse(stdout.trim().split("\n").at(-1)!).written as {
    bytes: number;
    sha256?: string;
    sha256ReadBack?: string;
    verified: string;
    written: number;
    resumedFrom?: number;
    held?: boolean;
  };
}

/** A link that breaks both ways once so many bytes have gone to the far end. */
function breakingLink(toPort: number, afterBytes: number) {
  return serverOf(Deno.listen({ hostname: "127.0.0.1", port: 0 }), async (near) => {
    using far = await Deno.connect({ hostname: "127.0.0.1", port: toPort });
    let left = afterBytes;
    const back = carry(far, near, () => true);
    await carry(near, far, (count) => (left -= count) > 0);
    near.close();
    far.close();
    await back;
  });
}

async function carry(from: Deno.Conn, to: Deno.Conn, goesOn: (count: number) => boolean): Promise<void> {
  const buffer = new Uint8Array(64 * 1024);
  try {
    for (let count = await from.read(buffer); count !== null && goesOn(count); count = await from.read(buffer)) {
      await writeAll(to, buffer.subarray(0, count));
    }
  } catch { /* It has broken. */ }
}

/** Resolves once a file below a folder has some text in it. */
async function recorded(folder: string, text: string): Promise<void> {
  using watcher = Deno.watchFs(folder);
  for await (const { paths } of watcher) {
    if (paths.some((path) => /record$|flash\//.test(path) && Deno.readTextFileSync(path).includes(text))) return;
  }
}

Deno.test("A flash that is cut at ten random places goes on with --resume, and writes only what is missing", async () => {
  await using rig = await bench(140 * MiB);
  runProgram("zstd", "-q", "-1", "-k", rig.file);
  const digest = sha256(rig.image);
  for (let round = 0; round < 10; round++) {
    // An archive is sent again from its beginning, a plain image is not.
    const file = round % 3 === 2 ? `${rig.file}.zst` : rig.file;
    const cutAt = Math.floor((80 + Math.random() * 58) * MiB);
    const place = `${file} cut after ${cutAt} bytes`;
    {
      await using link = breakingLink(portOf(rig.exporter), cutAt);
      const { code, stderr, stdout } = await run(flash(`127.0.0.1:${link.port}`, "disk", file), { limitMs: 60_000 });
      assert.notEqual(code, 0, place);
      assert.match(stderr, /the same command with --resume goes on where it stopped/, place);
      assert.equal(stdout, "", place);
    }
    const { bytes, sha256, sha256ReadBack, verified, written, resumedFrom = 0 } = await flashed(
      rig.exporter.address,
      "disk",
      file,
      "--resume",
    );
    assert.deepEqual([bytes, sha256, sha256ReadBack, verified], [rig.image.length, digest, digest, "read-back"], place);
    assert.ok(resumedFrom >= 64 * MiB && resumedFrom <= cutAt, `${place}: resumed at ${resumedFrom}`);
    assert.equal(written, rig.image.length - resumedFrom, place);
    assert.deepEqual(await Deno.readFile(rig.disk), rig.image, place);
  }
});

Deno.test("A flash goes on after the exporter was killed in the middle of it and came back", async () => {
  await using rig = await bench(150 * MiB);
  {
    await using link = slowLink(portOf(rig.exporter), { delayMs: 0, bytesPerSecond: 100 * MiB });
    await using flashing = start(flash(`127.0.0.1:${link.port}`, "disk", rig.file, "--json"), { limitMs: 60_000 });
    await withLimit(recorded(`${rig.path}/state`, '"synced"'), 20_000, "A synced block");
    rig.exporter.kill("SIGKILL");
    const { code, stdout, stderr } = await flashing.ended;
    assert.notEqual(code, 0);
    assert.doesNotMatch(stdout, /"written"/);
    assert.match(stderr, /with --resume/);
  }
  await using again = await rig.startOne();
  const result = await flashed(again.address, "disk", rig.file, "--resume");
  assert.ok(result.resumedFrom! >= 64 * MiB, `resumed at ${result.resumedFrom}`);
  assert.equal(result.written, rig.image.length - result.resumedFrom!);
  assert.equal(result.sha256ReadBack, sha256(rig.image));
  assert.deepEqual(await Deno.readFile(rig.disk), rig.image);
});

Deno.test("--skip-if-same writes nothing where the image is there, and says so; where it is not, it is written", async () => {
  await using rig = await bench(9 * MiB);
  const { address } = rig.exporter;
  runProgram("zstd", "-q", "-k", rig.file);
  for (const file of [rig.file, `${rig.file}.zst`]) {
    const first = await flashed(address, "disk", file, "--skip-if-same");
    // An archive's name says nothing to the exporter before it has written it once.
    assert.equal(first.held ?? false, false);
    const { mtime } = Deno.statSync(rig.disk);
    const { held, written, verified, sha256ReadBack } = await flashed(address, "disk", file, "--skip-if-same");
    assert.deepEqual([held, written, verified, sha256ReadBack], [true, 0, "read-back", sha256(rig.image)]);
    assert.deepEqual(Deno.statSync(rig.disk).mtime, mtime);
    const { stdout } = await run(flash(address, "disk", file, "--skip-if-same"));
    assert.match(stdout, /^Nothing was written: \d+ bytes with the SHA-256 \w{64} are there already$/m);
    {
      using disk = Deno.openSync(rig.disk, { write: true });
      disk.seekSync(5 * MiB, Deno.SeekMode.Start);
      disk.writeSync(new Uint8Array(1));
    }
    assert.equal((await flashed(address, "disk", file, "--skip-if-same")).written, rig.image.length);
    assert.deepEqual(await Deno.readFile(rig.disk), rig.image);
    Deno.writeFileSync(rig.disk, new Uint8Array(3));
  }
});

Deno.test("--no-verify says that nothing was read back", async () => {
  await using rig = await bench(MiB);
  const { code, stdout } = await run(flash(rig.exporter.address, "disk", rig.file, "--no-verify"));
  assert.equal(code, 0);
  assert.equal(stdout, `Wrote ${MiB} bytes, SHA-256 ${sha256(rig.image)}, not read back\n`);
  const { verified, sha256ReadBack } = await flashed(rig.exporter.address, "disk", rig.file, "--no-verify");
  assert.deepEqual([verified, sha256ReadBack], ["none", undefined]);
});

Deno.test("A second session on a medium that is being written is refused, and the first one ends well", async () => {
  await using rig = await bench(64 * MiB);
  await using link = slowLink(portOf(rig.exporter), { delayMs: 0, bytesPerSecond: 20 * MiB });
  for (const driver of ["disk", "sd"]) {
    await using first = start(flash(`127.0.0.1:${link.port}`, driver, rig.file, "--json"), { limitMs: 60_000 });
    await first.said('"write"');
    const second = await run(flash(rig.exporter.address, driver, rig.file));
    assert.equal(second.code, 1);
    assert.match(second.stderr, /^Error \(driver\): \S+ is in use: Another client writes or reads it$/m);
    const { code, stdout, stderr } = await first.ended;
    assert.equal(code, 0, stderr);
    assert.equal(JSON.parse(stdout.trim().split("\n").at(-1)!).written.sha256ReadBack, sha256(rig.image));
  }
});

Deno.test("A client that is killed in the middle of a mux flash leaves the storage at the device, and marked unfinished", async () => {
  await using rig = await bench(150 * MiB);
  const { address } = rig.exporter;
  const plan = async () => {
    const { stdout } = await run(["client", "--host", address, "sd", "call", "flash_plan", "--json"]);
    return JSON.parse(stdout);
  };
  {
    await using link = slowLink(portOf(rig.exporter), { delayMs: 0, bytesPerSecond: 100 * MiB });
    await using flashing = start(flash(`127.0.0.1:${link.port}`, "sd", rig.file, "--json"), { limitMs: 60_000 });
    await flashing.said('"sync"');
    assert.doesNotMatch(await rig.exporter.noted("storage at host"), /storage at device/);
    flashing.kill("SIGKILL");
    await flashing.ended;
  }
  await rig.exporter.noted("storage at device");
  assert.equal((await plan()).unfinished, true);
  const dump = () => run(["client", "--host", address, "sd", "dump", `${rig.path}/copy`]);
  assert.match((await dump()).stderr, /^A flash was begun and not finished: What is read is no whole image$/m);
  const { sha256ReadBack } = await flashed(address, "sd", rig.file, "--resume");
  assert.equal(sha256ReadBack, sha256(rig.image));
  assert.equal((await plan()).unfinished, false);
  assert.doesNotMatch((await dump()).stderr, /not finished/);
});

Deno.test("--detach leaves a URL to the exporter, which goes on, tells how far it is, and can be told to end", async () => {
  await using rig = await bench(40 * MiB);
  const { address } = rig.exporter;
  await using server = rawServer(() => {
    const head = `HTTP/1.1 200 OK\r\ncontent-length: ${rig.image.length}\r\n\r\n`;
    return concat([new TextEncoder().encode(head), rig.image]);
  });
  await using link = slowLink(Number(new URL(server.url).port), { delayMs: 0, bytesPerSecond: 20 * MiB });
  const url = `http://127.0.0.1:${link.port}/os.img`;
  for (const driver of ["disk", "sd"]) {
    const ask = async (...words: string[]) => {
      const { code, stdout, stderr } = await run(["client", "--host", address, driver, ...words, "--json"]);
      assert.equal(code, stdout.includes('"failure"') ? 1 : 0, stderr);
      return JSON.parse(stdout.trim().split("\n").at(-1)!);
    };
    assert.deepEqual(await ask("flash-state"), { active: false });
    assert.deepEqual(await ask("flash", url, "--detach"), { target: null, detached: true });
    const { active, total } = await ask("flash-state");
    assert.deepEqual([active, total], [true, rig.image.length]);
    await ask("flash-cancel");
    const cancelled = await ask("flash-state");
    assert.deepEqual([cancelled.active, cancelled.failure], [false, "The flash was cancelled"]);
    assert.equal((await ask("call", "flash_plan")).unfinished, true);

    const folder = driver === "disk" ? `${rig.path}/state` : rig.path;
    const isDone = withLimit(recorded(folder, '"done"'), 20_000, "The end of the flash");
    await ask("flash", url, "--detach");
    await isDone;
    // Those who come while a flash is ending are answered when it has ended.
    const { result } = await ended(() => ask("flash-state"));
    assert.deepEqual([result.verified, result.sha256ReadBack], ["read-back", sha256(rig.image)]);
    const { stdout } = await run(["client", "--host", address, driver, "flash-state"]);
    assert.equal(stdout, `Wrote ${rig.image.length} bytes, SHA-256 ${sha256(rig.image)}, read back and the same\n`);
  }
  assert.deepEqual(await Deno.readFile(rig.disk), rig.image);
  const places = (await rig.exporter.noted("storage at device")).match(/storage at (?:host|device)/g);
  assert.equal(places!.at(-1), "storage at device");
});

/** The first state that is not active any more. */
async function ended<T extends { active: boolean }>(ask: () => Promise<T>): Promise<T> {
  for (let tries = 0; tries < 20; tries++) {
    const state = await ask();
    if (!state.active) return state;
  }
  throw new Error("It does not end");
}

Deno.test("Standard input is not resumed, and neither is another image, nor one that was written to its end", async () => {
  await using rig = await bench(MiB);
  const { address } = rig.exporter;
  const refused = async (code: number, message: RegExp, ...words: string[]) => {
    const ended = await run(flash(address, "disk", ...words), { stdin: "image" });
    assert.equal(ended.code, code, ended.stderr);
    assert.match(ended.stderr, message);
  };
  await refused(2, /Standard input cannot be resumed/, "-", "--resume");
  await refused(2, /--skip-if-same of standard input needs --sha256/, "-", "--skip-if-same");
  await refused(1, /Cannot resume writing to \S+: No write to it was recorded/, rig.file, "--resume");
  await flashed(address, "disk", rig.file);
  await refused(1, /The last write to it was finished[\s\S]*without --resume/, rig.file, "--resume");
});
