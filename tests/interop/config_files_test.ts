/** Files of clients, users and exporters that one program writes and the other reads. @module */
import assert from "node:assert/strict";
import {
  type ClientConfig,
  clientConfigFromEnvironment,
  newClientConfig,
  readClientConfig,
  saveClientConfig,
} from "../../lib/config/client_config.ts";
import { checkExporterConfig } from "../../lib/config/exporter_config.ts";
import { exporterText, listExporters, saveNewExporter } from "../../lib/config/exporter_files.ts";
import { parseYaml } from "../../lib/config/document.ts";
import { currentAlias, useClient, userConfigText } from "../../lib/config/user_config.ts";
import { clientYaml, home } from "../config/home.ts";
import { run } from "../system/program.ts";
import { interopConfig } from "./config.ts";
import { peerTest, pythonPeer, runPython } from "./python.ts";

const peer = await pythonPeer("0.9.0");

/** A client's file with the variables that are set when it is read. */
interface Case {
  yaml: string;
  env?: Record<string, string>;
}

/** Files that Python reads; each is read by both programs and written again. */
const good: Record<string, Case> = {
  "the least": { yaml: clientYaml() },
  "everything": {
    yaml: `apiVersion: jumpstarter.dev/v1alpha1
kind: ClientConfig
alias: other
path: /elsewhere
metadata: {namespace: lab, name: "ü"}
endpoint: grpc.example.org:443
tls: {ca: TFMwdExTMUNSVWRKVGc9PQ==, insecure: true, ignored: 1}
token: ${"e".repeat(300)}.x-_y
refresh_token: r
grpcOptions: {grpc.keepalive_time_ms: 20000, "grpc.primary user agent": "1"}
drivers: {allow: [a.*, "*", "- b", "", "x: y"], unsafe: true}
shell: {use_profiles: true, ignored: 1}
leases: {acquisition_timeout: 60, dial_timeout: 10, retry_timeout: 0}
`,
  },
  "no namespace": { yaml: "metadata: {namespace: ~, name: me}\n" },
  "nulls": { yaml: clientYaml("endpoint:\ntoken: null\nrefresh_token: ~\ngrpcOptions: null\n") },
  "text that looks like numbers": {
    yaml: 'metadata: {namespace: 1e3, name: "017"}\ntoken: "12:30"\nendpoint: 0o17\n',
  },
  "allowed drivers as one text": { yaml: clientYaml('drivers: {allow: "a,b"}\n') },
  "no allowed drivers as one text": { yaml: clientYaml('drivers: {allow: ""}\n') },
  "UNSAFE among the allowed drivers": { yaml: clientYaml("drivers: {allow: [UNSAFE]}\n") },
  "numbers and booleans in quotes": {
    yaml: clientYaml('leases: {acquisition_timeout: "30", retry_timeout: "1.5"}\ntls: {insecure: "yes"}\n'),
  },
  "a lease's defaults": { yaml: clientYaml("leases: {acquisition_timeout: 7200, dial_timeout: 5}\n") },
  "a long text": { yaml: clientYaml(`endpoint: "${"words and ".repeat(20)}"\n`) },
  "the environment in the gaps": {
    yaml: clientYaml("endpoint: file:1\n"),
    env: {
      JMP_ENDPOINT: "env:1",
      JMP_TOKEN: "env",
      jmp_refresh_token: "lower",
      JMP_NAMESPACE: "env",
      JMP_DRIVERS_ALLOW: "x,y",
      JMP_DRIVERS_UNSAFE: "true",
      JMP_SHELL: '{"use_profiles": true}',
      ACQUISITION_TIMEOUT: "77",
      RETRY_TIMEOUT: "1",
    },
  },
  "the environment below keys of the file": {
    yaml:
      "metadata: {namespace: file}\nleases: {acquisition_timeout: 50}\ntls: {insecure: false}\ndrivers: {allow: [f]}\n",
    env: {
      JMP_NAME: "env",
      RETRY_TIMEOUT: "5",
      ACQUISITION_TIMEOUT: "60",
      JMP_TLS: '{"ca": "Y2E=", "insecure": true}',
      JMP_DRIVERS_UNSAFE: "1",
      JMP_DRIVERS_ALLOW: "e",
      JMP_GRPCOPTIONS: '{"a": 1}',
      JMP_METADATA: '{"name": "json", "namespace": "json"}',
    },
  },
  "metadata from the environment alone": { yaml: "{}\n", env: { JMP_NAMESPACE: "n", JMP_NAME: "m" } },
};

