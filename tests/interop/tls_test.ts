/** TLS and passphrases with Python's Jumpstarter 0.9.0 at the other end, in both roles. @module */
import assert from "node:assert/strict";
import { testAuthority } from "../certificates.ts";
import { folderOf } from "../folder.ts";
import { run, start, startExporter } from "../system/program.ts";
import { interopConfig } from "./config.ts";
import { peerTest, pythonPeer, runPython } from "./python.ts";
import { startPythonExporter } from "./python_exporter.ts";

const peer = await pythonPeer("0.9.0");
const secret = "correct horse battery";

/** Switches the power and prints what came of it: `on`, or the status' name. */
const client = `
import grpc
from jumpstarter.utils.env import env

def leaves(error):
    if isinstance(error, BaseExceptionGroup):
        for inner in error.exceptions:
            yield from leaves(inner)
    else:
        yield error

try:
    with env() as client:
        client.power.on()
        print("on")
except BaseException as error:
    for leaf in leaves(error):
        print(leaf.code().name if isinstance(leaf, grpc.aio.AioRpcError) else repr(leaf))
`;

/** What Python's client makes of an exporter. */
async function pythonSays(host: string, env: Record<string, string>): Promise<string> {
  const around = { JUMPSTARTER_HOST: host, JMP_DRIVERS_ALLOW: "UNSAFE", JMP_GRPC_INSECURE: "", ...env };
  return (await runPython(peer!, client, { env: around, limitMs: 30_000 })).trim();
}

/** What Python says of every connection that TLS does not let come about. */
const unreachable = "ExporterUnreachableError('Exporter did not respond to initial connection')";

const roots = (file: string) => ({ GRPC_DEFAULT_SSL_ROOTS_FILE_PATH: file });

peerTest(
  peer,
  "Python's client trusts our exporter by its certificate as it should, and refuses it otherwise",
  async () => {
    using folder = await folderOf({ "bench.yaml": interopConfig(1), "p.txt": secret });
    const env = { XDG_STATE_HOME: `${folder.path}/state` };
    const authority = await testAuthority(folder.path, "lab");
    const stranger = await testAuthority(folder.path, "stranger");
    const serve = (words: string[]) => startExporter(`${folder.path}/bench.yaml`, words, { env });
    const cases = [
      ["good", ["127.0.0.1"], 0, authority.ca, "on"],
      ["wrong", ["other.example"], 0, authority.ca, unreachable],
      ["expired", ["127.0.0.1"], 200, authority.ca, unreachable],
      ["unknown", ["127.0.0.1"], 0, stranger.ca, unreachable],
    ] as const;
    for (const [name, names, daysAgo, ca, outcome] of cases) {
      const { cert, key } = await authority.issue(name, names, daysAgo);
      await using exporter = await serve(["--tls-cert", cert, "--tls-key", key]);
      assert.equal(await pythonSays(exporter.address, roots(ca)), outcome, name);
    }
    await using exporter = await serve(["--tls-self-signed", "--passphrase-file", `${folder.path}/p.txt`]);
    const { ca } = JSON.parse(await exporter.said("\n"));
    const { address } = exporter;
    assert.equal(await pythonSays(address, { ...roots(ca), JMP_GRPC_PASSPHRASE: secret }), "on");
    assert.equal(await pythonSays(address, { ...roots(ca), JMP_GRPC_PASSPHRASE: "wrong" }), "UNAUTHENTICATED");
    assert.equal(await pythonSays(address, roots(ca)), "UNAUTHENTICATED");
    assert.equal(await pythonSays(address, { JMP_GRPC_INSECURE: "1" }), unreachable);
    await using plain = await startExporter(
      `${folder.path}/bench.yaml`,
      ["--passphrase-file", `${folder.path}/p.txt`],
      {
        env: { XDG_RUNTIME_DIR: folder.path },
      },
    );
    assert.equal(await pythonSays(plain.address, roots(ca)), unreachable);
    assert.equal(
      await pythonSays(plain.address, { JMP_GRPC_INSECURE: "1", JMP_GRPC_PASSPHRASE: secret }),
      "on",
    );
  },
);

