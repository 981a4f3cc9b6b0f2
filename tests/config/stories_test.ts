import assert from "node:assert/strict";
import { bundledDrivers } from "../../drivers/table.ts";
import { loadExporterConfig } from "../../lib/config/exporter_config.ts";
import { renderProblem } from "../../lib/config/problem.ts";
import { planTree } from "../../lib/loader/plan.ts";
import { folderOf } from "../folder.ts";
import { stories } from "./stories.ts";

/** Everything that is wrong with a file, as `exporter check` says it. */
async function check(file: string): Promise<string[]> {
  const { config, problems } = loadExporterConfig(file);
  const all = config ? [...problems, ...(await planTree(config, bundledDrivers)).problems] : problems;
  return all.map((problem) => renderProblem(problem, true));
}

for (const [name, { yaml, beside, says }] of Object.entries(stories)) {
  Deno.test(`Checking ${name} says exactly what and where`, async () => {
    using folder = await folderOf({ ...beside, "exporter.yaml": yaml });
    const said = (await check(`${folder.path}/exporter.yaml`)).map((problem) =>
      problem.replaceAll(`${folder.path}/exporter.yaml`, "exporter.yaml").replaceAll(folder.path, "FOLDER")
    );
    assert.deepEqual(said, says.map((problem) => `exporter.yaml:${problem}`));
  });
}

Deno.test("Checking a module with a syntax error says where in it", async () => {
  using folder = await folderOf({
    "exporter.yaml": "metadata: {name: bench}\nexport: {a: {type: ./broken.ts}}\n",
    "broken.ts": "export default {\n  name: 5 5,\n};\n",
  });
  const [said, ...more] = await check(`${folder.path}/exporter.yaml`);
  assert.deepEqual(more, []);
  assert.match(
    said,
    /exporter\.yaml:2:20: error: export\.a\.type: The driver module \.\/broken\.ts cannot be loaded: /,
  );
  assert.match(said, /broken\.ts:2:11/);
});

Deno.test("Checking what is no file says so at its first character", async () => {
  using folder = await folderOf();
  const missing = `${folder.path}/missing.yaml`;
  const large = `${folder.path}/large.yaml`;
  await Deno.writeTextFile(large, "#".repeat(2 * 1024 * 1024));
  assert.deepEqual(await check(missing), [`${missing}:1:1: error: There is no such file`]);
  assert.deepEqual(await check(folder.path), [`${folder.path}:1:1: error: It is a folder; expected a YAML file`]);
  assert.deepEqual(await check(large), [`${large}:1:1: error: It has 2097152 bytes; expected at most 1048576`]);
});
