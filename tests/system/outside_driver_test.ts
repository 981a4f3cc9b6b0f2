import assert from "node:assert/strict";
import { run, temporaryFolder } from "./program.ts";

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
