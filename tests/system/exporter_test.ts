/** The exporter's commands, and what it survives. @module */
import assert from "node:assert/strict";
import { pause } from "../../lib/core/limit.ts";
import { writeAll } from "../../lib/core/pipe.ts";
import {
  benchConfig,
  isolated,
  type ProgramWords,
  programWords,
  run,
  start,
  startExporter,
  temporaryFolder,
} from "./program.ts";

Deno.test("exporter init prints a file that exporter check accepts", async () => {
  using config = await benchConfig();
  const { code, stdout } = await run(["exporter", "check", config.path]);
  assert.deepEqual([code, stdout], [0, `${config.path}: no errors, 5 drivers\n`]);
});

Deno.test("exporter check prints every problem with its place and ends with 2", async () => {
  using folder = temporaryFolder();
  const file = folder.file(
    "bench.yaml",
    "metadata: {name: bench}\nexport:\n  power:\n    type: mock-powr\n  net:\n    type: tcp-network\n    config: {host: a, port: x}\n",
  );
  const { code, stdout, stderr } = await run(["exporter", "check", file]);
  const [first, second] = stdout.split("\n");
  assert.ok(
    first.startsWith(
      `${file}:4:11: error: export.power.type: Driver "mock-powr" is not known; did you mean "mock-power"?`,
    ),
    first,
  );
  assert.equal(second, `${file}:7:29: error: export.net.config.port: Expected an integer, got "x"`);
  assert.equal(code, 2);
  assert.match(stderr, /has 2 errors/);
  const json = await run(["exporter", "check", file, "--json"]);
  const { ok, problems } = JSON.parse(json.stdout);
  assert.deepEqual([ok, problems.length, problems[1].line, problems[1].column], [false, 2, 7, 29]);
});

Deno.test("exporter run refuses a broken file with all of its problems", async () => {
  using folder = temporaryFolder();
  const file = folder.file("bench.yaml", "metadata: {name: bench}\nexport: [power]\n");
  const { code, stderr } = await run(["exporter", "run", file, "--listen", "127.0.0.1:0"]);
  assert.equal(code, 2);
  assert.match(stderr, /bench\.yaml:2:9: export: Expected a mapping, got a list/);
});

Deno.test("exporter run refuses hooks, unless told to do without", async () => {
  using folder = temporaryFolder();
  const text =
    "metadata: {name: bench}\nexport: {power: {type: mock-power}}\nhooks: {beforeLease: {script: j power on}}\n";
  const file = folder.file("bench.yaml", text);
  const refused = await run(["exporter", "run", file, "--listen", "127.0.0.1:0"]);
  assert.equal(refused.code, 2);
  assert.match(refused.stderr, /has hooks[\s\S]*--no-hooks/);
  await using exporter = await startExporter(file, ["--no-hooks"]);
  assert.equal((await run(["client", "--host", exporter.address, "power", "on"])).code, 0);
});

Deno.test("exporter run tells a port in use, and a network that it would open", async () => {
  using config = await benchConfig();
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const taken = await run(["exporter", "run", config.path, "--listen", `127.0.0.1:${listener.addr.port}`]);
  assert.equal(taken.code, 2);
  assert.match(taken.stderr, /the port is in use\n {2}Try: --listen 127\.0\.0\.1:0/);
  const elsewhere = await run(["exporter", "run", config.path, "--listen", "192.0.2.1:7000", "--plaintext"]);
  assert.equal(elsewhere.code, 2);
  assert.match(
    elsewhere.stderr,
    /^Error: Cannot listen on 192\.0\.2\.1:7000: this machine has no such address\n {2}Try: /,
  );
  const open = await run(["exporter", "run", config.path, "--listen", "0.0.0.0:0"]);
  assert.equal(open.code, 2);
  assert.match(open.stderr, /opens the board to the network[\s\S]*--plaintext/);
});

Deno.test("a second exporter of one file is refused", async () => {
  using config = await benchConfig();
  await using _exporter = await startExporter(config.path);
  const second = await run(["exporter", "run", config.path, "--listen", "127.0.0.1:0"]);
  assert.equal(second.code, 2);
  assert.match(second.stderr, /runs already/);
});

Deno.test("exporter run ends with 0 and without a word at SIGTERM and SIGINT, clients connected, and its port is free at once", async () => {
  using config = await benchConfig();
  let address = "127.0.0.1:0";
  for (const signal of ["SIGTERM", "SIGINT", "SIGTERM"] as const) {
    await using exporter = start(["exporter", "run", config.path, "--listen", address, "--json"], { limitMs: 60_000 });
    address = JSON.parse(await exporter.said("\n")).addresses[0];
    await using pipe = start(["client", "--host", address, "console", "pipe"]);
    assert.equal((await run(["client", "--host", address, "power", "on"])).code, 0);
    await pipe.said("login:");
    exporter.kill(signal);
    const { code, stderr } = await exporter.ended;
    const words = stderr.split("\n").filter((line) => line && !/"level":"info"/.test(line));
    assert.deepEqual([code, words], [0, []]);
    assert.equal((await pipe.ended).code, 3);
  }
});

