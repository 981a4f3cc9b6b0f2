/** Forwards in the background of a session. @module */
import assert from "node:assert/strict";
import { pause } from "../../lib/core/limit.ts";
import { linkNamesOf } from "./names.ts";
import { isolated, run, startExporter, temporaryFolder } from "./program.ts";
import { isInstalled, openTerminal } from "./terminal.ts";

const board = "metadata: {name: board}\nexport:\n  net: {type: echo-network}\n";

/** What comes back of a byte, or `undefined` where nobody listens. */
async function echoOf(at: Deno.ConnectOptions | Deno.UnixConnectOptions): Promise<number | undefined> {
  try {
    using connection = "path" in at ? await Deno.connect(at) : await Deno.connect(at);
    await connection.write(new Uint8Array([7]));
    const buffer = new Uint8Array(1);
    return await connection.read(buffer) === null ? undefined : buffer[0];
  } catch {
    return undefined;
  }
}

function portOf(address: string): Deno.ConnectOptions {
  return { hostname: "127.0.0.1", port: Number(/^127\.0\.0\.1:(\d+)$/.exec(address.trim())![1]) };
}

/** Waits for something within ten seconds. */
async function eventually(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
  for (const end = performance.now() + 10_000; !await holds();) {
    assert.ok(performance.now() < end, what);
    await pause(20);
  }
}

Deno.test("A forward in the background works when its command has ended, and its process can be ended", async () => {
  using folder = temporaryFolder();
  await using exporter = await startExporter(folder.file("board.yaml", board));
  const forward = ["client", "--host", exporter.address, "net", "forward-tcp", "0", "--background"];
  const { code, stdout } = await run([...forward, "--json"]);
  assert.equal(code, 0);
  const { address, pid } = JSON.parse(stdout);
  assert.equal(await echoOf(portOf(address)), 7);
  Deno.kill(pid, "SIGTERM");
  await eventually("The forward still listens", async () => await echoOf(portOf(address)) === undefined);

  const plain = await run(forward);
  const [, said] = /kill (\d+)$/m.exec(plain.stderr)!;
  assert.equal(await echoOf(portOf(plain.stdout)), 7);
  exporter.kill("SIGTERM");
  await eventually("The forward outlives its exporter", () => !isRunning(Number(said)));
});

Deno.test("A forward of a unix socket goes to the background as well, with the exporter of a file", async () => {
  using folder = temporaryFolder();
  const file = folder.file("board.yaml", board);
  const path = `${folder.path}/net.sock`;
  const { stdout } = await run(
    ["client", "--exporter-config", file, "net", "forward-unix", path, "--background", "--json"],
  );
  const { path: listening, pid } = JSON.parse(stdout);
  assert.equal(listening, path);
  assert.equal(await echoOf({ transport: "unix", path }), 7);
  Deno.kill(pid, "SIGTERM");
  await eventually("The process stays", () => !isRunning(pid));
  await assert.rejects(Deno.stat(path), Deno.errors.NotFound);
});

Deno.test("What cannot start in the background fails in the foreground", async () => {
  using folder = temporaryFolder();
  await using exporter = await startExporter(folder.file("board.yaml", board));
  using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const forward = (port: number) => ["net", "forward-tcp", String(port), "--background"];
  const { code, stdout, stderr } = await run(["client", "--host", exporter.address, ...forward(taken.addr.port)]);
  assert.deepEqual([code, stdout], [2, ""]);
  assert.match(stderr, /^Error: Cannot listen on 127\.0\.0\.1:\d+: it is in use$/m);
  await exporter[Symbol.asyncDispose]();
  const gone = await run(["client", "--host", exporter.address, ...forward(0)]);
  assert.deepEqual([gone.code, gone.stdout], [3, ""]);
});

const terminals = await isInstalled("script") && Deno.build.os === "linux";
if (!terminals) console.error("script is not installed (Debian's bsdutils): forwards of terminals are not tested");

Deno.test({
  name: "A forward in the background ends with the terminal that it was started from, not with a script in there",
  ignore: !terminals,
  async fn() {
    using folder = temporaryFolder();
    await using exporter = await startExporter(folder.file("board.yaml", board));
    const names = linkNamesOf(folder.path);
    const env = { ...isolated(), JUMPSTARTER_HOST: exporter.address, PATH: `${names}:${Deno.env.get("PATH")}` };
    const terminal = openTerminal("sh", env, folder.path);
    let started: { address: Deno.ConnectOptions; pid: number };
    try {
      await terminal.run("sh -c 'j net forward-tcp 0 --background >address 2>said; cat said'");
      const said = Deno.readTextFileSync(`${folder.path}/said`);
      const address = portOf(Deno.readTextFileSync(`${folder.path}/address`));
      started = { address, pid: Number(/kill (\d+)/.exec(said)![1]) };
      assert.equal(await echoOf(address), 7);
    } finally {
      await terminal[Symbol.asyncDispose]();
    }
    await eventually("The forward outlives its terminal", () => !isRunning(started.pid));
    assert.equal(await echoOf(started.address), undefined);
  },
});

function isRunning(pid: number): boolean {
  return new Deno.Command("kill", { args: ["-0", String(pid)], stderr: "null" }).outputSync().success;
}
