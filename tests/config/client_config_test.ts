import assert from "node:assert/strict";
import {
  clientAliases,
  clientConfigFromEnvironment,
  clientConfigText,
  deleteClientConfig,
  listClientConfigs,
  loadClientConfig,
  newClientConfig,
  readClientConfig,
  saveClientConfig,
  shownClientConfig,
} from "../../lib/config/client_config.ts";
import { clientYaml, home } from "./home.ts";

const filled = {
  apiVersion: "jumpstarter.dev/v1alpha1",
  kind: "ClientConfig",
  metadata: { namespace: "lab", name: "me" },
  endpoint: null,
  tls: { ca: "", insecure: false },
  token: null,
  refresh_token: null,
  grpcOptions: {},
  drivers: { allow: [], unsafe: false },
  shell: { use_profiles: false },
  leases: { acquisition_timeout: 7200, dial_timeout: 30, retry_timeout: 300 },
};

Deno.test("A client's file needs a name and a namespace, and everything else has a default", () => {
  using folder = home();
  const path = folder.file("clients/a.yaml", clientYaml());
  assert.deepEqual(loadClientConfig("a"), { ...filled, alias: "a", path });
});

Deno.test("A namespace may be null, but not left out", () => {
  using folder = home();
  const path = folder.file("c.yaml", "metadata: {namespace: null, name: me}\n");
  assert.equal(readClientConfig(path).metadata.namespace, null);
  folder.file("c.yaml", "metadata: {name: me}\n");
  assert.throws(() => readClientConfig(path), {
    code: "invalid_argument",
    phase: "config",
    message: `${path}:1:1: metadata.namespace: Expected text, but it is missing`,
  });
});

Deno.test("Everything that is wrong with a client's file is said at once, with its place and without its secrets", () => {
  using folder = home();
  const path = folder.file(
    "c.yaml",
    "kind: UserConfig\nmetadata: {namespace: lab, name: me, labels: {}}\nendpont: x\ntoken: true\n" +
      "drivers: {alow: []}\nleases: {acquisition_timeout: 4, retry_timeout: -1}\ntls: {ca: 5, colour: red}\n",
  );
  const said = (() => {
    try {
      readClientConfig(path);
    } catch (error) {
      return (error as Error).message.replaceAll(path, "c.yaml").split("\n");
    }
  })();
  assert.deepEqual(said, [
    'c.yaml:1:7: kind: Expected "ClientConfig", got "UserConfig"',
    'c.yaml:2:38: metadata.labels: Unknown key "labels"',
    "c.yaml:4:8: token: Expected text, got a value that is not shown",
    'c.yaml:5:11: drivers.alow: Unknown key "alow"',
    "c.yaml:6:31: leases.acquisition_timeout: Expected at least 5, got 4",
    "c.yaml:6:49: leases.retry_timeout: Expected at least 0, got -1",
    'c.yaml:3:1: endpont: Unknown key "endpont"; did you mean "endpoint"? Available: alias, path, apiVersion, kind, ' +
    "metadata, endpoint, tls, token, refresh_token, grpcOptions, drivers, shell, leases",
  ]);
});

Deno.test("Text that YAML 1.2 takes for a number is the text that Python reads", () => {
  using folder = home();
  const path = folder.file("c.yaml", "metadata: {namespace: 1e3, name: 1.10}\ntoken: 12e5\n");
  const { metadata, token } = readClientConfig(path);
  assert.deepEqual([metadata, token], [{ namespace: "1e3", name: "1.10" }, "12e5"]);
});

Deno.test("Allowed drivers may be one text with commas, and UNSAFE among them allows all", () => {
  using folder = home();
  const path = folder.file("c.yaml", clientYaml('drivers: {allow: "a,UNSAFE"}\n'));
  assert.deepEqual(readClientConfig(path).drivers, { allow: ["a", "UNSAFE"], unsafe: true });
});

Deno.test("The alias is the file's name up to its first dot, whatever the file says", () => {
  using folder = home();
  folder.file("clients/a.b.yaml", clientYaml("alias: other\npath: /elsewhere\n"));
  folder.file("clients/c.yml", clientYaml());
  folder.file("clients/.c.yaml.1234", "half a file");
  assert.deepEqual(listClientConfigs().configs.map(({ alias }) => alias), ["a"]);
});

Deno.test("The environment fills what a file leaves out, and never replaces what it has", () => {
  using folder = home({
    JMP_ENDPOINT: "from:1",
    jmp_token: "lower",
    JMP_NAMESPACE: "ignored",
    JMP_TLS: '{"ca": "Y2E=", "insecure": true}',
    JMP_DRIVERS_ALLOW: "x,y",
    JMP_DRIVERS_UNSAFE: "1",
    RETRY_TIMEOUT: "12.5",
  });
  const path = folder.file("c.yaml", clientYaml("tls: {insecure: false}\nleases: {acquisition_timeout: 9}\n"));
  const { metadata, endpoint, token, tls, drivers, leases } = readClientConfig(path);
  assert.deepEqual([metadata.namespace, endpoint, token], ["lab", "from:1", "lower"]);
  assert.deepEqual(tls, { ca: "Y2E=", insecure: false });
  assert.deepEqual(drivers, { allow: ["x", "y"], unsafe: true });
  assert.deepEqual(leases, { acquisition_timeout: 9, dial_timeout: 30, retry_timeout: 12.5 });
});

