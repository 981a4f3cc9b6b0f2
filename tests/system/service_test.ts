/** An exporter as a service. systemd's programs are stand-ins here that write down what they are told. @module */
import assert from "node:assert/strict";
import { programWords, run, temporaryFolder } from "./program.ts";

const config = "metadata: {namespace: default, name: pi-bench}\nexport:\n  power: {type: mock-power}\n";

/** A home with a config, and programs of systemd that write down their words and end with `code`. */
function machine(code = 0) {
  const folder = temporaryFolder();
  const file = folder.file("bench.yaml", config);
  Deno.mkdirSync(`${folder.path}/bin`);
  for (const name of ["systemctl", "loginctl"]) {
    const script =
      `#!/bin/sh\necho "${name} $*" >> ${folder.path}/told\n[ ${code} = 0 ] || echo refused >&2\nexit ${code}\n`;
    Deno.writeTextFileSync(`${folder.path}/bin/${name}`, script, { mode: 0o755 });
  }
  const env = { XDG_CONFIG_HOME: `${folder.path}/config`, PATH: `${folder.path}/bin:${Deno.env.get("PATH")}` };
  return {
    file,
    unit: `${folder.path}/config/systemd/user/jumpstarter-pi-bench.service`,
    told: () => Deno.readTextFileSync(`${folder.path}/told`).trim().split("\n"),
    exporter: (...words: string[]) => run(["exporter", ...words], { env, cwd: folder.path }),
    [Symbol.dispose]: () => folder[Symbol.dispose](),
  };
}

Deno.test("install --print prints the unit and changes nothing", async () => {
  using place = machine();
  const { code, stdout, stderr } = await place.exporter(
    "install",
    "--user",
    "--print",
    "bench.yaml",
    "--listen",
    "7001",
  );
  assert.deepEqual([code, stderr], [0, ""]);
  assert.match(stdout, new RegExp(`^ExecStart=.* exporter run ${place.file} --listen 7001$`, "m"));
  assert.throws(() => place.told(), Deno.errors.NotFound);
  assert.throws(() => Deno.statSync(place.unit), Deno.errors.NotFound);
});

Deno.test("install --user writes the unit, starts it, and lets it outlive the login; uninstall takes it away", async () => {
  using place = machine();
  const installed = await place.exporter("install", "--user", "bench.yaml", "--", "--log-level", "warning");
  assert.deepEqual([installed.code, installed.stdout], [0, `${place.unit}\n`], installed.stderr);
  assert.match(Deno.readTextFileSync(place.unit), /bench\.yaml --log-level warning$/m);
  const [reload, enable, restart, linger] = place.told();
  assert.deepEqual([reload, enable, restart], [
    "systemctl --user daemon-reload",
    "systemctl --user enable jumpstarter-pi-bench.service",
    "systemctl --user restart jumpstarter-pi-bench.service",
  ]);
  assert.match(linger, /^loginctl enable-linger \S+$/);

  const removed = await place.exporter("uninstall", "--user", "pi-bench");
  assert.deepEqual([removed.code, removed.stdout], [0, `${place.unit}\n`], removed.stderr);
  assert.throws(() => Deno.statSync(place.unit), Deno.errors.NotFound);
  assert.deepEqual(place.told().slice(4), [
    "systemctl --user disable --now jumpstarter-pi-bench.service",
    "systemctl --user daemon-reload",
  ]);
  const again = await place.exporter("uninstall", "--user", "bench.yaml");
  assert.equal(again.code, 2);
  assert.match(again.stderr, /There is no unit/);
});

Deno.test("install prints no unit with lines of the config's own, and lets servers have the ports that they serve on", async () => {
  using place = machine();
  const print = async (text: string, ...words: string[]) => {
    Deno.writeTextFileSync(place.file, text);
    return await place.exporter("install", "--system", "--print", "bench.yaml", ...words);
  };
  const named = await print(
    'metadata: {name: "x\\n[Service]\\nExecStartPre=+/bin/id"}\nexport: {p: {type: mock-power}}\n',
  );
  assert.equal(named.code, 0, named.stderr);
  assert.match(named.stdout, /^Description=Jumpstarter exporter x \[Service\] ExecStartPre=\+\/bin\/id$/m);
  const word = await print(config, "--", "--log-level", "info\nExecStartPre=+/bin/id");
  assert.equal(word.code, 2);
  const boot = "metadata: {name: b}\nexport: {boot: {type: tftp-server, config: {root_dir: /srv/boot}}}\n";
  const bind = /^AmbientCapabilities=CAP_NET_BIND_SERVICE$/m;
  assert.match((await print(boot)).stdout, bind);
  assert.match((await print(config, "--", "--listen", "0.0.0.0:443", "--tls-self-signed")).stdout, bind);
  assert.doesNotMatch((await print(config, "--", "--listen=127.0.0.1:7443")).stdout, bind);
});

