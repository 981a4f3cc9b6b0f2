/** The program itself: help, version, names, and the tour. @module */
import assert from "node:assert/strict";
import { isExecutable, programWords, run, temporaryFolder } from "./program.ts";

Deno.test("help asked for goes to standard output, usage after a mistake to standard error", async () => {
  const help = await run(["--help"]);
  assert.deepEqual([help.code, help.stderr], [0, ""]);
  assert.match(help.stdout, /Usage: jumpstarter/);
  const mistake = await run(["exporter", "runn"]);
  assert.deepEqual([mistake.code, mistake.stdout], [2, ""]);
  assert.match(mistake.stderr, /run/);
  const bare = await run(["config", "client"]);
  assert.deepEqual([bare.code, bare.stdout], [2, ""]);
  assert.match(bare.stderr, /Usage: jumpstarter config client .*\n\n[^]*\nError: Expected a command\n/);
  const lease = await run(["get", "exporters"]);
  assert.deepEqual([lease.code, lease.stderr.split("\n")[0]], [
    2,
    'Error: This version has no leases, so that there is no "get"',
  ]);
  const unknown = await run(["clinet"]);
  assert.deepEqual([unknown.code, unknown.stdout], [2, ""]);
  assert.match(unknown.stderr, /client/);
});

Deno.test("version prints the version as text and as JSON", async () => {
  const { stdout } = await run(["version", "--json"]);
  const { version } = JSON.parse(stdout);
  assert.match(version, /^\d+\.\d+\.\d+$/);
  assert.equal((await run(["--version"])).stdout, `${version}\n`);
  assert.ok((await run(["version"])).stdout.startsWith(`jumpstarter ${version} (`));
});

Deno.test({
  name: "a symbolic link named j is the client",
  ignore: !isExecutable,
  async fn() {
    using folder = temporaryFolder();
    Deno.symlinkSync(programWords[0], `${folder.path}/j`);
    const { code, stderr } = await new Deno.Command(`${folder.path}/j`, {
      args: ["--host", "127.0.0.1:1", "power", "on"],
      stderr: "piped",
      stdout: "null",
    }).output();
    assert.equal(code, 3);
    assert.match(new TextDecoder().decode(stderr), /Nothing listens/);
    const config = folder.file("bench.yaml", "metadata: {name: b}\nexport: {power: {type: mock-power}}\n");
    const usages = [[["--help"], "j [options] [driver...]"], [
      ["power", "read", "--help"],
      "j power read [options]",
    ]] as const;
    for (const [words, usage] of usages) {
      const args = words[0] === "--help" ? [...words] : ["--exporter-config", config, ...words];
      const { stdout } = await new Deno.Command(`${folder.path}/j`, { args }).output();
      assert.equal(new TextDecoder().decode(stdout).split("\n")[0], `Usage: ${usage}`);
    }
  },
});
if (!isExecutable) console.error("JUMPSTARTER_BIN is not set: the test of the executable's own names is skipped");

Deno.test("demo is a tour over the real wire, each command with its output", async () => {
  const { code, stdout, stderr } = await run(["demo"], { limitMs: 60_000 });
  assert.equal(code, 0, stderr);
  const expected = [
    "power on",
    "SIMBOOT 1.0",
    "simboard login:",
    "voltage=5.0 V",
    '{"voltage":5',
    "Hello from the simulated board",
    "power off",
  ];
  let from = 0;
  for (const text of expected) {
    const at = stdout.indexOf(text, from);
    assert.ok(at >= 0, `${text} is missing in:\n${stdout}`);
    from = at;
  }
  assert.match(stderr, /did you mean "power"\?/);
});
