/** WebSocket and D-Bus networks with Python's Jumpstarter in both roles. @module */
import assert from "node:assert/strict";
import { connect, network } from "../../mod.ts";
import { talk } from "../bytes.ts";
import { dbusTest, namesOnBus, startBus } from "../dbus.ts";
import { folderOf } from "../folder.ts";
import { startExporter, temporaryFolder } from "../system/program.ts";
import { webSocketServer } from "../web_socket.ts";
import { peerTest, type PythonPeer, pythonPeer, runPython } from "./python.ts";
import { startPythonExporter } from "./python_exporter.ts";

const peer = await pythonPeer("0.9.0");
const head =
  "apiVersion: jumpstarter.dev/v1alpha1\nkind: ExporterConfig\nmetadata: { namespace: default, name: nets }\nexport:\n";
const terminal = (url: string) =>
  `${head}  terminal: { type: jumpstarter_driver_network.driver.WebsocketNetwork, config: { url: "${url}" } }\n`;
const bus = `${head}  bus: { type: jumpstarter_driver_network.driver.DbusNetwork, config: { kind: session } }\n`;

peerTest(peer, "Python's client talks through our WebSocket network, text messages too", async (peer) => {
  await using server = webSocketServer();
  using folder = temporaryFolder();
  await using exporter = await startExporter(folder.file("exporter.yaml", terminal(server.url)));
  const printed = await runPython(peer, webSocketScript, { host: exporter.address });
  assert.deepEqual(JSON.parse(printed), ["NetworkClient", server.url, "hello", "Grüße"]);
});

peerTest(peer, "Our client talks through Python's WebSocket network", async (peer) => {
  await using server = webSocketServer();
  await using exporter = await startPythonExporter(peer, terminal(server.url), "tcp");
  await using board = await connect(exporter.host, { terminal: network });
  assert.equal(await board.terminal.address(), server.url);
  await using stream = await board.terminal.connect();
  const { send, until } = talk(stream);
  await send("hello");
  assert.equal(await until("hello"), "hello");
});

/** A test with Python's Jumpstarter and a bus. */
function busTest(name: string, fn: (peer: PythonPeer) => Promise<void>): void {
  if (peer) dbusTest(name, () => fn(peer));
  else Deno.test({ name, ignore: true, fn: () => {} });
}

busTest("Python's client finds the kind of our D-Bus network, and reaches the bus", async (peer) => {
  await using daemon = await startBus();
  using folder = temporaryFolder();
  const env = { DBUS_SESSION_BUS_ADDRESS: daemon.unix };
  await using exporter = await startExporter(folder.file("exporter.yaml", bus), [], { env });
  const printed = await runPython(peer, busScript, { host: exporter.address });
  const [client, kind, variable, answer] = JSON.parse(printed);
  assert.deepEqual([client, kind], ["DbusNetworkClient", "session"]);
  assert.match(variable, /^tcp:host=127\.0\.0\.1,port=\d+$/);
  assert.match(answer, /^(?:OK|REJECTED) /);
});

busTest("Our forward carries the bus of Python's D-Bus network", async (peer) => {
  await using daemon = await startBus();
  using folder = await folderOf();
  const env = { DBUS_SESSION_BUS_ADDRESS: daemon.unix };
  await using exporter = await startPythonExporter(peer, bus, "tcp", undefined, env);
  await using board = await connect(exporter.host, { bus: network });
  await using forward = board.bus.forwardUnix({ path: `${folder.path}/bus` });
  assert.match(await namesOnBus(`unix:path=${forward.address}`), /^org\.freedesktop\.DBus /m);
});

const webSocketScript = `
import json
from jumpstarter.utils.env import env

with env() as client:
    terminal = client.terminal
    with terminal.stream("connect") as stream:
        stream.send(b"hello")
        said = [stream.receive().decode()]
        stream.send(b"text")
        said.append(stream.receive().decode())
    print(json.dumps([type(terminal).__name__, terminal.address(), *said]))
`;

const busScript = `
import json, os, socket
from jumpstarter.utils.env import env

with env() as client:
    with client.bus:
        address = os.environ["DBUS_SESSION_BUS_ADDRESS"]
        host, port = (part.split("=")[1] for part in address.removeprefix("tcp:").split(","))
        with socket.create_connection((host, int(port))) as bus:
            bus.sendall(b"\\0AUTH ANONYMOUS 6a\\r\\n")
            answer = bus.recv(100).decode()
    print(json.dumps([type(client.bus).__name__, client.bus.kind, address, answer]))
`;
