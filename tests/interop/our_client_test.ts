/** Our library, command line and shell against Python's exporters. @module */
import assert from "node:assert/strict";
import { connect, isJumpstarterError, network, power, serial } from "../../mod.ts";
import { connectBoard } from "../../lib/client/connect.ts";
import { parseAddress } from "../../lib/client/address.ts";
import { nodeAt } from "../../lib/client/tree.ts";
import { run, start } from "../system/program.ts";
import { interopConfig } from "./config.ts";
import { halfCloseServer, testBytes } from "./half_close_server.ts";
import { peerTest, pythonPeer, type PythonVersion } from "./python.ts";
import { startPythonExporter } from "./python_exporter.ts";

const pairs: [PythonVersion, "tcp" | "unix"][] = [["0.9.0", "tcp"], ["0.9.0", "unix"], ["0.7.4", "unix"]];

for (const [version, transport] of pairs) {
  const peer = await pythonPeer(version);
  peerTest(peer, `Python's ${version} exporter over ${transport}, used by ours`, async (peer) => {
    await using server = halfCloseServer();
    await using exporter = await startPythonExporter(peer, interopConfig(server.port), transport);
    const { host } = exporter;

    // Steps share one exporter: its start takes most of the time.
    await library(host, server.port, version);
    await stream(host);
    await logs(host, version);
    await commandLine(host, server.port);
    await shell(host);
  });
}

async function library(host: string, port: number, version: PythonVersion): Promise<void> {
  const want = { power, serial, echo: network, "rack.shelf.tcp": network, "branch.hidden": network, leaf: network };
  await using board = await connect({ host }, want);
  await board.power.on();
  await board.power.cycle({ waitMs: 1 });
  const readings = await Array.fromAsync(board.power.read());
  assert.deepEqual(readings, [{ voltage: 0, current: 0 }, { voltage: 5, current: 2 }]);
  assert.equal(await board["rack.shelf.tcp"].address(), `tcp://127.0.0.1:${port}`);
  assert.equal(await board.leaf.address(), `tcp://127.0.0.1:${port}`);
  await assert.rejects(
    board["branch.hidden"].address(),
    (error) =>
      isJumpstarterError(error, "invalid_argument") && error.message.includes("enable_address mode is not true"),
  );
  await assert.rejects(board.power.rescue(), (error) => isJumpstarterError(error, "not_found"));
  for (const line of [board.serial, board.echo]) {
    await using loop = await line.connect();
    const writer = loop.writable.getWriter();
    const reader = loop.readable.getReader();
    await writer.write(new TextEncoder().encode("loop"));
    assert.equal(new TextDecoder().decode((await reader.read()).value), "loop", version);
  }
  await assert.rejects(connect({ host }, { power: network }), /Expected "power" to be a network interface, got power/);
  await assert.rejects(connect({ host }, { powre: power }), /did you mean "power"\?/);
}

async function stream(host: string): Promise<void> {
  await using board = await connect({ host }, { leaf: network });
  await using through = await board.leaf.connect();
  const sent = testBytes(20 * 1024 * 1024);
  const sending = (async () => {
    const writer = through.writable.getWriter();
    for (let at = 0; at < sent.length; at += 65536) await writer.write(sent.subarray(at, at + 65536));
    await writer.close();
  })();
  const received = new Uint8Array(await new Response(through.readable as BodyInit).arrayBuffer());
  await sending;
  assert.equal(received.length, sent.length);
  assert.ok(received.every((byte, at) => byte === sent[at]));
}

async function logs(host: string, version: PythonVersion): Promise<void> {
  await using board = await connectBoard(parseAddress(host));
  const end = new AbortController();
  const caller = nodeAt(board.root, ["power"]).caller;
  const reading = (async () => {
    for await (const { message, severity } of board.connection.logs(end.signal)) {
      if (message === "power off") return severity;
    }
  })();
  await caller.unary("off", [], {});
  assert.equal(await reading, "INFO");
  end.abort();
  const status = board.connection.status();
  if (version === "0.7.4") await assert.rejects(status, (error) => isJumpstarterError(error, "unimplemented"));
  else assert.equal((await status).status, 4);
}

async function commandLine(host: string, port: number): Promise<void> {
  const client = ["client", "--host", host];
  const tree = await run(client);
  assert.match(tree.stdout, /^ {2}power +power +on, off, rescue, cycle, read {2}# Main supply$/m, tree.stderr);
  assert.match(tree.stdout, /^ {6}tcp +network/m);
  assert.equal((await run([...client, "power", "on", "--json"])).stdout, '{"ok":true}\n');
  const read = await run([...client, "power", "read", "--count", "2", "--interval", "0"]);
  assert.equal(read.stdout.trim().split("\n").length, 4);
  assert.equal((await run([...client, "branch.tcp", "address"])).stdout, `127.0.0.1:${port}\n`);
  const unknown = await run([...client, "power", "call", "explode"]);
  assert.deepEqual([unknown.code, unknown.stdout], [1, ""]);
  assert.match(unknown.stderr, /Error \(driver\): .*explode/);
  await using forward = start([...client, "leaf", "forward-tcp", "0"]);
  const local = parseAddress((await forward.said("\n")).trim()) as { hostname: string; port: number };
  const connection = await Deno.connect(local);
  await connection.write(new TextEncoder().encode("there and back"));
  await connection.closeWrite();
  assert.equal(await new Response(connection.readable).text(), "there and back");
  forward.kill("SIGINT");
  assert.equal((await forward.ended).code, 130);
}

async function shell(host: string): Promise<void> {
  const { code, stdout, stderr } = await run([
    "shell",
    "--host",
    host,
    "--",
    "sh",
    "-c",
    "j power on && j power read --json",
  ]);
  assert.equal(code, 0, stderr);
  assert.equal(stdout, '{"voltage":0,"current":0}\n{"voltage":5,"current":2}\n');
}
