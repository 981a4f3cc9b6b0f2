import assert from "node:assert/strict";
import { bundledDrivers } from "../../drivers/table.ts";
import { parseYaml } from "../../lib/config/document.ts";
import { checkExporterConfig } from "../../lib/config/exporter_config.ts";
import { exporterFile } from "../../lib/config/places.ts";
import { throwProblems } from "../../lib/config/problem.ts";
import type { PlannedNode } from "../../lib/contract/plan.ts";
import { planTree } from "../../lib/loader/plan.ts";

function read(yaml: string) {
  const { config, problems } = checkExporterConfig(parseYaml(yaml, "exporter.yaml"));
  assert.deepEqual(problems, []);
  return config!;
}

/** The example of spec/protocol.md 8.5, which is upstream's. */
const upstreamExample = `
apiVersion: jumpstarter.dev/v1alpha1
kind: ExporterConfig
metadata: {namespace: lab, name: rig-1}
endpoint: grpc.example.org:443
tls: {ca: "", insecure: false}
token: <jwt>
motd: Welcome
export:
  power: {type: jumpstarter_driver_power.driver.MockPower, description: Main PSU, methods_description: {"on": Switch on}}
  net:
    children:
      ssh: {type: jumpstarter_driver_network.driver.TcpNetwork, config: {host: 10.0.0.2, port: 22}}
  alias: {ref: net.ssh}
hooks:
  beforeLease: {script: "j power on", timeout: 60, onFailure: endLease}
`;

Deno.test("Upstream's example of an exporter's file is read as upstream reads it", async () => {
  const config = read(upstreamExample);
  assert.deepEqual([config.name, config.motd, config.hasHooks], ["rig-1", "Welcome", true]);
  const { root, problems } = await planTree(config, bundledDrivers);
  assert.deepEqual(problems, []);
  const outline = (node: PlannedNode): unknown =>
    node.kind === "proxy"
      ? { [node.name]: node.ref }
      : { [node.name]: node.driver.name, ...(node.children.length > 0 && { below: node.children.map(outline) }) };
  assert.deepEqual(outline(root!), {
    "": "composite",
    below: [
      { power: "mock-power" },
      { net: "composite", below: [{ ssh: "tcp-network" }] },
      { alias: "net.ssh" },
    ],
  });
  const [power, net] = root!.children;
  assert.ok(power.kind === "driver" && net.kind === "driver" && net.children[0].kind === "driver");
  assert.deepEqual([power.description, power.methodsDescription], ["Main PSU", { on: "Switch on" }]);
  assert.deepEqual(net.children[0].config, { host: "10.0.0.2", port: 22, enable_address: true });
});

Deno.test("Every Python class path that a bundled driver stands for is taken as a type", async () => {
  // Each driver's example, under another name and type.
  const nodes = Object.entries(bundledDrivers).flatMap(([name, { python }]) => {
    const example = Deno.readTextFileSync(`drivers/${name.replaceAll("-", "_")}/example.yaml`);
    return python.map((path, at) =>
      example.replace(/^\S+:/, `${name}-${at}:`).replace(`type: ${name}`, `type: ${path}`).replace(/^(?=.)/gm, "  ")
    );
  });
  const { root, problems } = await planTree(
    read(`metadata: {name: x}\nexport:\n${nodes.join("")}`),
    bundledDrivers,
  );
  assert.deepEqual(problems, []);
  for (const node of root!.children) assert.equal(node.kind === "driver" && node.driver.name, node.name.slice(0, -2));
});

Deno.test("What upstream takes for an empty composite is one", async () => {
  const { root } = await planTree(
    read("metadata: {name: x}\nexport: {a: , b: {}, c: {children: {}}}\n"),
    bundledDrivers,
  );
  assert.deepEqual(
    root!.children.map((node) => node.kind === "driver" && node.driver.name),
    Array(3).fill("composite"),
  );
  assert.deepEqual((await planTree(read("metadata: {name: x}\nexport:\n"), bundledDrivers)).root!.children, []);
});

Deno.test("type beats ref, and ref beats composite, as upstream has it", async () => {
  const yaml = "metadata: {name: x}\nexport:\n  a: {type: mock-power, ref: b}\n  b: {ref: a, children: {}}\n";
  const { root } = await planTree(read(yaml), bundledDrivers);
  assert.deepEqual(root!.children.map(({ kind }) => kind), ["driver", "proxy"]);
});

Deno.test("Keys that every driver takes reach the plan, and not the driver's own config", async () => {
  const uuid = "6f9619ff-8b86-4d01-b42d-00cf4fc964ff";
  const yaml = "metadata: {name: x}\nexport:\n  a:\n    type: mock-power\n    config: " +
    `{log_level: WARNING, labels: {rack: "3"}, uuid: ${uuid}}\n`;
  const [node] = (await planTree(read(yaml), bundledDrivers)).root!.children;
  assert.ok(node.kind === "driver");
  assert.deepEqual([node.logLevel, node.labels, node.uuid, node.config], ["warn", { rack: "3" }, uuid, {}]);
  assert.equal(node.place, "exporter.yaml:3:3");
});

Deno.test("A hook without a script is no hook", () => {
  const hooks = (text: string) => read(`metadata: {name: x}\nhooks: ${text}\n`).hasHooks;
  assert.deepEqual([hooks("{}"), hooks("{beforeLease: }"), hooks("{afterLease: {script: ' '}}")], [
    false,
    false,
    false,
  ]);
  assert.ok(hooks("{after_lease: {script: j power off, on_failure: warn}}"));
});

Deno.test("All errors of a file become one, its warnings none", () => {
  const { problems } = checkExporterConfig(parseYaml("export: 5\nkind: x\nextra: 1\nmetadata: {name: x}\n", "f.yaml"));
  assert.throws(() => throwProblems(problems), {
    code: "invalid_argument",
    phase: "config",
    message: 'f.yaml:2:7: kind: Expected "ExporterConfig", got "x"\nf.yaml:1:9: export: Expected a mapping, got 5',
  });
  throwProblems(problems.filter(({ severity }) => severity === "warning"));
});

Deno.test("An exporter's alias cannot leave the folder of configs", () => {
  for (const alias of ["", ".", "..", "../x", "a/b", "a\\b"]) {
    assert.throws(() => exporterFile(alias), { code: "invalid_argument", phase: "usage" });
  }
});

Deno.test("An alias without a file says where it was looked for", () => {
  const alias = `none-${crypto.randomUUID()}`;
  assert.throws(() => exporterFile(alias), {
    code: "not_found",
    message: new RegExp(`/exporters/${alias}.yaml and /etc/`),
  });
});
