/** What an editor shows for an exporter's file, through the schema that the program prints. @module */
import assert from "node:assert/strict";
import { stories } from "../config/stories.ts";
import { haveLanguageServer, type LanguageServer, startLanguageServer } from "./language_server.ts";
import { run, temporaryFolder } from "./program.ts";

const ignore = !(await haveLanguageServer());
const modeline = "# yaml-language-server: $schema=./bench.schema.json\n";

function editorTest(name: string, fn: (editor: Editor) => Promise<void>): void {
  Deno.test({
    name,
    ignore,
    async fn() {
      using folder = temporaryFolder();
      folder.file("bench.schema.json", (await run(["exporter", "schema"])).stdout);
      await using server = await startLanguageServer();
      await fn({ server, file: folder.file });
    },
  });
}

interface Editor {
  server: LanguageServer;
  file(name: string, text: string): string;
}

/** Stories about what takes more than a look at one value: what is said elsewhere in the file, or in another one. */
const beyondSchemas = [
  "an empty file",
  "several documents",
  "aliases that multiply",
  "a driver's own complaint",
  "a reference to nothing",
  "a reference to itself",
  "references in a circle",
  "a reference to what holds it",
  "one uuid for two drivers",
  "a type that names no file",
  "a module without a driver",
  "a module that throws",
];

/** Lines that only `exporter check` says: where Python would read something else, and where a reference leads. */
const saidByCheckOnly = /warning: Python reads|references nonexistent driver/;

editorTest("An editor complains about a file where exporter check does", async ({ server, file }) => {
  const told = Object.entries(stories).filter(([name]) => !beyondSchemas.includes(name));
  // One after the other: the server forgets what it has not checked when the next file comes.
  for (const [index, [name, { yaml, says }]] of told.entries()) {
    const found = await server.check(file(`${index}.yaml`, modeline + yaml));
    const places = found.map(({ line, column }) => `${line - 1}:${column}`);
    const said = says.filter((line) => !saidByCheckOnly.test(line)).map((line) => /^\d+:\d+/.exec(line)![0]);
    // A tab breaks a line twice for the server: as indentation, and as the wrong mapping that follows from it.
    const once = name === "tabs" ? places.filter((place) => said.includes(place)) : places;
    assert.deepEqual(new Set(once), new Set(said), `${name}: ${JSON.stringify(found)}`);
  }
});

editorTest("An editor accepts what exporter init prints, and every bundled driver's example", async (editor) => {
  const { server, file } = editor;
  assert.deepEqual(await server.check(file("init.yaml", (await run(["exporter", "init"])).stdout)), []);
  const drivers = new URL("../../drivers/", import.meta.url);
  const folders = [...Deno.readDirSync(drivers)].filter(({ isDirectory }) => isDirectory);
  for (const { name } of folders) {
    const example = await Deno.readTextFile(new URL(`${name}/example.yaml`, drivers));
    const yaml = `${modeline}metadata: {name: bench}\nexport:\n${example.replace(/^(?=.)/gm, "  ")}`;
    assert.deepEqual(await server.check(file(`${name}.yaml`, yaml)), [], name);
  }
});

editorTest(
  "An editor accepts Python class paths, modules with any config, proxies and empty composites",
  async (editor) => {
    const yaml = `${modeline}metadata: {namespace: lab, name: rig-1}
endpoint: grpc.example.org:443
tls: {ca: "", insecure: false}
token: secret
export:
  power:
    type: jumpstarter_driver_power.driver.MockPower
    description: Main PSU
    methods_description: {"on": Switch on}
    config: {log_level: WARNING, labels: {rack: a}, uuid: 6f9619ff-8b86-4d01-b42d-00cf4fc964ff}
  relay: {type: ./relay.ts, config: {anything: [1, 2]}}
  absolute: {type: /opt/relay.js}
  empty:
  net:
    children:
      ssh: {type: jumpstarter_driver_network.driver.TcpNetwork, config: {host: 10.0.0.2, port: 22}}
  alias: {ref: net.ssh}
hooks:
  beforeLease: {script: "j power on", timeout: 60, onFailure: endLease}
`;
    assert.deepEqual(await editor.server.check(editor.file("bench.yaml", yaml)), []);
  },
);

editorTest("An editor offers drivers, their keys and the values of those, each with its help", async (editor) => {
  const { server, file } = editor;
  const path = file(
    "bench.yaml",
    `${modeline}metadata: {name: bench}
export:
  net:
    type: tcp-network
    config:
      host: a
      p
  board:
    type: simulated-board
    config:
      initial_power: 
  power:
    type: 
`,
  );
  await server.check(path);
  const keys = await server.complete(path, 8, 8);
  assert.ok(["port", "enable_address", "log_level", "labels", "uuid"].every((key) => keys.includes(key)), `${keys}`);
  assert.ok(!keys.includes("path"), `${keys}`);
  assert.deepEqual((await server.complete(path, 12, 22)).sort(), ['"off"', '"on"']);
  const types = await server.complete(path, 14, 11);
  assert.ok(["mock-power", "jumpstarter_driver_power.driver.MockPower"].every((type) => types.includes(type)));
  assert.match(await server.hover(path, 7, 8), /Host name or address of the device/);
});
