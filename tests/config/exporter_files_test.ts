import assert from "node:assert/strict";
import {
  deleteExporter,
  exporterAliases,
  exporterText,
  hasOwnExporter,
  listExporters,
  saveNewExporter,
} from "../../lib/config/exporter_files.ts";
import { checkExporterConfig } from "../../lib/config/exporter_config.ts";
import { parseYaml } from "../../lib/config/document.ts";
import { home } from "./home.ts";

const content = {
  metadata: { namespace: "lab", name: "rig" },
  endpoint: "h:1",
  token: "t",
  tls: { insecure: true },
};

Deno.test("A new exporter's file has everything that Python writes, in its order", () => {
  using folder = home();
  const path = saveNewExporter("rig", content);
  assert.equal(
    folder.read("exporters/rig.yaml"),
    `apiVersion: jumpstarter.dev/v1alpha1
kind: ExporterConfig
metadata:
  namespace: lab
  name: rig
endpoint: h:1
tls:
  ca: ''
  insecure: true
token: t
grpcOptions: {}
description: null
export: {}
hooks:
  beforeLease: null
  afterLease: null
failureDetection:
  maxRapidFailures: 5
  rapidFailureWindow: 60
`,
  );
  if (Deno.build.os !== "windows") assert.equal(Deno.statSync(path).mode! & 0o777, 0o600);
});

Deno.test("What Python does not know is written only where it is said", () => {
  const yaml = "metadata: {namespace: lab, name: x}\nmotd: Hello\nexitOnLeaseEnd: true\n";
  const { config } = checkExporterConfig(parseYaml(yaml, "x.yaml"));
  assert.match(exporterText(config!.content), /\nmotd: Hello\nexport: \{\}\n[\s\S]*\nexitOnLeaseEnd: true\n$/);
});

Deno.test("The user's file of an alias comes before the machine's", () => {
  using own = home();
  using system = home();
  const [mine] = [own.file("b.yaml", ""), own.file("a.yaml", ""), system.file("b.yaml", "")];
  const theirs = system.file("c.yaml", "");
  const folders = [own.path, system.path];
  assert.deepEqual([...exporterAliases(folders)], [["a", `${own.path}/a.yaml`], ["b", mine], ["c", theirs]]);
  assert.deepEqual([hasOwnExporter("b", folders), hasOwnExporter("c", folders)], [true, false]);
});

Deno.test("The user's file is deleted, the machine's never", () => {
  using own = home();
  using system = home();
  const folders = [own.path, system.path];
  const [path, instead] = [own.file("b.yaml", ""), system.file("b.yaml", "")];
  assert.deepEqual(deleteExporter("b", folders), { path, instead });
  assert.throws(() => deleteExporter("b", folders), {
    code: "failed_precondition",
    message: `Exporter config 'b' exists only in the system location '${instead}' and cannot be deleted`,
  });
  assert.throws(() => deleteExporter("c", folders), { code: "not_found" });
  assert.throws(() => deleteExporter("../b", folders), { code: "invalid_argument" });
});

Deno.test("The files are listed in Python's form, and one that is wrong does not hide the others", () => {
  using own = home();
  own.file("good.yaml", "metadata: {namespace: lab, name: x}\nexport: {power: {type: p.Q}, also: {ref: power}, c: }\n");
  own.file("wrong.yaml", "export: 5\n");
  const { configs, errors } = listExporters([own.path]);
  assert.deepEqual(configs.map(({ alias }) => alias), ["good"]);
  assert.deepEqual(configs[0].export, {
    power: { type: "p.Q", description: null, methods_description: {}, config: {}, children: {} },
    also: { ref: "power" },
    c: { children: {} },
  });
  assert.match(errors[0].message, /wrong\.yaml:1:9: export: Expected a mapping, got 5/);
});