Deno.test("an exporter stays when nobody reads what it says any more", async () => {
  using config = await benchConfig();
  const [program, ...words] = [...programWords, "exporter", "run", config.path, "--listen", "127.0.0.1:0", "--json"];
  const child = new Deno.Command(program, { args: words, env: isolated(), stdout: "piped", stderr: "piped" }).spawn();
  const output = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  const { addresses } = JSON.parse((await output.read()).value!);
  await Promise.all([output.cancel(), child.stderr.cancel()]);
  for (let call = 0; call < 2; call++) {
    assert.equal((await run(["client", "--host", addresses[0], "power", "on"])).code, 0);
  }
  child.kill("SIGTERM");
  assert.equal((await child.status).code, 0);
});

Deno.test("the exporter survives clients that are killed in a call and in a stream", async () => {
  using config = await benchConfig();
  await using exporter = await startExporter(config.path);
  const host = ["client", "--host", exporter.address];
  assert.equal((await run([...host, "power", "on"])).code, 0);
  // Whatever the board is at, it echoes what is typed and prompts for more.
  await using pipe = start([...host, "console", "pipe"], { stdin: "\n" });
  await using ticks = start([...host, "board", "stream", "ticks", "10000000"]);
  await using forward = start([...host, "net", "forward-tcp", "0"]);
  await Promise.all([pipe.said("simbo"), ticks.said("100\n"), forward.said("\n")]);
  for (const client of [pipe, ticks, forward]) client.kill("SIGKILL");
  await Promise.all([pipe.ended, ticks.ended, forward.ended]);
  assert.equal((await run([...host, "power", "off"])).code, 0);
});

Deno.test("a client whose exporter is killed ends with 3 and says so", async () => {
  using config = await benchConfig();
  await using exporter = await startExporter(config.path);
  const host = ["client", "--host", exporter.address];
  await using cycle = start([...host, "power", "cycle", "--wait", "60"]);
  await using ticks = start([...host, "board", "stream", "ticks", "10000000"]);
  await Promise.all([cycle.said("Power cycling"), ticks.said("100\n")]);
  exporter.kill("SIGKILL");
  for (const client of [cycle, ticks]) {
    const { code, stderr } = await client.ended;
    assert.equal(code, 3, stderr);
    assert.match(stderr, /Error \(connect\): /);
  }
});

Deno.test("what an exporter said before it was killed is shown to whoever reads late", async () => {
  using board = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  using folder = temporaryFolder();
  const url = `socket://127.0.0.1:${board.addr.port}`;
  const yaml = `metadata: {name: bench}\nexport: {console: {type: serial, config: {url: "${url}"}}}\n`;
  await using exporter = await startExporter(folder.file("bench.yaml", yaml));
  using line = await board.accept();
  // More than a pipe holds, and less than a client takes in before it has shown some.
  await writeAll(line, new Uint8Array(150_000).fill("x".charCodeAt(0)));
  const log = ["client", "--host", exporter.address, "console", "log", "--since", "0"];
  while ((await run(log)).stdout.length < 150_000) await pause(50);
  // Nobody reads what it shows before the file is there.
  const late = '{ "$@"; echo "code:$?" >&2; } | { until [ -e "$0" ]; do sleep 0.02; done; wc -c; }';
  const words: ProgramWords = ["sh", "-c", late, `${folder.path}/go`, ...programWords];
  await using reader = start([...log, "--follow"], { words });
  await pause(2_000);
  exporter.kill("SIGKILL");
  folder.file("go", "");
  const { stdout, stderr } = await reader.ended;
  assert.match(stderr, /^Error \(connect\): .*\ncode:3\n$/);
  assert.equal(Number(stdout), 150_000);
});

Deno.test("jmp run serves a file in upstream's words", async () => {
  using config = await benchConfig();
  const free = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = free.addr;
  free.close();
  const words = [
    "run",
    "--exporter-config",
    config.path,
    "--tls-grpc-listener",
    `127.0.0.1:${port}`,
    "--tls-grpc-insecure",
    "--json",
  ];
  await using exporter = start(words);
  await exporter.said("\n");
  assert.equal((await run(["client", "--host", `127.0.0.1:${port}`, "power", "on"])).code, 0);
  for (const wrong of [words.slice(0, 3), words.filter((word) => word !== "--tls-grpc-insecure"), ["run"]]) {
    assert.equal((await run(wrong)).code, 2);
  }
});

Deno.test("a driver in TypeScript beside the config is opened, with what it imports", async () => {
  using folder = temporaryFolder();
  folder.file("volts.ts", "export const volts: number = 12;\n");
  folder.file(
    "relay.ts",
    `import { defineDriver, type DriverContext, power, z } from "jumpstarter";
     import { volts } from "./volts.ts";
     interface Relay { on: boolean }
     export default defineDriver({
       name: "test-relay",
       summary: "A relay of this test",
       implements: power,
       config: z.object({ amperes: z.number() }),
       open({ config }: DriverContext<{ amperes: number }, Record<never, never>>) {
         const relay: Relay = { on: false };
         return {
           on: () => { relay.on = true; },
           off: () => { relay.on = false; },
           async *read() { yield { voltage: relay.on ? volts : 0, current: config.amperes }; },
         };
       },
     });`,
  );
  const file = folder.file(
    "bench.yaml",
    "metadata: {name: bench}\nexport: {relay: {type: ./relay.ts, config: {amperes: 2}}}\n",
  );
  const { code, stdout, stderr } = await run(["client", "--exporter-config", file, "relay", "read", "--json"]);
  assert.deepEqual([code, stdout], [0, '{"voltage":0,"current":2}\n'], stderr);
  const tree = await run(["client", "--exporter-config", file]);
  assert.match(tree.stdout, /relay\s+power\s+on, off/);
});
