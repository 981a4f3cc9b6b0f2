/** Flashes that go wrong, through exporters and clients as they are installed: nothing is claimed that is not so. @module */
import assert from "node:assert/strict";
import { type Codec, codecs } from "../../lib/core/codec.ts";
import { loopDevice, mediaTest, mount, noise, run as runProgram, sha256 } from "../hardware/media.ts";
import { concat } from "../payload.ts";
import { rawServer } from "../streams/http1/raw_server.ts";
import { type Ended, run, start, startExporter, temporaryFolder } from "./program.ts";

const MiB = 1024 * 1024;
const config = "metadata: { name: bench }\nexport: { flasher: { type: mock-flasher } }\n";
const compressors: Record<Codec, string> = { gzip: "gzip", xz: "xz", bz2: "bzip2", zstd: "zstd" };

/** An exporter whose media are files in a folder, and the words that flash them. */
async function startBench(media?: string) {
  const stack = new AsyncDisposableStack();
  const folder = stack.use(temporaryFolder());
  const env = { TMPDIR: media ?? folder.path, XDG_RUNTIME_DIR: folder.path };
  const exporter = stack.use(await startExporter(folder.file("bench.yaml", config), [], { env }));
  const [flasher] = [...Deno.readDirSync(env.TMPDIR)].filter(({ name }) => name.startsWith("jumpstarter-flasher-"));
  const board = ["client", "--host", exporter.address, "flasher"];
  const words = (...more: string[]) => [...board, "flash", "--json", ...more];
  return {
    folder: folder.path,
    /** The medium of the default partition. */
    medium: `${env.TMPDIR}/${flasher.name}/default`,
    /** Most memory that the exporter has taken so far, in bytes. */
    peak: () => Number(/VmHWM:\s*(\d+)/.exec(Deno.readTextFileSync(`/proc/${exporter.pid}/status`))![1]) * 1024,
    file(name: string, bytes: Uint8Array): string {
      Deno.writeFileSync(`${folder.path}/${name}`, bytes);
      return `${folder.path}/${name}`;
    },
    start: (...more: string[]) => start(words(...more), { limitMs: 60_000 }),
    flash: (...more: string[]) => run(words(...more), { limitMs: 60_000 }),
    dump: (name: string) => run([...board, "dump", `${folder.path}/${name}`], { limitMs: 60_000 }),
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

/** A flash has failed at the device, for that reason, and does not say that anything was written. */
function assertFailed({ code, stdout, stderr }: Ended, why: RegExp): void {
  assert.match(stderr, why);
  assert.equal(code, 1, stderr);
  assert.doesNotMatch(stdout, /"written"/);
}

/** A flash has succeeded, and says what is proven of it. */
function assertProven({ code, stdout, stderr }: Ended, image: Uint8Array): void {
  assert.equal(code, 0, stderr);
  const { written } = JSON.parse(stdout.trim().split("\n").at(-1)!);
  const [bytes, digest] = [image.length, sha256(image)];
  const proof = { bytes, sha256: digest, sha256ReadBack: digest, verified: "read-back", written: bytes };
  assert.deepEqual(written, proof);
}

/** Serves an image, the second half of it only when it is told to. */
function heldImage(image: Uint8Array<ArrayBuffer>): { url: string; release(): void } & AsyncDisposable {
  const held = Promise.withResolvers<void>();
  const half = image.length / 2;
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, () => {
    const body = new ReadableStream({
      async start(controller) {
        controller.enqueue(image.subarray(0, half));
        await held.promise;
        controller.enqueue(image.subarray(half));
        controller.close();
      },
    });
    return new Response(body, { headers: { "content-length": `${image.length}` } });
  });
  return {
    url: `http://127.0.0.1:${server.addr.port}/image`,
    release: held.resolve,
    async [Symbol.asyncDispose]() {
      held.resolve();
      await server.shutdown();
    },
  };
}

/** Waits until a medium has taken so many bytes. */
async function taken(medium: string, bytes: number): Promise<void> {
  for (;;) {
    const info = await Deno.stat(medium).catch(() => undefined);
    if (info && info.size >= bytes) return;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

function packed(codec: Codec, bytes: Uint8Array, folder: string): Uint8Array<ArrayBuffer> {
  const path = `${folder}/to-pack`;
  Deno.writeFileSync(path, bytes);
  return new Deno.Command(compressors[codec], { args: ["-c", path], stdout: "piped" }).outputSync().stdout;
}

mediaTest("A medium that is full is told, and takes what fits it afterwards", async () => {
  using folder = temporaryFolder();
  using small = mount(folder.path, "-t", "tmpfs", "-o", "size=4m", "tmpfs");
  await using bench = await startBench(small.path);
  const fits = noise(2 * MiB);
  const large = bench.file("large.img", noise(8 * MiB));
  assertFailed(await bench.flash(large), /default has no room left: write .* No space left on device \(ENOSPC\)/);
  assertProven(await bench.flash(bench.file("fits.img", fits)), fits);
});

Deno.test("A medium that flips one bit between writing and reading back is found out", async () => {
  await using bench = await startBench();
  const image = noise(8 * MiB);
  await using server = heldImage(image);
  await using flashing = bench.start(server.url);
  await taken(bench.medium, 2 * MiB);
  {
    using file = Deno.openSync(bench.medium, { write: true });
    file.seekSync(1_000_000, Deno.SeekMode.Start);
    file.writeSync(Uint8Array.of(image[1_000_000] ^ 0x10));
  }
  server.release();
  assertFailed(
    await flashing.ended,
    /default gives back something else than was written to it: It differs in the 4 MiB at 0"/,
  );
  assertProven(await bench.flash(server.url), image);
});

for (const from of ["exporter", "client"]) {
  Deno.test(`A download that ends before its length is no image, fetched by the ${from}`, async () => {
    const image = noise(3 * MiB);
    await using server = rawServer(() => {
      const head = `HTTP/1.1 200 OK\r\ncontent-length: ${image.length + 1}\r\n\r\n`;
      return concat([new TextEncoder().encode(head), image]);
    });
    await using bench = await startBench();
    assertFailed(await bench.flash(`${server.url}/image`, "--from", from), /3145728 of 3145729 bytes/);
  });

  Deno.test(`A checksum that is wrong stops a flash before its end, fetched by the ${from}`, async () => {
    const image = noise(3 * MiB);
    await using server = rawServer(() => {
      const head = `HTTP/1.1 200 OK\r\ncontent-length: ${image.length}\r\n\r\n`;
      return concat([new TextEncoder().encode(head), image]);
    });
    await using bench = await startBench();
    const wrong = "0".repeat(64);
    const ended = await bench.flash(`${server.url}/image`, "--from", from, "--sha256", wrong);
    assertFailed(ended, new RegExp(`SHA-256 ${sha256(image)}, expected ${wrong}`));
    assert.ok(Deno.statSync(bench.medium).size < image.length);
    assertProven(await bench.flash(`${server.url}/image`, "--from", from, "--sha256", sha256(image)), image);
  });
}

Deno.test("A file that becomes shorter while it is sent is no image", async () => {
  await using bench = await startBench();
  const path = bench.file("shrinking.img", new Uint8Array());
  await Deno.truncate(path, 1024 ** 4);
  await using flashing = bench.start(path);
  // The second line of progress comes a second after the first one.
  await flashing.said("}\n{");
  await Deno.truncate(path, MiB);
  assertFailed(await flashing.ended, /ended after \d+ of 1099511627776 bytes/);
});

for (const codec of codecs) {
  Deno.test(`A damaged ${codec} archive, and one that ends early, is no image, whoever reads it`, async () => {
    await using bench = await startBench();
    const image = noise(2 * MiB);
    const whole = packed(codec, image, bench.folder);
    const damaged = {
      "cut in the middle": whole.subarray(0, whole.length >> 1),
      "without its last byte": whole.subarray(0, whole.length - 1),
      "with another bit": whole.map((byte, at) => at === whole.length >> 1 ? byte ^ 0x04 : byte),
    };
    let served: Uint8Array = whole;
    await using server = rawServer(() => {
      const head = `HTTP/1.1 200 OK\r\ncontent-length: ${served.length}\r\n\r\n`;
      return concat([new TextEncoder().encode(head), served]);
    });
    for (const [what, archive] of Object.entries(damaged)) {
      const file = bench.file(what, archive);
      served = archive;
      for (const source of [file, `${server.url}/archive`]) {
        assertFailed(await bench.flash(source), new RegExp(`The ${codec} archive is damaged: `));
      }
    }
    assertProven(await bench.flash(bench.file("whole", whole)), image);
  });

  mediaTest(`More than the medium holds in an archive of ${codec} is refused, in bounded memory`, async () => {
    await using bench = await startBench();
    using loop = loopDevice(bench.folder, 8 * MiB);
    Deno.symlinkSync(loop.path, bench.medium);
    const small = noise(MiB);
    // So that everything is loaded before it counts.
    assertProven(await bench.flash(bench.file("small", packed(codec, small, bench.folder))), small);
    const before = bench.peak();
    // An archive of many members is all that they hold.
    for (const [name, byte] of [["zeros", 0], ["of one letter", 0x41]] as const) {
      const member = packed(codec, new Uint8Array(64 * MiB).fill(byte), bench.folder);
      const bomb = bench.file(name, concat(Array(16).fill(member)));
      assertFailed(await bench.flash(bomb), /holds 8388608 bytes, the image has more/);
    }
    const grown = (bench.peak() - before) / MiB;
    assert.ok(grown < 64, `The exporter has grown by ${grown.toFixed(0)} MiB`);
  });
}

mediaTest("An archive that outgrows a file system is refused, and one of holes fits", async () => {
  using folder = temporaryFolder();
  using small = mount(folder.path, "-t", "tmpfs", "-o", "size=8m", "tmpfs");
  await using bench = await startBench(small.path);
  const member = (byte: number) => packed("zstd", new Uint8Array(64 * MiB).fill(byte), bench.folder);
  const bomb = bench.file("bomb.zst", concat(Array(16).fill(member(0x41))));
  assertFailed(await bench.flash(bomb), /default has no room left: .*\(ENOSPC\)/);
  const holes = bench.file("holes.zst", concat(Array(2).fill(member(0))));
  assertProven(await bench.flash(holes), new Uint8Array(128 * MiB));
  assert.equal(runProgram("du", "-k", bench.medium).split("\t")[0], "0");
});

Deno.test("A second session on the same medium is refused, and the first one goes on", async () => {
  await using bench = await startBench();
  const image = noise(8 * MiB);
  await using server = heldImage(image);
  await using flashing = bench.start(server.url);
  await taken(bench.medium, 2 * MiB);
  const other = bench.file("other.img", noise(MiB, 7));
  assertFailed(await bench.flash(other), /default is in use: Another client writes or reads it/);
  // What is read now is half of this image and half of the one before.
  assertFailed(await bench.dump("now.img"), /default is in use: Another client writes or reads it/);
  server.release();
  assertProven(await flashing.ended, image);
  assert.deepEqual(await Deno.readFile(bench.medium), image);
});