Deno.test("install says what systemd refused", async () => {
  using place = machine(1);
  const { code, stderr } = await place.exporter("install", "--user", "bench.yaml");
  assert.equal(code, 2);
  assert.match(stderr, /systemctl --user daemon-reload ended with 1: refused/);
});

Deno.test("install refuses a config with problems, a wrong address, and an unclear place", async () => {
  using place = machine();
  const flagless = await place.exporter("install", "--print", "bench.yaml");
  assert.deepEqual([flagless.code, flagless.stdout], [2, ""]);
  assert.match(flagless.stderr, /--user and --system/);
  assert.equal((await place.exporter("install", "--user", "--system", "--print", "bench.yaml")).code, 2);
  assert.equal((await place.exporter("install", "--user", "--print", "bench.yaml", "--listen", "nowhere")).code, 2);
  Deno.writeTextFileSync(place.file, config.replace("mock-power", "mock-powr"));
  const broken = await place.exporter("install", "--user", "--print", "bench.yaml");
  assert.deepEqual([broken.code, broken.stdout], [2, ""]);
  assert.match(broken.stderr, /bench\.yaml:3:\d+/);
});

Deno.test("what a driver from a file needs is not known, and said so", async () => {
  using place = machine();
  const driver = `import { defineDriver, power, z } from "jumpstarter";
export default defineDriver({ name: "mock-power", summary: "s", implements: power,
  config: z.object({ port: z.string() }), open: () => ({ on: async () => {}, off: async () => {} }) });`;
  Deno.writeTextFileSync(place.file.replace("bench.yaml", "relay.ts"), driver);
  Deno.writeTextFileSync(place.file, config.replace("mock-power", "./relay.ts, config: {port: /dev/ttyUSB0}"));
  const { code, stdout, stderr } = await place.exporter(
    "install",
    "--system",
    "--print",
    "bench.yaml",
    "--group",
    "kvm",
  );
  assert.equal(code, 0, stderr);
  assert.match(stderr, /Drivers from files/);
  assert.match(stdout, /^SupplementaryGroups=(?:dialout )?kvm$/m);
  assert.doesNotMatch(stdout, /^RestrictAddressFamilies/m);
});

/** Other users are root's to become. */
const canBeNobody = Deno.uid() === 0 && programWords.length === 1 &&
  await new Deno.Command("setpriv", { args: ["--version"], stdout: "null" }).output().then(
    (it) => it.success,
    () => false,
  );
if (!canBeNobody) console.error("Needs root, setpriv and JUMPSTARTER_BIN: an exporter without root is not tested");

Deno.test({
  name: "an exporter runs as a user without rights, in the environment of the unit",
  ignore: !canBeNobody,
  async fn() {
    using folder = temporaryFolder();
    Deno.chmodSync(folder.path, 0o755);
    const file = folder.file("bench.yaml", config);
    const program = `${folder.path}/jumpstarter`;
    Deno.copyFileSync(programWords[0], program);
    Deno.mkdirSync(`${folder.path}/own`);
    Deno.chownSync(`${folder.path}/own`, 65534, 65534);
    const { code, stdout, stderr } = await new Deno.Command("setpriv", {
      args: [
        ..."--reuid=65534 --regid=65534 --clear-groups --no-new-privs --bounding-set=-all".split(" "),
        ...[program, "client", "--exporter-config", file, "power", "on", "--json"],
      ],
      clearEnv: true,
      env: { HOME: `${folder.path}/own`, XDG_RUNTIME_DIR: `${folder.path}/own` },
      cwd: folder.path,
    }).output();
    assert.equal(code, 0, new TextDecoder().decode(stderr));
    assert.equal(new TextDecoder().decode(stdout), '{"ok":true}\n');
  },
});
