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
  for (const document of ["README.md", "CONTRIBUTING.md", "docs/flashing.md"]) {
    const text = await Deno.readTextFile(new URL(document, root));
    for (const [, code] of text.matchAll(/^```ts\n([\s\S]*?)^```$/gm)) {
      // Beside the document, so that its relative imports and the import map hold.
      const file = new URL(`.documents_test_${crypto.randomUUID()}.ts`, root);
      await Deno.writeTextFile(file, code);
      try {
        const { success, stderr } = await new Deno.Command(Deno.execPath(), { args: ["check", "-q", file.pathname] })
          .output();
        assert.ok(success, `${document}: ${new TextDecoder().decode(stderr)}`);
      } finally {
        await Deno.remove(file);
      }
    }
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
