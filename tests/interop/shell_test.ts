/** Scripts with Python's Jumpstarter in both roles. @module */
import assert from "node:assert/strict";
import { run, startExporter, temporaryFolder } from "../system/program.ts";
import { clientEnv, peerTest, type PythonPeer, pythonPeer, runPython } from "./python.ts";
import { startPythonExporter } from "./python_exporter.ts";

const peer = await pythonPeer("0.9.0");

const config = `
apiVersion: jumpstarter.dev/v1alpha1
kind: ExporterConfig
metadata: { namespace: default, name: scripts }
export:
  tools:
    type: jumpstarter_driver_shell.driver.Shell
    config:
      methods:
        greet: 'echo "hello $1 $X from $0"; echo "oops" >&2'
        end: { command: "exit $1", description: Ends as it is told }
        slow: { command: "trap 'exit 3' TERM; sleep 1000 & wait", timeout: 1 }
`;

peerTest(peer, "Python's client runs our scripts with arguments, variables, output and exit codes", async (peer) => {
  using folder = temporaryFolder();
  await using exporter = await startExporter(folder.file("exporter.yaml", config));
  assert.deepEqual(JSON.parse(await runPython(peer, clientScript, { host: exporter.address })), {
    kind: "ShellClient",
    methods: ["greet", "end", "slow"],
    help: { greet: "Execute the greet shell method", end: "Ends as it is told", slow: "Execute the slow shell method" },
    greet: [0, "hello you 1 from greet\n", "oops\n"],
    end: [7, "", ""],
    slow: [199, "", "\nTimeout expired while running slow: It took longer than 1 s\n"],
    unknown: "AttributeError",
    blocked: "DriverInvalidArgument: Environment variable 'PATH' is blocked for security reasons",
  });
  const said = await j(peer, exporter.address, ["greet", "-e", "X=2", "me", "-e"]);
  assert.deepEqual([said.code, said.stdout, said.stderr], [0, "hello me 2 from greet\n", "oops\n"]);
  assert.match((await j(peer, exporter.address, ["--help"])).stdout, /end +Ends as it is told/);
});

peerTest(peer, "Our client runs Python's scripts, and has a command for each", async (peer) => {
  await using exporter = await startPythonExporter(peer, config, "tcp");
  const tools = (...words: string[]) => run(["client", "--host", exporter.host, "tools", ...words]);
  const said = await tools("greet", "-e", "X=2", "me", "-e");
  assert.deepEqual([said.code, said.stdout, said.stderr], [0, "hello me 2 from greet\n", "oops\n"]);
  assert.equal((await tools("end", "7")).code, 7);
  assert.equal((await tools("end", "0")).code, 0);
  assert.equal((await tools("slow")).code, 199);
  const { stdout } = await tools("--help");
  assert.match(stdout, /greet .* Execute the greet shell method\n +end .* Ends as it is told/);
  const { code, stderr } = await tools("greet", "-e", "HOME=/");
  assert.equal(code, 1);
  assert.match(stderr, /Environment variable 'HOME' is blocked for security reasons/);
});

/** Python's `j tools …`. */
async function j(peer: PythonPeer, host: string, args: string[]) {
  const command = new Deno.Command(peer.bin("j"), { args: ["tools", ...args], env: clientEnv(host), stdin: "null" });
  const { code, stdout, stderr } = await command.output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { code, stdout: text(stdout), stderr: text(stderr) };
}

const clientScript = `
import contextlib, io, json
from jumpstarter.utils.env import env

def said(call, *args, **variables):
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = call(*args, **variables)
    return [int(code), out.getvalue(), err.getvalue()]

def failure(call):
    try:
        call()
    except Exception as error:
        return error

with env() as client:
    tools = client.tools
    cli = tools.cli()
    blocked = failure(lambda: tools.greet(PATH="x"))
    print(json.dumps({
        "kind": type(tools).__name__,
        "methods": tools.call("get_methods"),
        "help": {name: command.help for name, command in cli.commands.items()},
        "greet": said(tools.greet, "you", X="1"),
        "end": said(tools.end, "7"),
        "slow": said(tools.slow),
        "unknown": type(failure(lambda: tools.nothing)).__name__,
        "blocked": f"{type(blocked).__name__}: {blocked}",
    }))
`;