/** Files that Python refuses, and so do we. */
const bad: Record<string, Case> = {
  "no name": { yaml: "metadata: {namespace: lab}\n" },
  "no namespace": { yaml: "metadata: {name: me}\n" },
  "another kind": { yaml: clientYaml("kind: ExporterConfig\n") },
  "another version": { yaml: clientYaml("apiVersion: jumpstarter.dev/v2\n") },
  "an unknown key": { yaml: clientYaml("motd: x\n") },
  "the documents' name of grpcOptions": { yaml: clientYaml("grpcConfig: {}\n") },
  "an unknown key in metadata": { yaml: "metadata: {namespace: lab, name: me, uid: 1}\n" },
  "an unknown key in drivers": { yaml: clientYaml("drivers: {allowed: []}\n") },
  "an unknown key in leases": { yaml: clientYaml("leases: {timeout: 5}\n") },
  "a short acquisition": { yaml: clientYaml("leases: {acquisition_timeout: 4}\n") },
  "no time to dial": { yaml: clientYaml("leases: {dial_timeout: 0}\n") },
  "a negative retry": { yaml: clientYaml("leases: {retry_timeout: -1}\n") },
  "a part of a second": { yaml: clientYaml("leases: {acquisition_timeout: 5.5}\n") },
  "tls that is nothing": { yaml: clientYaml("tls: null\n") },
  "metadata that is nothing": { yaml: "metadata: null\n" },
  "allowed drivers that are a mapping": { yaml: clientYaml("drivers: {allow: {a: b}}\n") },
  "a token that is a list": { yaml: clientYaml("token: [x]\n") },
  "a wrong variable": { yaml: clientYaml(), env: { JMP_DRIVERS_UNSAFE: "maybe" } },
  "a variable that is no JSON": { yaml: clientYaml(), env: { JMP_TLS: "{" } },
};

const readAndWrite = `
import json, os, sys
from pathlib import Path
from jumpstarter.config.client import ClientConfigV1Alpha1

results = []
for case in json.loads(Path(sys.argv[1]).read_text()):
    os.environ.update(case["env"])
    try:
        config = ClientConfigV1Alpha1.from_file(case["file"])
        out = Path(case["file"] + ".python")
        ClientConfigV1Alpha1.save(config, out)
        results.append(out.read_text())
    except Exception:
        results.append(None)
    for name in case["env"]:
        del os.environ[name]
print(json.dumps(results))
`;

/** What Python writes after it has read each file, or null where it refuses one. */
async function throughPython(cases: { file: string; env: Record<string, string> }[]): Promise<(string | null)[]> {
  using folder = home();
  return JSON.parse(
    await runPython(peer!, readAndWrite, { args: [folder.file("cases.json", JSON.stringify(cases))] }),
  );
}

async function inPython(cases: Record<string, Case>): Promise<(string | null)[]> {
  using folder = home();
  return await throughPython(
    Object.values(cases).map(({ yaml, env = {} }, index) => ({ file: folder.file(`${index}.yaml`, yaml), env })),
  );
}

peerTest(peer, "A client's file that Python reads is read and written again as the same bytes", async () => {
  const written = await inPython(good);
  for (const [index, [name, { yaml, env }]] of Object.entries(good).entries()) {
    using folder = home(env);
    const config = readClientConfig(folder.file("c.yaml", yaml));
    saveClientConfig(config, `${folder.path}/out.yaml`);
    assert.equal(folder.read("out.yaml"), written[index], name);
  }
});

peerTest(peer, "A client's file that Python refuses is refused", async () => {
  const written = await inPython(bad);
  for (const [index, [name, { yaml, env }]] of Object.entries(bad).entries()) {
    using folder = home(env);
    assert.equal(written[index], null, `Python reads ${name}`);
    assert.throws(() => readClientConfig(folder.file("c.yaml", yaml)), { code: "invalid_argument" }, name);
  }
});

peerTest(peer, "A client's file of ours is the same after Python has read and written it", async () => {
  using folder = home();
  const base = newClientConfig("a", {
    metadata: { namespace: "lab", name: "1e3" },
    endpoint: "h:1",
    token: "12:30:45",
    drivers: { allow: ["a", "UNSAFE"] },
  });
  const configs: ClientConfig[] = [
    base,
    { ...base, refresh_token: "~", endpoint: null, token: null },
    { ...base, leases: { acquisition_timeout: 5, dial_timeout: 30, retry_timeout: 1e16 } },
    {
      ...base,

      tls: { ca: "=", insecure: true },
      metadata: { namespace: " x ", name: "two\nlines" },
    },
  ];
  const files = configs.map((config, index) => saveClientConfig(config, `${folder.path}/${index}.yaml`));
  const written = await throughPython(files.map((file) => ({ file, env: {} })));
  for (const [index, text] of written.entries()) assert.equal(text, folder.read(`${index}.yaml`), String(index));
});

peerTest(peer, "The environment makes a client alone where it does in Python", async (peer) => {
  const script = "from jumpstarter.config.client import ClientConfigV1Alpha1 as C\nc = C.try_from_env()\n" +
    "print(c and [c.metadata.namespace, c.metadata.name, c.endpoint, c.token, c.drivers.allow, c.drivers.unsafe])";
  const environments: Record<string, string>[] = [
    { JMP_NAMESPACE: "n", JMP_NAME: "m", JMP_ENDPOINT: "h:1", JMP_TOKEN: "t", JMP_DRIVERS_ALLOW: "UNSAFE" },
    { JMP_NAMESPACE: "n", JMP_ENDPOINT: "h:1" },
    { JMP_NAME: "m" },
  ];
  for (const env of environments) {
    using _ = home(env);
    const ours = clientConfigFromEnvironment();
    const python = await runPython(peer, script);
    const json = python.replaceAll("'", '"').replaceAll("None", "null").replaceAll("True", "true");
    const { metadata, endpoint, token, drivers } = ours ?? {};
    const list = metadata && [metadata.namespace, metadata.name, endpoint, token, drivers!.allow, drivers!.unsafe];
    assert.deepEqual(list ?? null, JSON.parse(json));
  }
});

