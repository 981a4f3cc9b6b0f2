/** Python's clients against our exporter. @module */
import assert from "node:assert/strict";
import { startExporter, temporaryFolder } from "../system/program.ts";
import { interopConfig } from "./config.ts";
import { halfCloseServer } from "./half_close_server.ts";
import { clientEnv, peerTest, type PythonPeer, pythonPeer, type PythonVersion, runPython } from "./python.ts";

const pairs: [PythonVersion, "tcp" | "unix"][] = [["0.9.0", "tcp"], ["0.9.0", "unix"], ["0.7.4", "unix"]];

for (const [version, transport] of pairs) {
  const peer = await pythonPeer(version);
  const title = (what: string) => `Python's ${version} client over ${transport}: ${what}`;

  peerTest(
    peer,
    title("sees the tree, proxies as their targets"),
    (peer) =>
      withExporter(transport, async ({ host }) => {
        const { tree, description } = JSON.parse(await runPython(peer, treeScript, { host }));
        assert.deepEqual(tree, {
          power: "PowerClient",
          echo: "NetworkClient",
          dead: "NetworkClient",
          rack: "CompositeClient",
          "rack.shelf": "CompositeClient",
          "rack.shelf.tcp": "NetworkClient",
          "rack.shelf.hidden": "NetworkClient",
          serial: "PySerialClient",
          leaf: "NetworkClient",
          branch: "CompositeClient",
          "branch.tcp": "NetworkClient",
          "branch.hidden": "NetworkClient",
        });
        assert.equal(description, "Main supply");
      }),
  );

  peerTest(
    peer,
    title("calls methods and gets the errors that it knows"),
    (peer) =>
      withExporter(transport, async ({ host, port }) => {
        const printed = await runPython(peer, callScript, { host });
        assert.deepEqual(JSON.parse(printed), {
          readings: [[0, 0], [5, 2]],
          addresses: [`tcp://127.0.0.1:${port}`, `tcp://127.0.0.1:${port}`],
          errors: [
            ["NOT_FOUND", "method explode not found on driver"],
            ["NOT_FOUND", "method read missing marker marker_drivercall"],
            ["NOT_FOUND", "method on missing marker marker_streamingdrivercall"],
            ["INVALID_ARGUMENT", "power.on: Expected no arguments, got 1"],
            ["INVALID_ARGUMENT", "enable_address mode is not true in the exporter configuration"],
            ["UNIMPLEMENTED", "This power driver does not support rescue"],
            ["UNKNOWN", 'There is no driver with the uuid "nobody"'],
          ],
        });
      }),
  );

  peerTest(
    peer,
    title("carries 20 MiB through a stream with half-close, byte for byte"),
    (peer) =>
      withExporter(transport, async ({ host }) => {
        assert.equal(await runPython(peer, streamScript, { host }), "20971520 True True\n");
      }),
  );

  peerTest(
    peer,
    title("reads the log, what was said before included"),
    (peer) =>
      withExporter(transport, async ({ host }) => {
        const [first, second] = JSON.parse(await runPython(peer, logScript, { host }));
        assert.deepEqual(first, ["INFO", "power on"]);
        assert.deepEqual(second, ["INFO", "power off"]);
      }),
  );
}

const peer = await pythonPeer("0.9.0");

peerTest(peer, "Python's jmp shell and j 0.9.0 drive our exporter", (peer) =>
  withExporter("tcp", async ({ host }) => {
    const j = await program(peer, "j", ["power", "read"], clientEnv(host));
    assert.equal(
      j.stdout,
      "voltage=0.0 V  current=0.0 A  apparent_power=0.0 VA\nvoltage=5.0 V  current=2.0 A  apparent_power=10.0 VA\n",
    );
    const words = [
      "shell",
      "--tls-grpc",
      host,
      "--tls-grpc-insecure",
      "--",
      peer.bin("j"),
      "rack",
      "shelf",
      "tcp",
      "address",
    ];
    const shell = await program(peer, "jmp", words, {});
    assert.equal(shell.code, 0, shell.stderr);
    assert.match(shell.stdout, /^127\.0\.0\.1:\d+$/m);
    const help = await program(peer, "j", ["power", "--help"], clientEnv(host));
    assert.match(help.stdout, /Main supply[\s\S]*Switch the supply on/);
  }));

