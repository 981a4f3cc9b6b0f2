import assert from "node:assert/strict";
import { bundledDrivers } from "../../drivers/table.ts";
import { checkExporterConfig, requireExporterConfig } from "../../lib/config/exporter_config.ts";
import { renderProblem } from "../../lib/config/problem.ts";
import { parseYaml } from "../../lib/config/document.ts";
import { planTree, requireTree } from "../../lib/loader/plan.ts";
import { connect, power } from "../../mod.ts";
import { folderOf } from "../folder.ts";

/** A driver that needs a power switch and a console, and is a power switch itself. */
const harness = `
import { defineDriver, power, serial, z } from "jumpstarter";

export default defineDriver({
  name: "harness",
  summary: "Opens the console before it switches",
  implements: power,
  config: z.object({}),
  children: { supply: power, console: serial },
  open({ children, log }) {
    return {
      async on() {
        await using stream = await children.console.connect();
        const writer = stream.writable.getWriter();
        const reader = stream.readable.getReader();
        const echo = reader.read();
        await writer.write(new TextEncoder().encode("ready"));
        log.info("heard", { text: new TextDecoder().decode((await echo).value) });
        await children.supply.on();
      },
      off: () => children.supply.off(),
      read: () => children.supply.read(),
    };
  },
});
`;

const file = (children: string) => ({
  "harness.ts": harness,
  "exporter.yaml": "metadata: {name: x}\nexport:\n  port: {type: serial, config: {url: 'loop://'}}\n" +
    `  device:\n    type: ./harness.ts\n    children:\n${children}`,
});

Deno.test("Children that a driver needs come from the file, proxies included, as typed clients", async () => {
  using folder = await folderOf(file("      supply: {type: mock-power}\n      console: {ref: port}\n"));
  await using board = await connect({ exporterConfig: `${folder.path}/exporter.yaml` }, {
    device: power,
    "device.supply": power,
  });
  await board.device.on();
  await board.device.cycle({ waitMs: 0 });
  const readings = await Array.fromAsync(board.device.read());
  assert.deepEqual(readings, await Array.fromAsync(board["device.supply"].read()));
});

const problemsOf = async (children: string) => {
  using folder = await folderOf(file(children));
  const config = requireExporterConfig(`${folder.path}/exporter.yaml`);
  const { root, problems } = await planTree(config, bundledDrivers);
  assert.equal(root, undefined);
  return problems.map((problem) => renderProblem(problem).replace(`${folder.path}/`, ""));
};

Deno.test("Children that are missing or of another interface are found before anything is opened", async () => {
  assert.deepEqual(await problemsOf("      supply: {type: mock-power}\n"), [
    'exporter.yaml:6:5: export.device.children.console: The driver harness needs a child "console" with the interface serial',
  ]);
  assert.deepEqual(await problemsOf("      supply: {ref: port}\n      console: {type: mock-power}\n"), [
    "exporter.yaml:7:7: export.device.children.supply: The driver harness needs the interface power here, got serial",
    "exporter.yaml:8:7: export.device.children.console: The driver harness needs the interface serial here, got power",
  ]);
});

Deno.test("A child that is wrong itself is not called missing as well", async () => {
  assert.deepEqual(await problemsOf("      supply: {type: mock-power}\n      console: {type: serial}\n"), [
    "exporter.yaml:8:7: export.device.children.console.config.url: Expected text, but it is missing",
  ]);
});

Deno.test("A driver may take more children than it needs", async () => {
  using folder = await folderOf(file(
    "      supply: {type: mock-power}\n      console: {ref: port}\n      more: {type: echo-network}\n",
  ));
  const root = await requireTree(requireExporterConfig(`${folder.path}/exporter.yaml`), bundledDrivers);
  const device = root.children[1];
  assert.ok(device.kind === "driver");
  assert.deepEqual(device.children.map(({ name, kind }) => `${name} ${kind}`), [
    "supply driver",
    "console proxy",
    "more driver",
  ]);
});

Deno.test("Drivers are looked at whatever is wrong with the rest of the file, and with their neighbours", async () => {
  const yaml = parseYaml(
    "apiVersion: x\nkind: y\nexport:\n  a: {type: mock-pwer}\n  b: 5\n  c: {ref: b}\n  d: {ref: nope}\n" +
      "  e: {type: mock-power, config: {x: 1}}\n",
    "f.yaml",
  );
  const { config, drivers, problems } = checkExporterConfig(yaml);
  assert.equal(config, undefined);
  const planned = await planTree(drivers!, bundledDrivers);
  const told = [...problems, ...planned.problems].map(({ place, path }) => `${place.line} ${path}`);
  assert.deepEqual(told.sort(), [
    "1 apiVersion",
    "1 metadata.name",
    "2 kind",
    "4 export.a.type",
    "5 export.b",
    "7 export.d.ref",
    "8 export.e.config.x",
  ]);
});
