/** Forwards with Python's Jumpstarter in both roles, and what programs send through them. @module */
import assert from "node:assert/strict";
import { connect, network, vnc } from "../../mod.ts";
import { withLimit } from "../../lib/core/limit.ts";
import { echoServer, serverOf, talk } from "../bytes.ts";
import { dbusTest, startBus } from "../dbus.ts";
import { run, startExporter, temporaryFolder } from "../system/program.ts";
import { isInstalled } from "../system/terminal.ts";
import { peerTest, type PythonPeer, pythonPeer, runPython } from "./python.ts";
import { startPythonExporter } from "./python_exporter.ts";

const peer = await pythonPeer("0.9.0");
const hasIperf = await isInstalled("iperf3");
if (!hasIperf) console.error("iperf3 is not installed (Debian's iperf3): its traffic is not tested");

const head =
  "apiVersion: jumpstarter.dev/v1alpha1\nkind: ExporterConfig\nmetadata: { namespace: default, name: nets }\nexport:\n";
const tcp = (name: string, port: number) =>
  `  ${name}: { type: jumpstarter_driver_network.driver.TcpNetwork, config: { host: 127.0.0.1, port: ${port} } }\n`;

/** iperf3's server, which goes on until it is disposed. */
async function startIperf(): Promise<{ port: number } & AsyncDisposable> {
  using free = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = free.addr;
  free.close();
  const args = ["--server", "--bind", "127.0.0.1", "--port", String(port), "--forceflush"];
  const child = new Deno.Command("iperf3", { args, stdin: "null", stdout: "piped", stderr: "null" }).spawn();
  const said = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  await withLimit(said.read(), 10_000, "iperf3's server");
  const rest = (async () => {
    while (!(await said.read()).done) { /* nobody wants it */ }
  })();
  return {
    port,
    async [Symbol.asyncDispose]() {
      child.kill("SIGTERM");
      await Promise.all([child.status, rest]);
    },
  };
}

/** iperf3's client: several connections for a second, up and then down. */
const clientArgs = ["--time", "1", "--parallel", "3", "--json"];
const directions = [[], ["--reverse"]];

interface Report {
  error?: string;
  end: { streams: { receiver: { bytes: number } }[] };
}

/** Each connection has carried more than fits into the buffers on the way. */
function assertCarried({ error, end }: Report): void {
  assert.equal(error, undefined);
  assert.equal(end.streams.length, 3);
  for (const { receiver } of end.streams) assert.ok(receiver.bytes > 1_000_000, `${receiver.bytes}`);
}

function iperfTest(name: string, fn: (peer: PythonPeer) => Promise<void>): void {
  if (hasIperf) peerTest(peer, name, fn);
  else Deno.test({ name, ignore: true, fn: () => {} });
}

iperfTest("iperf3 runs through Python's port forward on our exporter", async (peer) => {
  // A server for each direction: one is busy for a moment after its client's end.
  await using up = await startIperf();
  await using down = await startIperf();
  using folder = temporaryFolder();
  const config = head + tcp("up", up.port) + tcp("down", down.port);
  await using exporter = await startExporter(folder.file("exporter.yaml", config));
  const args = directions.map((direction) => JSON.stringify([...clientArgs, ...direction]));
  const printed = await runPython(peer, iperfScript, { host: exporter.address, args });
  for (const report of JSON.parse(printed)) assertCarried(report);
});

iperfTest("iperf3 runs through our port forward on Python's exporter", async (peer) => {
  for (const direction of directions) {
    // A server and an exporter for each: iperf3 leaves bytes unread at its end, and Python's exporter keeps such streams.
    await using server = await startIperf();
    await using exporter = await startPythonExporter(peer, head + tcp("iperf", server.port), "tcp");
    await using board = await connect(exporter.host, { iperf: network });
    await using forward = board.iperf.forwardTcp();
    const port = forward.address.split(":")[1];
    const args = ["--client", "127.0.0.1", "--port", port, ...clientArgs, ...direction];
    const signal = AbortSignal.timeout(30_000);
    const { stdout } = await new Deno.Command("iperf3", { args, stdin: "null", signal }).output();
    assert.ok(!signal.aborted, "iperf3 did not end within 30 s");
    assertCarried(JSON.parse(new TextDecoder().decode(stdout)));
  }
});

