import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { isExecutable, run, start, temporaryFolder } from "./program.ts";

/** A driver that leaves a trace in the library it was given. */
const driver = `
import { defineDriver, power, z } from "jumpstarter";
power.summary += " +" + import.meta.url.split(".").at(-1);
export default defineDriver({
  name: "outside",
  summary: "Not part of the program",
  implements: power,
  config: z.object({ volts: z.number() }),
  open: ({ config }) => ({
    on() {},
    off() {},
    async *read() {
      yield { voltage: config.volts, current: 0 };
    },
  }),
});
`;

const config = `
apiVersion: jumpstarter.dev/v1alpha1
kind: ExporterConfig
metadata: { namespace: default, name: outside }
export:
  js: { type: ./driver.js, config: { volts: 1 } }
  mjs: { type: ./driver.mjs, config: { volts: 2 } }
  ts: { type: ./driver.ts, config: { volts: 3 } }
`;

Deno.test("Drivers outside the program get the program's own modules by the name jumpstarter", async () => {
  using folder = temporaryFolder();
  for (const extension of ["js", "mjs"]) folder.file(`driver.${extension}`, driver);
  folder.file("driver.ts", driver.replace("power.summary", "(power as { summary: string }).summary"));
  folder.file("deno.json", '{ "imports": { "jumpstarter": "./another.js" } }');
  const file = folder.file("exporter.yaml", config);
  for (const [index, name] of ["js", "mjs", "ts"].entries()) {
    const { code, stdout, stderr } = await run(["client", "--exporter-config", file, name, "read", "--json"]);
    assert.equal(code, 0, stderr);
    assert.deepEqual(JSON.parse(stdout), { voltage: index + 1, current: 0 });
  }
  // The client of this same process describes a driver by the interface that all three have changed.
  const { stdout } = await run(["client", "--exporter-config", file, "js", "--help"]);
  for (const trace of ["+js", "+mjs", "+ts"]) assert.ok(stdout.includes(trace), stdout);
});

Deno.test("What a driver prints is no part of what a command prints", async () => {
  using folder = temporaryFolder();
  folder.file("driver.ts", driver.replace("on() {}", 'on() { console.log("turning on"); }'));
  const file = folder.file("bench.yaml", "metadata: {name: b}\nexport: {d: {type: ./driver.ts, config: {volts: 1}}}\n");
  const { code, stdout, stderr } = await run(["client", "--exporter-config", file, "d", "on", "--json"]);
  assert.deepEqual([code, stdout, stderr], [0, '{"ok":true}\n', "turning on\n"]);
});

if (!isExecutable) console.error("JUMPSTARTER_BIN is not set: what stripping types cannot do is not tested");

Deno.test({
  name: "What stripping the types of a driver cannot do is said with what to do instead",
  // Deno itself compiles them.
  ignore: !isExecutable,
  async fn() {
    using folder = temporaryFolder();
    folder.file("types.ts", "export interface Volts { volts: number }\n");
    folder.file("named.ts", `import { Volts } from "./types.ts";\n${driver}export type Mine = Volts;\n`);
    folder.file("enum.ts", `enum State { On }\n${driver}`);
    const yaml = "metadata: {name: b}\nexport: {a: {type: ./named.ts}, b: {type: ./enum.ts}}\n";
    const { stdout } = await run(["exporter", "check", folder.file("bench.yaml", yaml)]);
    assert.match(stdout, /error: export\.a\.type: .*; Where Volts is a type: import type \{ Volts \}$/m);
    assert.match(stdout, /error: export\.b\.type: .*; Types are stripped, not compiled: enums, /s);
  },
});

/** A driver with an interface of its own, as somebody has it beside the config. */
const lamp = `
import { command, defineDriver, defineInterface, unary, z } from "jumpstarter";
export const lamp = defineInterface({
  name: "acme-lamp",
  summary: "A lamp",
  pythonClients: [],
  methods: { blink: unary("Blink", { params: { times: z.number() }, result: z.number() }) },
  commands: (client) => ({
    blink: command("Blink a few times", async ({ times }, { print }) => {
      const blinked = await client.blink({ times });
      print({ blinked }, "blinked " + blinked);
    }, { args: { times: z.number() } }),
  }),
});
export default defineDriver({
  name: "acme-lamp",
  summary: "A lamp of this test",
  implements: lamp,
  config: z.object({}),
  open: () => ({ blink: ({ times }) => times }),
});
`;