peerTest(peer, "Python's jmp shell and j drive our self-signed exporter by the line that it prints", async (peer) => {
  using folder = await folderOf({ "bench.yaml": interopConfig(1), "p.txt": secret });
  const file = `${folder.path}/p.txt`;
  const words = ["exporter", "run", `${folder.path}/bench.yaml`, "--listen", "127.0.0.1:0", "--tls-self-signed"];
  const env = { XDG_STATE_HOME: `${folder.path}/state` };
  await using exporter = start([...words, "--passphrase-file", file], { env });
  const said = await exporter.noted("jmp shell");
  const line = /^ *(GRPC_\S+ jmp shell .*)$/m.exec(said)![1].replace(" FILE)", ` ${file})`);
  const path = [peer.bin("jmp").replace(/\/jmp$/, ""), Deno.env.get("PATH")].join(":");
  const j = (text: string, more: Record<string, string> = {}) =>
    new Deno.Command("sh", { args: ["-c", text], env: { PATH: path, JMP_DRIVERS_ALLOW: "UNSAFE", ...more } }).output();
  const inside = await j(`${line} -- j power on`);
  assert.equal(inside.code, 0, new TextDecoder().decode(inside.stderr));
  // The other way that docs/security.md has.
  const host = /--tls-grpc (\S+)/.exec(line)![1];
  const bare = await j("j power on", {
    ...roots(/PATH=(\S+)/.exec(line)![1]),
    JUMPSTARTER_HOST: host,
    JMP_GRPC_PASSPHRASE: secret,
  });
  assert.equal(bare.code, 0, new TextDecoder().decode(bare.stderr));
});

peerTest(
  peer,
  "our client and shell trust Python's exporter by its certificate as they should, and refuse it otherwise",
  async (peer) => {
    using folder = await folderOf();
    const authority = await testAuthority(folder.path, "lab");
    const stranger = await testAuthority(folder.path, "stranger");
    const cases = [
      ["good", ["127.0.0.1"], 0, authority.ca, undefined],
      ["wrong", ["other.example"], 0, authority.ca, /is for another name/],
      ["expired", ["127.0.0.1"], 200, authority.ca, /has expired/],
      ["unknown", ["127.0.0.1"], 0, stranger.ca, /comes from an unknown authority/],
    ] as const;
    for (const [name, names, daysAgo, ca, complaint] of cases) {
      const { cert, key } = await authority.issue(name, names, daysAgo);
      const protection = ["--tls-cert", cert, "--tls-key", key, "--passphrase", secret];
      await using exporter = await startPythonExporter(peer, interopConfig(1), "tcp", protection);
      const on = (...words: string[]) => run(["client", "--host", exporter.host, ...words, "power", "on"]);
      const trusting = await run(["client", "--host", exporter.host, "--tls-ca", ca, "power", "on"], {
        env: { JMP_GRPC_PASSPHRASE: secret },
      });
      if (complaint) {
        assert.equal(trusting.code, 3);
        assert.match(trusting.stderr, complaint);
        continue;
      }
      assert.deepEqual(trusting, { code: 0, stdout: "", stderr: "" });
      const shell = ["shell", "--tls-grpc", exporter.host, "--", "j", "power", "on"];
      const inside = await run(shell, { env: { ...roots(ca), JMP_GRPC_PASSPHRASE: secret } });
      assert.deepEqual(inside, { code: 0, stdout: "", stderr: "" });
      const mistakes = [
        [["--tls-ca", ca], /^Error \(authenticate\): The exporter asks for a passphrase/],
        [["--tls-ca", ca, "--passphrase", "wrong"], /^Error \(authenticate\): The exporter does not accept/m],
        [["--plaintext"], /^Error \(tls\): .* speaks TLS, and this connection does not/],
        [["--tls-fingerprint", "00".repeat(32)], /^Error \(tls\): .* has no authority that could be pinned/],
      ] as const;
      for (const [words, wrong] of mistakes) {
        const ended = await on(...words);
        assert.equal(ended.code, 3, ended.stderr);
        assert.match(ended.stderr, wrong);
      }
      const insecure = await run(["client", "--host", exporter.host, "--insecure", "power", "on"], {
        env: { JMP_GRPC_PASSPHRASE: secret },
      });
      assert.deepEqual(insecure, { code: 0, stdout: "", stderr: "" });
    }
    await using plain = await startPythonExporter(peer, interopConfig(1), "tcp");
    const ended = await run(["client", "--host", plain.host, "--tls-ca", authority.ca, "power", "on"]);
    assert.equal(ended.code, 3);
    assert.match(ended.stderr, /^Error \(tls\): .* does not speak TLS\n {2}Try: --plaintext/);
  },
);
