/** The shell driver, its client and its commands, with a real bash. @module */
import assert from "node:assert/strict";
import driver from "../../drivers/shell/mod.ts";
import { connect, serve, shell } from "../../mod.ts";
import { run, temporaryFolder } from "../system/program.ts";

const methods = {
  greet: 'echo "hello $1 and $2 from $0"; echo "to $X" >&2',
  end: { command: "exit $1" },
  euro: "printf '\\xe2\\x82'; sleep 0.1; printf '\\xac'",
  ignoring: { command: "trap '' TERM; echo $$; while :; do read -t 100 <> <(:); done", timeout: 0.2 },
};

Deno.test("A script gets its arguments and variables, and its output comes as it is made", async () => {
  await using tools = await serve(driver, { methods });
  assert.deepEqual(await tools.getMethods(), Object.keys(methods));
  const result = await tools.run("greet", ["a b", "$c"], { env: { X: "you" } });
  assert.deepEqual(result, { code: 0, stdout: "hello a b and $c from greet\n", stderr: "to you\n" });
  // The pipe is open until the second line is asked for.
  using folder = temporaryFolder();
  const script = `echo one; read < ${folder.path}/go; echo two`;
  await new Deno.Command("mkfifo", { args: [`${folder.path}/go`] }).output();
  await using live = await serve(driver, { methods: { script } });
  const said = live.callMethod({ method: "script", env: {}, args: [] })[Symbol.asyncIterator]();
  assert.deepEqual((await said.next()).value, ["one\n", "", null]);
  await Deno.writeTextFile(`${folder.path}/go`, "\n");
  assert.deepEqual((await said.next()).value, ["two\n", "", null]);
  assert.deepEqual((await said.next()).value, ["", "", 0]);
  assert.equal((await said.next()).done, true);
});

Deno.test("Exit codes are the script's, and those of signals as shells have them", async () => {
  await using tools = await serve(driver, { methods: { ...methods, killed: "kill -KILL $$" } });
  assert.equal((await tools.run("end", ["7"])).code, 7);
  assert.equal((await tools.run("killed")).code, 137);
});

Deno.test("A character that is written in two parts arrives as one", async () => {
  await using tools = await serve(driver, { methods });
  assert.equal((await tools.run("euro")).stdout, "€");
});

Deno.test("A script that takes too long is asked to end, and ends with 199 and all that it started", async () => {
  const command = "trap 'echo bye; exit 3' TERM; echo $$; sleep 1000 & wait";
  await using tools = await serve(driver, { methods: { slow: { command, timeout: 0.3 } } });
  const { code, stdout, stderr } = await tools.run("slow");
  assert.equal(code, 199);
  assert.equal(stderr, "\nTimeout expired while running slow: It took longer than 0.3 s\n");
  const [pid, bye] = stdout.split("\n");
  assert.equal(bye, "bye");
  assert.deepEqual(await groupOf(pid), []);
});

Deno.test("A script that does not want to end is killed after five seconds", async () => {
  await using tools = await serve(driver, { methods });
  const started = performance.now();
  const { code, stdout } = await tools.run("ignoring");
  assert.equal(code, 199);
  assert.ok(performance.now() - started > 5_000);
  assert.deepEqual(await groupOf(stdout.trim()), []);
});

Deno.test("A script whose caller goes away ends with all that it started", async () => {
  await using tools = await serve(driver, { methods: { slow: "echo $$; sleep 1000 & wait" } });
  let pid = "";
  for await (const [stdout] of tools.callMethod({ method: "slow", env: {}, args: [] })) {
    pid = stdout.trim();
    break;
  }
  // Closing the session waits for the script's end.
  await tools[Symbol.asyncDispose]();
  assert.match(pid, /^\d+$/);
  assert.deepEqual(await groupOf(pid), []);
});

Deno.test("Unknown scripts, blocked and odd variables, and what cannot be run are refused with their names", async () => {
  await using tools = await serve(driver, { methods, cwd: "/no/such/folder" });
  const refused = (message: string) => ({ code: "invalid_argument", message });
  await assert.rejects(
    tools.run("gret"),
    refused("Method 'gret' not found; did you mean \"greet\"? Available: greet, end, euro, ignoring"),
  );
  for (const name of ["PATH", "LD_PRELOAD", "LD_AUDIT", "BASH_FUNC_x", "HOME", "BASH_ENV"]) {
    const blocked = refused(`Environment variable '${name}' is blocked for security reasons`);
    await assert.rejects(tools.run("greet", [], { env: { [name]: "" } }), blocked);
  }
  for (const name of ["", "1A", "A-B", "A=B"]) {
    const invalid = refused(`Invalid environment variable name: ${name}`);
    await assert.rejects(tools.run("greet", [], { env: { [name]: "" } }), invalid);
  }
  await assert.rejects(tools.run("greet"), refused("Working directory does not exist: /no/such/folder"));
  await using odd = await serve(driver, { methods, shell: ["/no/such/shell"] });
  await assert.rejects(odd.run("greet"), {
    code: "failed_precondition",
    message: /^Cannot run \/no\/such\/shell: /,
  });
  await using plain = await serve(driver, { methods });
  await assert.rejects(plain.run("greet", ["a\0b"]), { code: "invalid_argument" });
});

Deno.test("A script runs in the folder of the config, with no input", async () => {
  using folder = temporaryFolder();
  await using tools = await serve(driver, { methods: { where: "pwd; cat" }, cwd: folder.path });
  assert.equal((await tools.run("where")).stdout, `${Deno.realPathSync(folder.path)}\n`);
});

Deno.test("Every script is a command, with its description, its variables and its exit code", async () => {
  using folder = temporaryFolder();
  const file = folder.file(
    "tools.yaml",
    `metadata: {name: tools}\nexport:\n  tools:\n    type: jumpstarter_driver_shell.driver.Shell\n    config:\n` +
      `      methods:\n        say: 'echo "$X $*"; echo oops >&2; exit 5'\n` +
      `        described: {command: "true", description: Does nothing}\n`,
  );
  const tools = (...words: string[]) => run(["client", "--exporter-config", file, "tools", ...words]);
  const said = await tools("say", "-e", "X=1=2", "--env", "Y=", "a", "-e", "--json");
  assert.deepEqual([said.code, said.stdout, said.stderr], [5, "1=2 a -e --json\n", "oops\n"]);
  const json = await tools("say", "--json", "a");
  assert.equal(json.code, 5);
  const lines = json.stdout.trim().split("\n").map((line) => JSON.parse(line));
  assert.deepEqual(lines.at(-1), { stdout: "", stderr: "", code: 5 });
  assert.match(
    (await tools("--help")).stdout,
    /say \[options\].* Execute the say shell method\n +described .*Does nothing/,
  );
  const wrong = await tools("say", "-e", "X");
  assert.deepEqual([wrong.code, wrong.stderr], [2, 'Error: Expected KEY=VALUE for --env, got "X"\n']);
  assert.equal((await tools("sya")).code, 2);
  await using board = await connect({ exporterConfig: file }, { tools: shell });
  assert.equal((await board.tools.run("described")).code, 0);
});

/** Processes of a group that are not defunct. */
async function groupOf(pid: string): Promise<string[]> {
  const { stdout } = await new Deno.Command("ps", { args: ["-e", "-o", "pgid=,stat=,cmd="] }).output();
  const lines = new TextDecoder().decode(stdout).trim().split("\n").map((line) => line.trim());
  return lines.filter((line) => line.startsWith(`${pid} `) && !/^\d+ +Z/.test(line));
}
