import assert from "node:assert/strict";
import { renderUnit, unitName, type UnitOptions } from "../../../lib/cli/service/unit.ts";
import { folderOf } from "../../folder.ts";

const options: UnitOptions = {
  scope: "system",
  name: "bench",
  command: [Deno.execPath(), "exporter", "run", "/etc/bench.yaml"],
  folder: "/etc",
  groups: ["dialout", "gpio"],
  privilegedPort: false,
  knownDrivers: true,
};

/** What `systemd-analyze verify` says of units, by file name. Directives of newer versions are no mistake. */
async function verify(units: Record<string, string>, scope = "system"): Promise<string[]> {
  using folder = await folderOf(units);
  const { code, stderr } = await new Deno.Command("systemd-analyze", {
    args: [`--${scope}`, "--man=no", "verify", ...Object.keys(units).map((name) => `${folder.path}/${name}`)],
    env: { XDG_RUNTIME_DIR: folder.path },
  }).output();
  const lines = new TextDecoder().decode(stderr).split("\n").filter(Boolean);
  const complaints = lines.filter((line) => !/Unknown key(?: name)? 'Restart(?:Steps|MaxDelaySec)'/.test(line));
  return code === 0 ? complaints : [...complaints, `ended with ${code}`];
}

const canVerify = await new Deno.Command("systemd-analyze", { args: ["--version"], stdout: "null" }).output()
  .then(({ success }) => success, () => false);
if (!canVerify) console.error("systemd-analyze is missing (Debian package systemd): units are not verified");

function verifyTest(name: string, fn: () => Promise<void>): void {
  Deno.test({ name, ignore: !canVerify, fn });
}

verifyTest("systemd accepts the units of a user and of a machine, whatever the drivers are", async () => {
  for (const scope of ["user", "system"] as const) {
    for (const knownDrivers of [true, false]) {
      for (const privilegedPort of [true, false]) {
        const unit = renderUnit({ ...options, scope, knownDrivers, privilegedPort });
        assert.deepEqual(await verify({ "jumpstarter-bench.service": unit }, scope), [], unit);
      }
    }
  }
});

verifyTest("systemd complains of a unit that is wrong, so that its silence means something", async () => {
  const unit = renderUnit(options).replace("UMask=0077", "UMask=none");
  assert.match((await verify({ "jumpstarter-bench.service": unit })).join("\n"), /Failed to parse mode/);
});

verifyTest("systemd finds a program and a folder whose names mean something to it", async () => {
  using folder = await folderOf({ "a b/100% $HOME/run": "" });
  const program = `${folder.path}/a b/100% $HOME/run`;
  Deno.chmodSync(program, 0o755);
  const command = [program, "exporter", "run", "50%.yaml", "$PATH ;", 'a"b\\'];
  const unit = renderUnit({ ...options, name: "100% odd", command, folder: `${folder.path}/a b` });
  assert.deepEqual(await verify({ [unitName("100% odd")]: unit }), [], unit);
});

Deno.test("Words of the command mean themselves", () => {
  const command = ["/opt/jumpstarter", "exporter", "run", "/home/pi/my bench.yaml", "50%", "$HOME", 'say "hi"\\'];
  const [line] = /^ExecStart=.*$/m.exec(renderUnit({ ...options, command }))!;
  assert.equal(
    line,
    'ExecStart=/opt/jumpstarter exporter run "/home/pi/my bench.yaml" 50%% "$$HOME" "say \\"hi\\"\\\\"',
  );
});

Deno.test("A machine's exporter runs as a user of its own in the devices' groups, a user's as the user", () => {
  assert.match(renderUnit(options), /^User=jumpstarter\nSupplementaryGroups=dialout gpio$/m);
  const own = renderUnit({ ...options, scope: "user" });
  assert.doesNotMatch(own, /User=|Groups=|ProtectSystem=|network-online/);
  assert.match(own, /^WantedBy=default.target$/m);
});

Deno.test("An exporter may bind a port below 1024 only if it listens on one", () => {
  assert.match(renderUnit(options), /^CapabilityBoundingSet=$/m);
  assert.match(renderUnit({ ...options, privilegedPort: true }), /^AmbientCapabilities=CAP_NET_BIND_SERVICE$/m);
});

Deno.test("What locks out devices, or a JavaScript engine, is in no unit", () => {
  for (const scope of ["user", "system"] as const) {
    assert.doesNotMatch(renderUnit({ ...options, scope }), /^(?:Device|PrivateDevices|ProtectClock|MemoryDeny)/m);
  }
});

Deno.test("Drivers from files may open any kind of socket", () => {
  assert.match(renderUnit(options), /^RestrictAddressFamilies=/m);
  assert.doesNotMatch(renderUnit({ ...options, knownDrivers: false }), /^RestrictAddressFamilies=/m);
});

Deno.test("A unit's name has no characters that mean something in file names", () => {
  assert.equal(unitName("bench.pi-5"), "jumpstarter-bench.pi-5.service");
  assert.equal(unitName("../a b@c"), "jumpstarter-..-a-b-c.service");
});
