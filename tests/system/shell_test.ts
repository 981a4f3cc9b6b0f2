/** Shells in which j reaches the board. @module */
import assert from "node:assert/strict";
import { benchConfig, run, start, startExporter } from "./program.ts";

Deno.test("shell runs a command in which j reaches the board, and passes its exit code on", async () => {
  using config = await benchConfig();
  const shell = ["shell", "--exporter-config", config.path, "--"];
  const read = await run([...shell, "sh", "-c", "j power on && j power read --json"]);
  assert.equal(read.code, 0, read.stderr);
  assert.equal(JSON.parse(read.stdout).voltage, 5);
  assert.equal((await run([...shell, "sh", "-c", "exit 7"])).code, 7);
  assert.equal((await run([...shell, "no-such-command"])).code, 127);
  assert.equal((await run([...shell, config.path])).code, 126);
});

Deno.test("shell sets upstream's environment", async () => {
  using config = await benchConfig();
  const print = ["sh", "-c", "env; command -v j jmp jumpstarter"];
  const local = await run(["shell", "--exporter-config", config.path, "--", ...print]);
  assert.match(local.stdout, /^JUMPSTARTER_HOST=\/.+$/m);
  assert.match(local.stdout, /^JMP_DRIVERS_ALLOW=UNSAFE$/m);
  assert.match(local.stdout, /^_JMP_SUPPRESS_DRIVER_WARNINGS=1$/m);
  assert.doesNotMatch(local.stdout, /^JMP_EXPORTER=/m);
  await using exporter = await startExporter(config.path);
  for (const flags of [["--host", exporter.address], ["--tls-grpc", exporter.address, "--tls-grpc-insecure"]]) {
    const direct = await run(["shell", ...flags, "--", ...print]);
    assert.match(direct.stdout, new RegExp(`^JUMPSTARTER_HOST=${exporter.address}$`, "m"));
    assert.match(direct.stdout, /^JMP_EXPORTER=direct$/m);
    assert.match(direct.stdout, /^JMP_GRPC_INSECURE=1$/m);
  }
});

Deno.test("shell starts nothing when the board cannot be reached", async () => {
  const { code, stdout } = await run(["shell", "--host", "127.0.0.1:1", "--", "echo", "started"]);
  assert.deepEqual([code, stdout], [3, ""]);
});

Deno.test("shell passes a termination on to its command and waits for it", async () => {
  using config = await benchConfig();
  const script = "trap 'echo ending; exit 5' TERM; echo ready; while :; do sleep 0.05; done";
  await using shell = start(["shell", "--exporter-config", config.path, "--", "sh", "-c", script]);
  await shell.said("ready");
  shell.kill("SIGTERM");
  const { code, stdout } = await shell.ended;
  assert.deepEqual([code, stdout], [5, "ready\nending\n"]);
});