peerTest(
  peer,
  "Python's pexpect talks through our exporter, and its unix forward carries both directions",
  async (peer) => {
    await using shell = serverOf(Deno.listen({ hostname: "127.0.0.1", port: 0 }), login);
    await using echo = echoServer();
    using folder = temporaryFolder();
    const config = head + tcp("shell", shell.port) + tcp("echo", echo.port);
    await using exporter = await startExporter(folder.file("exporter.yaml", config));
    const printed = await runPython(peer, pexpectScript, { host: exporter.address });
    assert.deepEqual(JSON.parse(printed), ["Linux board", 1_000_000]);
  },
);

/** A login that asks for a name and then answers one command. */
async function login(connection: Deno.Conn): Promise<void> {
  const say = (text: string) => connection.write(new TextEncoder().encode(text));
  const buffer = new Uint8Array(100);
  await say("login: ");
  await connection.read(buffer);
  await say("\r\n# ");
  await connection.read(buffer);
  await say("Linux board\r\n# ");
  await connection.read(buffer);
}

peerTest(peer, "A VNC driver is known to both sides: Python's client on ours, ours on Python's", async (peer) => {
  await using echo = echoServer();
  const driver = (encrypt: boolean) =>
    `${head}  screen:\n    type: jumpstarter_driver_vnc.driver.Vnc\n    config: { default_encrypt: ${encrypt} }\n` +
    `    children:\n    ${tcp("  tcp", echo.port)}`;
  using folder = temporaryFolder();
  await using ours = await startExporter(folder.file("exporter.yaml", driver(true)));
  assert.deepEqual(JSON.parse(await runPython(peer, vncScript, { host: ours.address })), ["VNClient", true, "RFB"]);
  await using theirs = await startPythonExporter(peer, driver(false), "tcp");
  await using board = await connect(theirs.host, { screen: vnc });
  assert.equal(await board.screen.getDefaultEncrypt(), false);
  await using stream = await board.screen.connect();
  const { send, until } = talk(stream);
  await send("RFB");
  assert.equal(await until("RFB"), "RFB");
});

if (peer) {
  dbusTest("`dbus` runs a program on the bus of Python's exporter", async () => {
    await using bus = await startBus();
    const config = `${head}  bus: { type: jumpstarter_driver_network.driver.DbusNetwork, config: { kind: session } }\n`;
    const env = { DBUS_SESSION_BUS_ADDRESS: bus.unix };
    await using exporter = await startPythonExporter(peer, config, "tcp", undefined, env);
    const program = ["busctl", "--user", "--no-pager", "list"];
    const { code, stdout, stderr } = await run(["client", "--host", exporter.host, "bus", "dbus", ...program]);
    assert.equal(code, 0, stderr);
    assert.match(stdout, /^org\.freedesktop\.DBus /m);
  });
}

const iperfScript = `
import json, subprocess, sys
from jumpstarter.utils.env import env
from jumpstarter_driver_network.adapters import TcpPortforwardAdapter

with env() as client:
    reports = []
    for driver, args in zip([client.up, client.down], map(json.loads, sys.argv[1:])):
        with TcpPortforwardAdapter(client=driver) as address:
            command = ["iperf3", "--client", address[0], "--port", str(address[1]), *args]
            reports.append(json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout))
    print(json.dumps(reports))
`;

const pexpectScript = `
import json, socket, threading
from jumpstarter.utils.env import env
from jumpstarter_driver_network.adapters import PexpectAdapter, UnixPortforwardAdapter

with env() as client:
    with PexpectAdapter(client=client.shell) as shell:
        shell.expect("login: ", timeout=10)
        shell.sendline("root")
        shell.expect("# ", timeout=10)
        shell.sendline("uname")
        shell.expect("(Linux .*?)\\r\\n# ", timeout=10)
        said = shell.match.group(1).decode()
    with UnixPortforwardAdapter(client=client.echo) as path:
        with socket.socket(socket.AF_UNIX) as sock:
            sock.connect(str(path))
            def send():
                sock.sendall(bytes(1_000_000))
                sock.shutdown(socket.SHUT_WR)
            threading.Thread(target=send).start()
            received = 0
            while piece := sock.recv(65536):
                received += len(piece)
    print(json.dumps([said, received]))
`;

const vncScript = `
import json
from jumpstarter.utils.env import env

with env() as client:
    screen = client.screen
    with screen.stream() as stream:
        stream.send(b"RFB")
        print(json.dumps([type(screen).__name__, screen.get_default_encrypt(), stream.receive().decode()]))
`;