peerTest(
  peer,
  "Python's client 0.9.0 gets an error, not a hang, when the target of a stream is dead",
  (peer) =>
    withExporter("tcp", async ({ host }) => {
      const printed = await runPython(peer, deadScript, { host, limitMs: 20_000 });
      assert.match(printed, /UNAVAILABLE Cannot connect to the device at 127\.0\.0\.1:1/);
    }),
);

interface Surroundings {
  /** The exporter's address as Python takes it. */
  host: string;
  /** The port of the half-close server. */
  port: number;
}

async function withExporter(transport: "tcp" | "unix", test: (around: Surroundings) => Promise<void>): Promise<void> {
  await using server = halfCloseServer();
  using folder = temporaryFolder();
  const config = folder.file("exporter.yaml", interopConfig(server.port));
  await using exporter = await startExporter(config);
  const [tcp, unix] = exporter.addresses;
  await test({ host: transport === "tcp" ? tcp : unix, port: server.port });
}

async function program(peer: PythonPeer, name: string, args: string[], env: Record<string, string>) {
  const { code, stdout, stderr } = await new Deno.Command(peer.bin(name), { args, env, stdin: "null" }).output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { code, stdout: text(stdout), stderr: text(stderr) };
}

const treeScript = `
import json
from jumpstarter.utils.env import env

def walk(client, prefix=""):
    for name, child in client.children.items():
        yield prefix + name, type(child).__name__
        yield from walk(child, prefix + name + ".")

with env() as client:
    print(json.dumps({"tree": dict(walk(client)), "description": client.power.description}))
`;

const callScript = `
import json, uuid
import grpc
from jumpstarter.utils.env import env

def failure(call):
    try:
        call()
    except Exception as error:
        cause = error
        while cause is not None and not hasattr(cause, "code"):
            cause = cause.__cause__ or cause.__context__
        return [cause.code().name, cause.details()]
    return None

with env() as client:
    power = client.power
    power.on()
    power.off()
    def nobody():
        client.power.uuid = "nobody"
        client.power.on()
    print(json.dumps({
        "readings": [[r.voltage, r.current] for r in power.read()],
        "addresses": [client.rack.shelf.tcp.address(), client.leaf.address()],
        "errors": [
            failure(lambda: power.call("explode")),
            failure(lambda: power.call("read")),
            failure(lambda: list(power.streamingcall("on"))),
            failure(lambda: power.call("on", 1)),
            failure(lambda: client.branch.hidden.address()),
            failure(lambda: power.call("rescue")),
            failure(nobody),
        ],
    }))
`;

const streamScript = `
import hashlib, random
from anyio import EndOfStream, create_task_group
from jumpstarter.utils.env import env

data = random.Random(1).randbytes(20 * 1024 * 1024)

with env() as client:
    async def through(client):
        digest, count, ended = hashlib.sha256(), 0, False
        async with client.stream_async(method="connect") as stream:
            async def send():
                for start in range(0, len(data), 65536):
                    await stream.send(data[start:start + 65536])
                await stream.send_eof()
            async with create_task_group() as group:
                group.start_soon(send)
                try:
                    while True:
                        chunk = await stream.receive()
                        digest.update(chunk)
                        count += len(chunk)
                except EndOfStream:
                    ended = True
        return count, digest.digest() == hashlib.sha256(data).digest(), ended
    print(*client.portal.call(through, client.leaf))
`;

const logScript = `
import json, os
import grpc
from google.protobuf.empty_pb2 import Empty
from jumpstarter_protocol import jumpstarter_pb2_grpc
from jumpstarter.utils.env import env

with env() as client:
    client.power.on()
    client.power.off()

host = os.environ["JUMPSTARTER_HOST"]
with grpc.insecure_channel(host if not host.startswith("/") else "unix:" + host) as channel:
    records = jumpstarter_pb2_grpc.ExporterServiceStub(channel).LogStream(Empty())
    said = []
    for record in records:
        if record.message.startswith("power"):
            said.append([record.severity, record.message])
        if len(said) == 2:
            break
    records.cancel()
print(json.dumps(said))
`;

const deadScript = `
from jumpstarter.utils.env import env

with env() as client:
    try:
        with client.dead.stream() as stream:
            stream.receive()
    except BaseException as error:
        def leaves(error):
            if isinstance(error, BaseExceptionGroup):
                for child in error.exceptions:
                    yield from leaves(child)
            else:
                yield error
        for leaf in leaves(error):
            while leaf is not None:
                if hasattr(leaf, "code"):
                    print(leaf.code().name, leaf.details())
                leaf = leaf.__cause__ or leaf.__context__
`;
