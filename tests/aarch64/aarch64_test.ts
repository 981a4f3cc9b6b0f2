/**
 * The executable for aarch64 in qemu's user mode: a call, a stream, a TLS connection, and a pseudo-terminal that a
 * driver opens by FFI. `JUMPSTARTER_AARCH64_BIN` names the executable, which `deno task compile --target` makes.
 *
 * What emulation cannot show: times, and whatever asks the kernel by numbers of the architecture that qemu translates.
 *
 * @module
 */
import assert from "node:assert/strict";
import { type ProgramWords, run, startExporter, temporaryFolder } from "../system/program.ts";

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
const limitMs = 120_000;

const bench = `
metadata: { name: bench }
export:
  power: { type: mock-power }
  board: { type: simulated-board }
  terminal: { type: ./pseudo_terminal.ts }
`;

/** A config, the driver beside it, and a place for what the exporter keeps. */
function surroundings() {
  const folder = temporaryFolder();
  const driver = new URL("./pseudo_terminal.ts", import.meta.url);
  folder.file("pseudo_terminal.ts", Deno.readTextFileSync(driver));
  const config = folder.file("bench.yaml", bench);
  return { config, env: { XDG_STATE_HOME: `${folder.path}/state` }, [Symbol.dispose]: () => folder[Symbol.dispose]() };
}

Deno.test({
  name: "an exporter on aarch64 serves calls, streams, and a pseudo-terminal that its driver opens by FFI",
  ignore: !emulated,
  async fn() {
    using around = surroundings();
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
    // A terminal gives a carriage return to every line that leaves it.
    assert.deepEqual(await client(["terminal", "pipe"], "to aarch64\n"), {
      code: 0,
      stdout: "to aarch64\r\n",
      stderr: "",
    });

    exporter.kill("SIGTERM");
    const { code, stderr } = await exporter.ended;
    const opened = stderr.split("\n").find((line) => line.includes("pseudo-terminal opened"));
    assert.match(opened ?? stderr, /"path":"\/dev\/pts\/\d+".*"arch":"aarch64"/);
    assert.equal(code, 0);
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
