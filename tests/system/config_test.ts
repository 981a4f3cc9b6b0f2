/** `jumpstarter config` as a user types it. @module */
import assert from "node:assert/strict";
import { type Ended, programWords, run, temporaryFolder } from "./program.ts";
import { isInstalled, openTerminal } from "./terminal.ts";

/** Runs `config …` on a configuration folder. */
function config(folder: { path: string }, args: string[], stdin?: string, env = {}): Promise<Ended> {
  return run(["config", ...args], { env: { JMP_CLIENT_CONFIG_HOME: folder.path, ...env }, stdin });
}

const identity = ["--namespace", "lab", "--name", "me", "--endpoint", "h:1", "--token", "hunter2"];
const created = ["--nointeractive", ...identity];

Deno.test("config client create makes the first client the current one, and a second one not", async () => {
  using folder = temporaryFolder();
  const first = await config(folder, ["client", "create", "a", ...created]);
  assert.deepEqual([first.code, first.stdout, first.stderr], [0, "", ""]);
  const second = await config(folder, ["client", "create", "b", ...created, "-a", "x,y", "-k", "-o", "path"]);
  assert.deepEqual([second.code, second.stdout], [0, `${folder.path}/clients/b.yaml\n`]);
  const { stdout } = await config(folder, ["client", "list"]);
  assert.equal(
    stdout,
    `CURRENT  ALIAS  ENDPOINT  PATH\n*        a      h:1       ${folder.path}/clients/a.yaml\n` +
      `         b      h:1       ${folder.path}/clients/b.yaml\n`,
  );
  const text = Deno.readTextFileSync(`${folder.path}/clients/b.yaml`);
  assert.match(text, /insecure: true\ntoken: hunter2\n[\s\S]* {2}allow:\n {2}- x\n {2}- y\n/);
});

Deno.test("config client use and delete move the current client", async () => {
  using folder = temporaryFolder();
  for (const alias of ["a", "b"]) await config(folder, ["client", "create", alias, ...created]);
  const used = await config(folder, ["client", "use", "b", "--json"]);
  assert.deepEqual(JSON.parse(used.stdout), { path: `${folder.path}/clients/b.yaml` });
  const current = async () => JSON.parse((await config(folder, ["client", "list", "--json"])).stdout).currentConfig;
  assert.equal(await current(), "b");
  const deleted = await config(folder, ["client", "delete", "b"]);
  assert.deepEqual([deleted.code, deleted.stderr], [0, "The current client is now a\n"]);
  assert.equal(await current(), "a");
  await config(folder, ["client", "delete", "a"]);
  const { stdout } = await config(folder, ["client", "list"]);
  assert.equal(stdout, "No resources found.\n");
  assert.match(Deno.readTextFileSync(`${folder.path}/config.yaml`), /current-client: null/);
});

Deno.test("config client create writes the file of --out and leaves the rest alone", async () => {
  using folder = temporaryFolder();
  const out = `${folder.path}/deep/client.yaml`;
  const { code, stdout } = await config(folder, ["client", "create", "a", "--out", out, "-o", "path", ...created]);
  assert.deepEqual([code, stdout], [0, `${out}\n`]);
  assert.deepEqual([...Deno.readDirSync(folder.path)].map(({ name }) => name), ["deep"]);
});

Deno.test("config refuses what would overwrite, what is not there, and names that lead elsewhere", async () => {
  using folder = temporaryFolder();
  await config(folder, ["client", "create", "a", ...created]);
  await config(folder, ["exporter", "create", ...created]);
  const refused: [string[], RegExp][] = [
    [["client", "create", "a", ...created], /A client with the name 'a' already exists\n {2}Try: /],
    [["client", "create", "../a", ...created], /Invalid client alias "\.\.\/a"/],
    [["client", "create", "a.b", ...created], /Expected a name without dots/],
    [["client", "use", "gone"], /There is no client "gone": looked for .*\n {2}Try: one of a/],
    [["client", "delete", "gone"], /There is no client "gone"/],
    [["exporter", "create", ...created], /exporter "default" exists/],
    [["exporter", "create", "..", ...created], /Invalid exporter alias ".."/],
    [["exporter", "delete", "gone"], /There is no exporter "gone"/],
    [["exporter", "edit", "gone"], /There is no exporter "gone"/],
    [["client", "list", "-o", "path"], /Allowed choices are json, yaml, name/],
  ];
  for (const [args, words] of refused) {
    const { code, stdout, stderr } = await config(folder, args);
    assert.deepEqual([code, stdout], [2, ""], args.join(" "));
    assert.match(stderr, words);
    assert.doesNotMatch(stderr, /hunter2/);
  }
});

Deno.test("config create asks for what is not given, and says what is missing when nobody answers", async () => {
  using folder = temporaryFolder();
  const answers = "lab\n\nme\nh:1\nhunter2\n\n";
  const asked = await config(folder, ["client", "create", "a"], answers);
  assert.equal(asked.code, 0);
  assert.equal(asked.stdout, "");
  assert.doesNotMatch(asked.stderr, /hunter2/);
  assert.match(Deno.readTextFileSync(`${folder.path}/clients/a.yaml`), /name: me\n[\s\S]*token: hunter2\n/);
  const ended = await config(folder, ["exporter", "create", "--name", "x"], "lab\n");
  assert.equal(ended.code, 2);
  assert.match(ended.stderr, /Error: Expected --endpoint, --token, or an answer\n$/);
  const silent = await config(folder, ["exporter", "create", "--nointeractive"], "lab\n");
  assert.equal(silent.stderr, "Error: Expected --namespace, --name, --endpoint, --token, or an answer\n");
  assert.throws(() => Deno.statSync(`${folder.path}/exporters`));
});