Deno.test("Commands of an interface beside the config are there wherever the file is known", async () => {
  using folder = temporaryFolder();
  folder.file("lamp.ts", lamp);
  const file = folder.file("bench.yaml", "metadata: {name: bench}\nexport: {lamp: {type: ./lamp.ts}}\n");
  const local = ["client", "--exporter-config", file];
  const uses = async () => {
    assert.match((await run(local)).stdout, /^ {2}lamp +acme-lamp +blink$/m);
    const { code, stdout, stderr } = await run([...local, "lamp", "blink", "3"]);
    assert.deepEqual([code, stdout, stderr], [0, "blinked 3\n", ""]);
    assert.equal((await run([...local, "--json", "lamp", "blink", "3"])).stdout, '{"blinked":3}\n');
    assert.match((await run([...local, "lamp", "methods"])).stdout, /^blink +unary +Blink$/m);
    const inShell = await run(["shell", "--exporter-config", file, "--", "j", "lamp", "blink", "2"]);
    assert.deepEqual([inShell.code, inShell.stdout], [0, "blinked 2\n"], inShell.stderr);
  };
  await uses();
  await using exporter = start(["exporter", "run", file, "--listen", "127.0.0.1:0", "--json"]);
  const { addresses: [host] } = JSON.parse(await exporter.said("\n"));
  await uses();
  // Elsewhere nobody knows the file.
  const there = ["client", "--host", host];
  assert.match((await run(there)).stdout, /^ {2}lamp +acme-lamp +methods, call, stream$/m);
  assert.equal((await run([...there, "lamp", "call", "blink", "4"])).stdout, "4\n");
  const { stderr } = await run([...there, "lamp", "methods"]);
  assert.equal(stderr, "None are known of this driver; call and stream take any name\n");
});

/** A switch that fails where nobody waits, and one that never opens. */
const careless = `
import { defineDriver, power, z } from "jumpstarter";
export default defineDriver({
  name: "careless",
  summary: "x",
  implements: power,
  config: z.object({ stuck: z.boolean().default(false) }),
  open: ({ config }) => config.stuck ? new Promise(() => {}) : {
    on: () => void Promise.reject(new Error("No relay answers")),
    off: () => void setTimeout(() => { throw new Error("No relay is off"); }, 0),
  },
});
`;

Deno.test("A failure that nobody waits for is told with its place, and the board stays", async () => {
  using folder = temporaryFolder();
  folder.file("careless.js", careless);
  const file = folder.file("bench.yaml", "metadata: {name: bench}\nexport: {relay: {type: ./careless.js}}\n");
  await using exporter = start(["exporter", "run", file, "--listen", "127.0.0.1:0", "--json"]);
  const { addresses: [host] } = JSON.parse(await exporter.said("\n"));
  for (const [command, error] of [["on", "No relay answers"], ["off", "No relay is off"]]) {
    assert.equal((await run(["client", "--host", host, "relay", command])).code, 0);
    const lines = (await exporter.noted(error)).split("\n").filter((line) => line.includes(error));
    const record = JSON.parse(lines[0]);
    assert.deepEqual([record.level, record.msg], ["error", "nobody waited for what failed"]);
    assert.match(record.at, /careless\.js:\d+:\d+/);
  }
  assert.equal((await run(["client", "--host", host, "relay", "on"])).code, 0);
});

Deno.test("The same in a client's own exporter does not end its command", async () => {
  using folder = temporaryFolder();
  folder.file("careless.js", careless);
  const file = folder.file("bench.yaml", "metadata: {name: bench}\nexport: {relay: {type: ./careless.js}}\n");
  const { code, stderr } = await run(["client", "--exporter-config", file, "relay", "on"]);
  assert.equal(code, 0, stderr);
  assert.match(stderr, /^Nobody waited for what failed: No relay answers \(.*careless\.js:\d+:\d+\)+\n$/);
});

Deno.test("A driver that does not open is given up within the client's limit, and a second after it was interrupted", async () => {
  using folder = temporaryFolder();
  folder.file("careless.js", careless);
  const file = folder.file(
    "bench.yaml",
    "metadata: {name: bench}\nexport: {relay: {type: ./careless.js, config: {stuck: true}}}\n",
  );
  const { code, stderr } = await run(["client", "--exporter-config", file, "--timeout", "1", "relay", "on"]);
  assert.deepEqual([code, stderr], [
    1,
    `Error (driver): ${file}:2:10: Driver "relay" (careless) failed to open: The exporter was not there within 1 s\n`,
  ]);
  for (const words of [["client", "--exporter-config", file, "relay", "on"], ["exporter", "run", file]]) {
    await using running = start(words, { limitMs: 10_000 });
    await sleep(1_000);
    const interrupted = performance.now();
    running.kill("SIGTERM");
    const ended = await running.ended;
    assert.deepEqual([ended.code, ended.stderr], [143, ""]);
    assert.ok(performance.now() - interrupted < 2_500);
  }
});

Deno.test("A home that cannot be written to keeps no driver in TypeScript from being loaded, and is named where it matters", async () => {
  using folder = temporaryFolder();
  folder.file("lamp.ts", lamp);
  const file = folder.file("bench.yaml", "metadata: {name: bench}\nexport: {lamp: {type: ./lamp.ts}}\n");
  // A file in the place of a folder stops root as well.
  const home = folder.file("home", "");
  const env = { XDG_CACHE_HOME: home, JMP_CLIENT_CONFIG_HOME: home };
  const used = await run(["client", "--exporter-config", file, "lamp", "blink", "3"], { env });
  assert.deepEqual([used.code, used.stdout], [0, "blinked 3\n"], used.stderr);
  const { code, stderr } = await run(["board", "add", "bench", "127.0.0.1:7000"], { env });
  assert.equal(code, 2);
  assert.match(stderr, new RegExp(`^Error: ${home}/boards\\.yaml:1:1: Not a directory`));
});
