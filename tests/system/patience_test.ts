/** How long the program waits, and for what: drivers that close slowly, drivers that do not answer, programs it runs. @module */
import assert from "node:assert/strict";
import { isInstalled } from "./terminal.ts";
import { programWords, run, start, startExporter, temporaryFolder } from "./program.ts";

/** Drivers that need a while to open and to close, and say so in a file; and one that never says what it can do. */
const drivers = `
import { defineDriver, power, shell, z } from "jumpstarter";
const wait = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
export default defineDriver({
  name: "slow",
  summary: "Takes its time",
  implements: power,
  config: z.object({ trace: z.string(), opens: z.number(), closes: z.number() }),
  async open({ config: { trace, opens, closes } }) {
    await Deno.writeTextFile(trace, "opening\\n", { append: true });
    await wait(opens);
    return {
      on() {},
      off() {},
      async *read() {},
      async [Symbol.asyncDispose]() {
        await wait(closes);
        await Deno.writeTextFile(trace, "closed\\n", { append: true });
      },
    };
  },
});
export const mute = defineDriver({
  name: "mute",
  summary: "Never says which scripts it has",
  implements: shell,
  config: z.object({}),
  open: () => ({ getMethods: () => new Promise<string[]>(() => {}), async *callMethod() {} }),
});
`;

/** A config with the slow driver under names, with how long each opens and closes, in milliseconds. */
function bench(times: Record<string, [opens: number, closes: number]>, more = "") {
  const folder = temporaryFolder();
  folder.file("slow.ts", drivers);
  folder.file("mute.ts", 'export { mute as default } from "./slow.ts";\n');
  const entries = Object.entries(times).map(([name, [opens, closes]]) =>
    `  ${name}: { type: ./slow.ts, config: { trace: ${folder.path}/${name}, opens: ${opens}, closes: ${closes} } }\n`
  );
  const config = folder.file("bench.yaml", `metadata: { name: b }\nexport:\n${entries.join("")}${more}`);
  const trace = (name: string) => Deno.readTextFileSync(`${folder.path}/${name}`);
  return { config, trace, path: folder.path, [Symbol.dispose]: () => folder[Symbol.dispose]() };
}

Deno.test("Every driver is closed, however long it takes, when an exporter is told to end", async () => {
  using slow = bench({ first: [0, 0], last: [0, 3_000] });
  await using exporter = await startExporter(slow.config);
  exporter.kill("SIGTERM");
  assert.equal((await exporter.ended).code, 0);
  for (const name of ["first", "last"]) assert.equal(slow.trace(name), "opening\nclosed\n", name);
});

Deno.test("A driver that is being opened when an exporter is told to end is closed as well", async () => {
  using slow = bench({ one: [800, 0] });
  await using exporter = start(["exporter", "run", slow.config, "--listen", "127.0.0.1:0", "--json"]);
  while (!(await Deno.stat(`${slow.path}/one`).catch(() => undefined))) await new Promise((go) => setTimeout(go, 50));
  exporter.kill("SIGTERM");
  await exporter.ended;
  assert.equal(slow.trace("one"), "opening\nclosed\n");
});

Deno.test("A second signal ends what takes too long, also after a program has run in the foreground", async () => {
  using slow = bench({ one: [0, 4_500] });
  await using shell = start(["shell", "--exporter-config", slow.config, "--", "sh", "-c", "echo ready; exec sleep 1"]);
  await shell.said("ready");
  await new Promise((go) => setTimeout(go, 1_800));
  const started = performance.now();
  shell.kill("SIGTERM");
  await new Promise((go) => setTimeout(go, 200));
  shell.kill("SIGTERM");
  assert.equal((await shell.ended).code, 143);
  assert.ok(performance.now() - started < 2_000);
});

Deno.test("A driver that does not say what it can do holds up no other one", async () => {
  using slow = bench({ one: [0, 0] }, "  mute: { type: ./mute.ts, config: {} }\n");
  await using exporter = await startExporter(slow.config);
  const { code, stderr } = await run(["client", "--host", exporter.address, "one", "on"], { limitMs: 8_000 });
  assert.equal(code, 0, stderr);
});

Deno.test("A limit ends a program in the foreground, and what stays until it is told to end", async () => {
  using folder = temporaryFolder();
  const text = "metadata: { name: b }\nexport:\n" +
    "  bus: { type: dbus-network, config: { kind: system } }\n  net: { type: echo-network }\n";
  await using exporter = await startExporter(folder.file("bench.yaml", text));
  for (
    const words of [["bus", "dbus", "--timeout", "1", "sleep", "8"], ["net", "forward-tcp", "0", "--timeout", "1"]]
  ) {
    const started = performance.now();
    const { code, stderr } = await run(["client", "--host", exporter.address, ...words]);
    assert.deepEqual([code, /did not end within 1 s/.test(stderr)], [1, true], `${words}: ${stderr}`);
    assert.ok(performance.now() - started < 5_000);
  }
});

Deno.test("A shell goes on when the exporter whose log it prints is gone", async () => {
  using slow = bench({ one: [0, 0] });
  await using exporter = await startExporter(slow.config);
  const words = ["--exporter-logs", "--", "sh", "-c", "echo ready; sleep 4; echo still here"];
  await using shell = start(["shell", "--host", exporter.address, ...words]);
  await shell.said("ready");
  exporter.kill("SIGTERM");
  await shell.noted("The exporter's log has ended");
  const { code, stdout } = await shell.ended;
  assert.deepEqual([code, stdout], [0, "ready\nstill here\n"]);
});

const missing = Deno.build.os === "linux" && await isInstalled("script") ? "" : " (skipped: script is not installed)";

Deno.test({
  name: `What an exporter says of its drivers does nothing to the terminal in a help either${missing}`,
  ignore: missing !== "",
  async fn() {
    using folder = temporaryFolder();
    const text = "metadata: { name: b }\nexport:\n  p:\n    type: mock-power\n" +
      '    description: "evil \\e]0;PWN\\a\\e[31mred"\n    methods_description: { on: "on \\e[2J" }\n';
    await using exporter = await startExporter(folder.file("bench.yaml", text));
    for (const words of [["p"], ["p", "--help"], ["p", "on", "--help"]]) {
      const line = [...programWords, "client", "--host", exporter.address, ...words].join(" ");
      const command = new Deno.Command("script", { args: ["-qec", line, "/dev/null"], stdin: "null" });
      const { success, stdout } = await command.output();
      const shown = new TextDecoder().decode(stdout).replaceAll("\r\n", "\n");
      assert.ok(success && shown.includes("Usage:"), shown);
      // deno-lint-ignore no-control-regex
      assert.doesNotMatch(shown, /[\x00-\x08\x0b-\x1f\x7f-\x9f]/, words.join(" "));
    }
  },
});

Deno.test("A config may come through a pipe", async () => {
  const words = [
    "-c",
    '"$@" client --exporter-config <(printf "metadata: {name: b}\\nexport: {p: {type: mock-power}}\\n") p on',
  ];
  const { success, stderr } = await new Deno.Command("bash", { args: [...words, "bash", ...programWords] }).output();
  assert.ok(success, new TextDecoder().decode(stderr));
});
