import assert from "node:assert/strict";
import { pathToFileURL } from "node:url";
import { bundledDrivers } from "../../drivers/table.ts";
import { loadDriver } from "../../lib/loader/load.ts";
import { folderOf } from "../folder.ts";

const relay = (name: string) => `
import { defineDriver, power, z } from "jumpstarter";
import { pulseMs } from "./parts/pulse.MODULE";

export default defineDriver({
  name: "${name}",
  summary: "A relay that waits " + pulseMs + " ms",
  implements: power,
  config: z.object({ line: z.int() }),
  open: () => ({ on() {}, off() {} }),
});
`;

const load = (type: string, configFile = "/nowhere/exporter.yaml") =>
  loadDriver(type, { bundled: bundledDrivers, configFile });

Deno.test("A path is looked for beside the config file, and may import its own parts and the library", async () => {
  using folder = await folderOf({
    "lab/drivers/relay.ts": relay("typed-relay").replace("MODULE", "ts"),
    "lab/drivers/parts/pulse.ts": "export const pulseMs: number = 250;\n",
    "lab/relay.js": relay("plain-relay").replace("MODULE", "js"),
    "lab/parts/pulse.js": "export const pulseMs = 300;\n",
    "shared.mjs": relay("shared-relay").replace(
      'import { pulseMs } from "./parts/pulse.MODULE";',
      "const pulseMs = 1;",
    ),
  });
  const beside = (type: string) => load(type, `${folder.path}/lab/exporter.yaml`);
  const typed = await beside("./drivers/relay.ts");
  assert.deepEqual([typed.name, typed.summary, typed.implements.name], [
    "typed-relay",
    "A relay that waits 250 ms",
    "power",
  ]);
  assert.equal(await beside("drivers/relay.ts"), typed);
  assert.equal((await beside("./relay.js")).summary, "A relay that waits 300 ms");
  assert.equal((await beside("../shared.mjs")).name, "shared-relay");
  assert.equal((await beside(`${folder.path}/shared.mjs`)).name, "shared-relay");
  assert.equal((await beside(pathToFileURL(`${folder.path}/shared.mjs`).href)).name, "shared-relay");
});

Deno.test("A bundled driver is found by its name and by every Python class path that means it", async () => {
  const power = await load("mock-power");
  assert.equal(power.name, "mock-power");
  assert.equal(await load("jumpstarter_driver_power.driver.MockPower"), power);
  assert.equal(await load("jumpstarter_driver_power.driver.SyncMockPower"), power);
});

Deno.test("Names of JavaScript's own are no drivers", async () => {
  for (const type of ["constructor", "toString", "__proto__", ""]) {
    await assert.rejects(load(type), {
      code: "not_found",
      message: new RegExp(`^Driver "${type}" is not known; Available: composite`),
    });
  }
});

Deno.test("A module that is not there is not found", async () => {
  await assert.rejects(load("./relay.ts"), {
    code: "not_found",
    message: "There is no driver module at /nowhere/relay.ts",
  });
});

Deno.test("A module whose import is missing says which", async () => {
  using folder = await folderOf({ "relay.ts": relay("relay").replace("MODULE", "ts") });
  await assert.rejects(load("./relay.ts", `${folder.path}/exporter.yaml`), {
    code: "invalid_argument",
    message: /^The driver module \.\/relay\.ts cannot be loaded: .*parts\/pulse\.ts/,
  });
});

Deno.test("A driver whose config is no schema, a driver without an interface and a folder are refused as what they are", async () => {
  const driver = (more: string) => `export default { name: "x", summary: "x", open() {}, ${more} };\n`;
  using folder = await folderOf({
    "config.js": driver("implements: { methods: {} }, config: {}"),
    "missing.js": driver("implements: { methods: {} }"),
    "interface.js": driver("implements: null, config: {}"),
    "drivers/index.js": "",
  });
  const message = async (type: string) => {
    const error = await load(type, `${folder.path}/exporter.yaml`).then(() => undefined, (error) => error);
    assert.equal(error?.name, "JumpstarterError");
    return error.message;
  };
  for (const name of ["config", "missing"]) {
    const said = `The config of the driver that ./${name}.js exports is no schema; expected z.object({ … })`;
    assert.equal(await message(`./${name}.js`), said);
  }
  assert.equal(await message("./interface.js"), "The module ./interface.js does not export a driver as its default");
  assert.equal(await message("./drivers/"), `There is no driver module at ${folder.path}/drivers`);
});

Deno.test("A module without a driver says how to export one", async () => {
  using folder = await folderOf({ "empty.ts": "export {};\n" });
  await assert.rejects(load("./empty.ts", `${folder.path}/exporter.yaml`), {
    code: "invalid_argument",
    message: "The module ./empty.ts does not export a driver as its default",
    hint: "export default defineDriver({ … })",
  });
});
