/** What the documents show is what the program does. @module */
import assert from "node:assert/strict";
import manifest from "../../deno.json" with { type: "json" };
import { bundledDrivers } from "../../drivers/table.ts";
import { version } from "../../lib/cli/self.ts";
import { checkExporterConfig } from "../../lib/config/exporter_config.ts";
import { parseYaml } from "../../lib/config/document.ts";
import { planTree } from "../../lib/loader/plan.ts";
import { interfaceNames } from "../../lib/interfaces/table.ts";

const root = new URL("../../", import.meta.url);

Deno.test("the program's version is the manifest's", () => {
  assert.equal(version, manifest.version);
});

Deno.test("TypeScript in the documents compiles", async () => {
  const pages = [...Deno.readDirSync(new URL("docs/", root))].filter(({ isFile }) => isFile);
  const files: string[] = [];
  try {
    for (const document of ["README.md", "CONTRIBUTING.md", ...pages.map(({ name }) => `docs/${name}`)]) {
      const text = await Deno.readTextFile(new URL(document, root));
      for (const [index, [, code]] of [...text.matchAll(/^```ts\n([\s\S]*?)^```$/gm)].entries()) {
        // In the checkout's own folder, so that relative imports and the import map hold; the name says where it is from.
        const name = `.${document.replace("/", "_")}_${index + 1}_${crypto.randomUUID()}.ts`;
        const file = new URL(name, root).pathname;
        files.push(file);
        await Deno.writeTextFile(file, code);
      }
    }
    assert.ok(files.length > 3);
    const check = new Deno.Command(Deno.execPath(), { args: ["check", "-q", ...files] });
    const { success, stderr } = await check.output();
    assert.ok(success, new TextDecoder().decode(stderr));
  } finally {
    for (const file of files) await Deno.remove(file).catch(() => {});
  }
});

Deno.test("every bundled driver has a folder with an example that is accepted, and an interface that clients know", async () => {
  const folders = [...Deno.readDirSync(new URL("drivers/", root))].filter((entry) => entry.isDirectory).map((entry) =>
    entry.name
  );
  assert.deepEqual(folders.sort(), Object.keys(bundledDrivers).map((name) => name.replaceAll("-", "_")).sort());
  for (const [name, { load }] of Object.entries(bundledDrivers)) {
    const { default: driver } = await load();
    assert.equal(driver.name, name);
    assert.ok(interfaceNames.includes(driver.implements.name), `${name}: ${driver.implements.name}`);
    const example = await Deno.readTextFile(new URL(`drivers/${name.replaceAll("-", "_")}/example.yaml`, root));
    const text = `metadata: {namespace: default, name: example}\nexport:\n${example.replace(/^(?=.)/gm, "  ")}`;
    const { config, problems } = checkExporterConfig(parseYaml(text, `${name}/example.yaml`));
    assert.deepEqual(problems, []);
    assert.deepEqual((await planTree(config!, bundledDrivers)).problems, []);
    assert.match(example, new RegExp(`type: ${name}$`, "m"));
  }
});