Deno.test("config create wants a yes before it goes without certificates", async () => {
  using folder = temporaryFolder();
  const refused = await config(folder, ["exporter", "create", "-k", ...identity], "n\n");
  assert.equal(refused.code, 2);
  assert.match(refused.stderr, /Nothing was written\n$/);
  assert.equal((await config(folder, ["exporter", "create", "-k", ...identity], "y\n")).code, 0);
  assert.match(Deno.readTextFileSync(`${folder.path}/exporters/default.yaml`), /insecure: true/);
});

Deno.test("config exporter create, list and delete work on files that exporter check accepts", async () => {
  using folder = temporaryFolder();
  const { stdout: path } = await config(folder, ["exporter", "create", "rig", "-o", "path", ...created]);
  const checked = await run(["exporter", "check", path.trim()]);
  assert.deepEqual([checked.code, checked.stdout], [0, `${path.trim()}: no errors, 0 drivers\n`]);
  assert.equal((await config(folder, ["exporter", "list"])).stdout, `ALIAS  PATH\nrig    ${path}`);
  assert.equal((await config(folder, ["exporter", "list", "-o", "name"])).stdout, "rig\n");
  assert.equal((await config(folder, ["exporter", "delete", "rig", "-o", "path"])).stdout, path);
  assert.equal((await config(folder, ["exporter", "list"])).stdout, "No resources found.\n");
});

Deno.test("no listing shows a token, nor a driver's password", async () => {
  using folder = temporaryFolder();
  await config(folder, ["client", "create", "a", ...created]);
  Deno.mkdirSync(`${folder.path}/exporters`);
  Deno.writeTextFileSync(
    `${folder.path}/exporters/a.yaml`,
    "metadata: {namespace: lab, name: x}\ntoken: hunter2\nexport: {a: {type: ./a.ts, config: {password: hunter3, host: h}}}\n",
  );
  for (const kind of ["client", "exporter"]) {
    for (const form of [["--json"], ["-o", "json"], ["-o", "yaml"], ["-o", "name"], []]) {
      const { code, stdout, stderr } = await config(folder, [kind, "list", ...form]);
      assert.equal(code, 0);
      assert.match(stdout, /\ba\b/);
      assert.doesNotMatch(stdout + stderr, /hunter/);
    }
  }
});

Deno.test("one broken file is named with its place, and the others are listed", async () => {
  using folder = temporaryFolder();
  for (const alias of ["a", "b"]) await config(folder, ["client", "create", alias, ...created]);
  Deno.writeTextFileSync(`${folder.path}/clients/b.yaml`, "token: [hunter2]\nmetadata: {namespace: lab, name: me}\n");
  const { code, stdout, stderr } = await config(folder, ["client", "list", "-o", "name"]);
  assert.deepEqual([code, stdout], [2, "a\n"]);
  assert.equal(stderr, `Error: ${folder.path}/clients/b.yaml:1:8: token: Expected text, got a list\n`);
});

Deno.test("config exporter edit opens the file in the user's editor and says what is wrong with it then", async () => {
  using folder = temporaryFolder();
  await config(folder, ["exporter", "create", ...created]);
  const append = 'sh -c \'echo "exprt: {}" >> "$1"\' sh';
  const edited = await config(folder, ["exporter", "edit"], undefined, { VISUAL: "", EDITOR: append });
  assert.equal(edited.code, 0);
  assert.match(edited.stderr, /default\.yaml:\d+:1: warning: exprt: Ignored the unknown key "exprt"; did you mean/);
  const failed = await config(folder, ["exporter", "edit"], undefined, { VISUAL: "sh -c 'exit 7'" });
  assert.equal(failed.code, 7);
});

Deno.test("conf is config, as upstream has it", async () => {
  using folder = temporaryFolder();
  const { stdout } = await run(["conf", "client", "list"], { env: { JMP_CLIENT_CONFIG_HOME: folder.path } });
  assert.equal(stdout, "No resources found.\n");
});

const hasTerminal = Deno.build.os === "linux" && await isInstalled("script");

Deno.test({
  name: "a token that is typed on a terminal is not shown, and can be corrected while it is typed",
  ignore: !hasTerminal,
  async fn() {
    using folder = temporaryFolder();
    const words = [...programWords, "config", "client", "create", "a"].map((word) => `'${word}'`).join(" ");
    await using terminal = openTerminal("sh", { JMP_CLIENT_CONFIG_HOME: folder.path }, folder.path);
    await terminal.type(`${words}; echo "en""ded"\n`, "Namespace in the lab");
    await terminal.type("lab\n", "Name in the lab");
    await terminal.type("me\n", "Address of the controller");
    await terminal.type("h:1\n", "(hidden): ");
    await terminal.type("wrong\x15huntXX\x7f\x7fer2\n", "(optional): ");
    await terminal.type("\n", "ended");
    assert.doesNotMatch(terminal.screen, /hunt|wrong/);
    assert.match(Deno.readTextFileSync(`${folder.path}/clients/a.yaml`), /\ntoken: hunter2\n/);
  },
});