Deno.test("A wrong variable is named, and a secret in it is not shown", () => {
  using folder = home({ JMP_DRIVERS_UNSAFE: "maybe" });
  const path = folder.file("c.yaml", clientYaml());
  assert.throws(() => readClientConfig(path), {
    message: `${path}:1:1: drivers.unsafe: Expected true or false, got "maybe" (from JMP_DRIVERS_UNSAFE)`,
  });
  Deno.env.set("JMP_TLS", "hunter2");
  try {
    assert.throws(() => readClientConfig(path), { message: "Expected JSON in the environment's JMP_TLS" });
  } finally {
    Deno.env.delete("JMP_TLS");
  }
});

Deno.test("The environment makes a config alone as soon as it has a namespace and a name", () => {
  {
    using _ = home({ JMP_NAME: "me", JMP_TOKEN: "t" });
    assert.equal(clientConfigFromEnvironment(), undefined);
  }
  using _ = home({ JMP_NAME: "me", JMP_METADATA: '{"namespace": "lab"}', JMP_TOKEN: "t" });
  assert.deepEqual(clientConfigFromEnvironment(), { ...filled, alias: "default", token: "t" });
});

Deno.test("A saved file is read as the same config, is nobody else's to read, and leaves nothing beside it", () => {
  using folder = home();
  const config = newClientConfig("a", {
    metadata: { namespace: null, name: "me" },
    endpoint: "h:1",
    token: "t",
    drivers: { allow: ["UNSAFE"] },
  });
  const path = saveClientConfig(config);
  saveClientConfig({ ...config, refresh_token: "r" });
  assert.deepEqual([...Deno.readDirSync(`${folder.path}/clients`)].map(({ name }) => name), ["a.yaml"]);
  if (Deno.build.os !== "windows") assert.equal(Deno.statSync(path).mode! & 0o777, 0o600);
  using _ = home({ JMP_NAMESPACE: "elsewhere" });
  assert.deepEqual(readClientConfig(path), {
    ...config,
    metadata: { namespace: "elsewhere", name: "me" },
    refresh_token: "r",
    path,
  });
});

Deno.test("A file says nothing of leases while they have their defaults, for clients of 0.7", () => {
  using _ = home();
  const config = newClientConfig("a", { metadata: { namespace: "lab", name: "me" } });
  assert.doesNotMatch(clientConfigText({ ...config, leases: { ...config.leases, dial_timeout: 5 } }), /leases/);
  assert.match(
    clientConfigText({ ...config, leases: { ...config.leases, retry_timeout: 60 } }),
    /\nleases:\n {2}acquisition_timeout: 7200\n {2}retry_timeout: 60\.0\n$/,
  );
});

Deno.test("What is shown of a config has no tokens", () => {
  using folder = home();
  const path = folder.file("clients/a.yaml", clientYaml("token: hunter2\nrefresh_token: hunter3\n"));
  const shown = shownClientConfig(readClientConfig(path));
  assert.doesNotMatch(JSON.stringify(shown), /token|hunter/);
  assert.deepEqual(Object.keys(shown).slice(0, 5), ["alias", "path", "apiVersion", "kind", "metadata"]);
});

Deno.test("One broken file does not hide the others", () => {
  using folder = home();
  folder.file("clients/a.yaml", clientYaml());
  folder.file("clients/b.yaml", "metadata: [\n");
  folder.file("clients/c.yaml", clientYaml());
  const { configs, errors } = listClientConfigs();
  assert.deepEqual(configs.map(({ alias }) => alias), ["a", "c"]);
  assert.match(errors[0].message, /clients\/b\.yaml:\d+:\d+: /);
});

Deno.test("An alias without a file says where it was looked for and what there is", () => {
  using folder = home();
  assert.throws(() => loadClientConfig("b"), {
    code: "not_found",
    message: `There is no client "b": looked for ${folder.path}/clients/b.yaml`,
    hint: "jumpstarter config client create b",
  });
  folder.file("clients/a.yaml", clientYaml());
  assert.throws(() => loadClientConfig("b"), { hint: "one of a" });
});

Deno.test("A client's alias cannot leave the folder of configs", () => {
  using _ = home();
  for (const alias of ["", ".", "..", "../x", "a/b", "a\\b"]) {
    assert.throws(() => loadClientConfig(alias), { code: "invalid_argument", phase: "usage" });
  }
});

Deno.test("Deleting a client removes its file only", () => {
  using folder = home();
  folder.file("clients/a.yaml", clientYaml());
  folder.file("clients/b.yaml", clientYaml());
  assert.equal(deleteClientConfig("a"), `${folder.path}/clients/a.yaml`);
  assert.deepEqual(clientAliases(), ["b"]);
});
