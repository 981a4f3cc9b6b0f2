/** ssh with Python's Jumpstarter in both roles, and OpenSSH as the device. @module */
import assert from "node:assert/strict";
import { type Sshd, sshdTest, startSshd } from "../sshd.ts";
import { sample } from "../payload.ts";
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

bothTest(
  "Python's Fabric adapter runs commands and moves files through our exporter, several at once",
  async (peer) => {
    await using sshd = await startSshd();
    using folder = temporaryFolder();
    await using exporter = await startExporter(folder.file("exporter.yaml", config(sshd)));
    const content = sample(300_000);
    const sent = `${folder.path}/sent`;
    Deno.writeFileSync(sent, content);
    const printed = await runPython(peer, fabricScript, { host: exporter.address, args: [sshd.user, sshd.key, sent] });
    assert.deepEqual(JSON.parse(printed), { results: [[7, "out 1\n"], [7, "out 2\n"], [7, "out 3\n"]], sftp: 300_000 });
    assert.deepEqual(Deno.readFileSync(`${sent}.back`), content);
  },
);

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

const fabricScript = `
import json, sys
from concurrent.futures import ThreadPoolExecutor
from jumpstarter_driver_network.adapters import FabricAdapter
from jumpstarter.utils.env import env

user, key, file = sys.argv[1:]

with env() as client:
    login = {"user": user, "connect_kwargs": {"key_filename": key, "allow_agent": False, "look_for_keys": False}}
    def act(number):
        with FabricAdapter(client=client.net, **login) as device:
            result = device.run(f"echo out {number}; exit 7", hide=True, warn=True)
            return [result.exited, result.stdout]
    with ThreadPoolExecutor() as pool:
        results = list(pool.map(act, [1, 2, 3]))
    with FabricAdapter(client=client.net, **login) as device:
        device.put(file, f"{file}.there")
        device.get(f"{file}.there", f"{file}.back")
        size = device.sftp().stat(f"{file}.there").st_size
    print(json.dumps({"results": results, "sftp": size}))
`;