peerTest(
  peer,
  "The current client that Python chooses is ours, and ours is Python's, in the same bytes",
  async (peer) => {
    using folder = home();
    for (const alias of ["a", "b"]) folder.file(`clients/${alias}.yaml`, clientYaml());
    const use = (alias: string) =>
      runPython(
        peer,
        `from jumpstarter.config.user import UserConfigV1Alpha1 as U\nU.load_or_create().use_client(${alias})`,
      );
    const current = "from jumpstarter.config.user import UserConfigV1Alpha1 as U\n" +
      "c = U.load_or_create().config.current_client\nprint(c and c.alias, end='')";
    assert.equal(await runPython(peer, current), "None");
    assert.equal(folder.read("config.yaml"), userConfigText(null));
    assert.equal(currentAlias(), undefined);
    await use("'b'");
    assert.equal(currentAlias(), "b");
    assert.equal(folder.read("config.yaml"), userConfigText("b"));
    useClient("a");
    assert.equal(await runPython(peer, current), "a");
    Deno.removeSync(`${folder.path}/clients/a.yaml`);
    assert.equal(await runPython(peer, current), "None");
    assert.equal(currentAlias(), undefined);
  },
);

peerTest(peer, "An exporter's file is written as Python writes it, and read by both", async (peer) => {
  using folder = home();
  const saved = saveNewExporter("rig", {
    metadata: { namespace: "lab", name: "ü" },
    endpoint: "h:1",
    token: "1e3",
    tls: { insecure: true },
  });
  const full = interopConfig(22) + `endpoint: h:1
token: t
tls: {insecure: true}
grpcOptions: {a: 1, b: x}
hooks:
  before_lease: {script: "j power on\\nj power off\\n", timeout: 5, onFailure: endLease}
  afterLease: {script: x, exec: /bin/bash}
failureDetection: {maxRapidFailures: 2}
`;
  const again = folder.file("exporters/full.yaml", full);
  const script =
    "import sys\nfrom pathlib import Path\nfrom jumpstarter.config.exporter import ExporterConfigV1Alpha1 as E\n" +
    "print(E.dump_yaml(E.load_path(Path(sys.argv[1]))), end='')";
  assert.equal(await runPython(peer, script, { args: [saved] }), Deno.readTextFileSync(saved));
  const { config, problems } = checkExporterConfig(parseYaml(full, again));
  assert.deepEqual(problems, []);
  assert.equal(exporterText(config!.content), await runPython(peer, script, { args: [again] }));
  const list = "from jumpstarter.config.exporter import ExporterConfigV1Alpha1 as E\n" +
    "import json\nprint(json.dumps(E.list().model_dump(mode='json', by_alias=True)['items']))";
  const byAlias = (a: { alias?: unknown }, b: { alias?: unknown }) => String(a.alias) < String(b.alias) ? -1 : 1;
  const theirs = JSON.parse(await runPython(peer, list)) as { alias: string }[];
  assert.deepEqual(listExporters([`${folder.path}/exporters`]).configs.sort(byAlias), theirs.sort(byAlias));
});

peerTest(
  peer,
  "jmp config client list prints the same table and names, and the same JSON but for tokens",
  async (peer) => {
    using folder = home();
    for (const alias of ["a", "b"]) folder.file(`clients/${alias}.yaml`, clientYaml("endpoint: h:1\ntoken: hunter2\n"));
    useClient("b");
    const both = async (...args: string[]) => {
      const env = { JMP_CLIENT_CONFIG_HOME: folder.path, COLUMNS: "200" };
      const ours = await run(["config", "client", "list", ...args], { env });
      const words = ["config", "client", "list", ...args];
      const output = await new Deno.Command(peer.bin("jmp"), { args: words, env }).output();
      return [ours.stdout, new TextDecoder().decode(output.stdout)];
    };
    const lines = (text: string) => text.split("\n").map((line) => line.trimEnd()).filter(Boolean).sort();
    const [table, theirTable] = await both();
    assert.deepEqual(lines(table), lines(theirTable));
    const [names, theirNames] = await both("-o", "name");
    assert.deepEqual(lines(names), lines(theirNames));
    const [json, theirJson] = (await both("-o", "json")).map((text) => JSON.parse(text));
    for (const item of theirJson.items) for (const key of ["token", "refresh_token"]) delete item[key];
    theirJson.items.sort((a: { alias: string }, b: { alias: string }) => a.alias < b.alias ? -1 : 1);
    assert.deepEqual(json, theirJson);
    const [yaml] = await both("-o", "yaml");
    assert.doesNotMatch(JSON.stringify(json) + yaml, /hunter2/);
  },
);
