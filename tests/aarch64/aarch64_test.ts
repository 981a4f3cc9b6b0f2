/**
 * The executable for aarch64 in qemu's user mode: a call, a stream, a TLS connection, and the C library by FFI: a
 * pseudo-terminal, and a serial port. `JUMPSTARTER_AARCH64_BIN` names the executable, which `deno task compile --target`
 * makes.
 *
 * What emulation cannot show: times, and whatever asks the kernel by numbers of the architecture that qemu translates.
 *
 * @module
 */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { libc } from "../../lib/hardware/libc.ts";
import { openPseudoTerminal } from "../../lib/hardware/pseudo_terminal.ts";
import { noise, sha256 } from "../hardware/media.ts";
import { type ProgramWords, run, start, startExporter, temporaryFolder } from "../system/program.ts";

libc(); // Part of the process from then on, not of one test.

/** Where Debian's libc6-arm64-cross puts the C library. */
const libraries = "/usr/aarch64-linux-gnu";

/** The words that run the executable, or nothing where it cannot be; the reason is then on stderr. */
function findEmulated(): ProgramWords | undefined {
  const executable = Deno.env.get("JUMPSTARTER_AARCH64_BIN");
  const emulator = (Deno.env.get("PATH") ?? "").split(":").map((folder) => `${folder}/qemu-aarch64-static`).find(
    exists,
  );
  const missing = [
    !executable && "JUMPSTARTER_AARCH64_BIN is not set",
    !emulator && "qemu-aarch64-static is not installed (Debian: qemu-user-static)",
    !exists(`${libraries}/lib/libgcc_s.so.1`) &&
    `${libraries} has no libraries (Debian: libc6-arm64-cross, libgcc-s1-arm64-cross)`,
  ].filter((reason) => reason !== false);
  if (missing.length === 0) return [emulator!, "-L", libraries, Deno.realPathSync(executable!)];
  const message = `The executable for aarch64 is not tested: ${missing.join("; ")}`;
  // Without an executable nobody asked for this; with one, a run of everything must not pass without it.
  if (executable && Deno.env.has("CI")) throw new Error(message);
  console.error(message);
}

function exists(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}

const emulated = findEmulated();

/** A start takes about six seconds in emulation, on a machine that does nothing else. */
const limitMs = 600_000;

/** The driver with a pseudo-terminal of its own. */
const driver = fileURLToPath(new URL("./pseudo_terminal.ts", import.meta.url));

const bench = `
metadata: { name: bench }
export:
  power: { type: mock-power }
  flasher: { type: mock-flasher }
  board: { type: simulated-board }
  terminal: { type: ${driver} }
`;

/** A config with more drivers if wanted, and a place for what the exporter keeps. */
function surroundings(more = "") {
  const folder = temporaryFolder();
  const config = folder.file("bench.yaml", bench + more);
  const env = { XDG_STATE_HOME: `${folder.path}/state` };
  return { config, folder: folder.path, env, [Symbol.dispose]: () => folder[Symbol.dispose]() };
}

Deno.test({
  name: "an exporter on aarch64 serves calls, streams, a serial port, and a pseudo-terminal of its own",
  ignore: !emulated,
  async fn() {
    using device = openPseudoTerminal();
    using around = surroundings(`  port: { type: serial, config: { url: ${device.path}, baudrate: 9600 } }\n`);
    const { env, config } = around;
    await using exporter = await startExporter(config, ["--log-format", "json"], { words: emulated, env, limitMs });
    const client = (words: string[], stdin?: string) =>
      run(["client", "--host", exporter.address, ...words], { env, stdin, limitMs });

    assert.deepEqual(await client(["power", "on"]), { code: 0, stdout: "", stderr: "" });
    assert.deepEqual(await client(["board.power", "cycle", "--wait", "0"]), {
      code: 0,
      stdout: "Power cycling with 0 seconds wait time...\n",
      stderr: "",
    });
    const readings = await client(["power", "read", "--json"]);
    assert.deepEqual([readings.code, readings.stderr], [0, ""]);
    assert.deepEqual(readings.stdout.trim().split("\n").map((line) => JSON.parse(line)), [
      { voltage: 0, current: 0 },
      { voltage: 5, current: 2 },
    ]);
    await using pipe = start(["client", "--host", exporter.address, "terminal", "pipe"], {
      env,
      limitMs,
      stdin: "to aarch64\n",
    });
    assert.equal(await pipe.said("\n"), "to aarch64\n");

    const sent = await client(["port", "send", "from the client\\r"]);
    assert.deepEqual([sent.code, sent.stderr], [0, ""]);
    const buffer = new Uint8Array(64);
    const heard = buffer.subarray(0, (await device.read(buffer))!);
    assert.equal(new TextDecoder().decode(heard), "from the client\r");
    await device.write(new TextEncoder().encode("from the board\r\n"));
    const log = start(["client", "--host", exporter.address, "port", "log", "--since", "0", "--follow"], {
      env,
      limitMs,
    });
    assert.equal(await log.said("\n"), "from the board\r\n");
    await log[Symbol.asyncDispose]();

    exporter.kill("SIGTERM");
    const { code, stderr } = await exporter.ended;
    const opened = stderr.split("\n").find((line) => line.includes("pseudo-terminal opened"));
    assert.match(opened ?? stderr, /"path":"\/dev\/pts\/\d+","arch":"aarch64","differences":0/);
    assert.ok(!stderr.includes("set differently"), stderr);
    assert.equal(code, 0);
  },
});

Deno.test({
  name: "an exporter on aarch64 flashes an image and reads it back past the page cache",
  ignore: !emulated,
  async fn() {
    using around = surroundings();
    const { env, config, folder } = around;
    await using exporter = await startExporter(config, [], { words: emulated, env, limitMs });
    // The numbers of the calls that do it are the architecture's own.
    const image = noise(100_000);
    Deno.writeFileSync(`${folder}/os.img`, image);
    const words = ["client", "--host", exporter.address, "flasher", "flash", "--json", `${folder}/os.img`];
    const { code, stdout, stderr } = await run(words, { env, limitMs });
    assert.equal(code, 0, stderr);
    const { written } = JSON.parse(stdout.trim().split("\n").at(-1)!);
    const [bytes, digest] = [image.length, sha256(image)];
    const proof = { bytes, sha256: digest, sha256ReadBack: digest, verified: "read-back", written: bytes };
    assert.deepEqual(written, proof);
  },
});

Deno.test({
  name: "an exporter on aarch64 makes its own certificate, and clients of both architectures pin it",
  ignore: !emulated,
  async fn() {
    using around = surroundings();
    const { env, config } = around;
    await using exporter = await startExporter(config, ["--tls-self-signed"], { words: emulated, env, limitMs });
    const { fingerprint } = JSON.parse(await exporter.said("\n")) as { fingerprint: string };
    const on = (pin: string) => ["client", "--host", exporter.address, "--tls-fingerprint", pin, "power", "on"];
    for (const words of [undefined, emulated]) {
      assert.deepEqual(await run(on(fingerprint), { words, env, limitMs }), { code: 0, stdout: "", stderr: "" });
    }
    const other = await run(on("00".repeat(32)), { env, limitMs });
    assert.match(other.stderr, /^Error \(tls\): .*another exporter/);
    assert.equal(other.code, 3);
  },
});
