/** ssh with Python's Jumpstarter in both roles, and OpenSSH as the device. @module */
import assert from "node:assert/strict";
import { type Sshd, sshdTest, startSshd } from "../sshd.ts";
import { linkNamesOf } from "../system/names.ts";
import { run, startExporter, temporaryFolder } from "../system/program.ts";
import { clientEnv, type PythonPeer, pythonPeer, runPython } from "./python.ts";
import { startPythonExporter } from "./python_exporter.ts";

const peer = await pythonPeer("0.9.0");

/** A test with Python's Jumpstarter and an sshd. */
function bothTest(name: string, fn: (peer: PythonPeer) => Promise<void>): void {
  if (peer) sshdTest(name, () => fn(peer));
  else Deno.test({ name, ignore: true, fn: () => {} });
}

function config(sshd: Sshd): string {
  const options = JSON.stringify({ default_username: sshd.user, ssh_identity_file: sshd.key });
  return `
apiVersion: jumpstarter.dev/v1alpha1
kind: ExporterConfig
metadata: { namespace: default, name: login }
export:
  net: { type: jumpstarter_driver_network.driver.TcpNetwork, config: { host: 127.0.0.1, port: ${sshd.port} } }
  login:
    type: jumpstarter_driver_ssh.driver.SSHWrapper
    config: ${options}
    children: { tcp: { ref: net } }
`;
}

bothTest("Python's client logs in through our ssh driver, and gets the exit code", async (peer) => {
  await using sshd = await startSshd();
  using folder = temporaryFolder();
  await using exporter = await startExporter(folder.file("exporter.yaml", config(sshd)));
  for (const direct of [[], ["--direct"]]) {
    const j = new Deno.Command(peer.bin("j"), {
      args: ["login", ...direct, "sh", "-c", "'cat; exit 7'"],
      env: clientEnv(exporter.address),
      stdin: "null",
    });
    const { code, stderr } = await j.output();
    assert.equal(code, 7, new TextDecoder().decode(stderr));
  }
  const printed = await runPython(peer, clientScript, { host: exporter.address });
  assert.deepEqual(JSON.parse(printed), {
    kind: "SSHWrapperClient",
    username: sshd.user,
    identity: Deno.readTextFileSync(sshd.key),
    command: "ssh -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR",
    result: [3, "out\n", "err\n"],
    greeting: "SSH-2.0-",
  });
});

bothTest("Our client logs in through Python's ssh driver, and gets the exit code", async (peer) => {
  await using sshd = await startSshd();
  await using exporter = await startPythonExporter(peer, config(sshd), "tcp");
  for (const direct of [[], ["--direct"]]) {
    const words = ["client", "--host", exporter.host, "login", ...direct, "-T", "cat; exit 7"];
    const { code, stdout, stderr } = await run(words, { stdin: "there and back" });
    assert.deepEqual([code, stdout], [7, "there and back"], stderr);
  }
});

bothTest("Python's programs reach a board behind ssh in our shell", async (peer) => {
  using folder = temporaryFolder();
  await using sshd = await startSshd([linkNamesOf(folder.path)]);
  const file = folder.file("exporter.yaml", `${config(sshd)}  power: { type: mock-power }\n`);
  const words = ["shell", "--host", `ssh://bench${file}`, "--", peer.bin("j"), "power", "read"];
  const { code, stdout, stderr } = await run(words, { env: sshd.env, limitMs: 60_000 });
  assert.equal(code, 0, stderr);
  assert.match(stdout, /^voltage=0.0 V/);
  assert.equal(sshd.connections(), 1);
});

const clientScript = `
import json
from jumpstarter_driver_ssh.client import SSHCommandRunOptions
from jumpstarter.utils.env import env

with env() as client:
    login = client.login
    result = login.run(SSHCommandRunOptions(), ["echo out; echo err >&2; exit 3"])
    with login.stream("connect") as stream:
        greeting = stream.receive()[:8].decode()
    print(json.dumps({
        "kind": type(login).__name__,
        "username": login.username,
        "identity": login.identity,
        "command": login.command,
        "result": [result.return_code, result.stdout, result.stderr],
        "greeting": greeting,
    }))
`;
