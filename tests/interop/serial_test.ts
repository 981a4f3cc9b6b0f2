/** Serial ports with Python's Jumpstarter in both roles, and pySerial's RFC 2217 server as the port. @module */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { connect, serial, serve } from "../../mod.ts";
import serialDriver from "../../drivers/serial/mod.ts";
import { withLimit } from "../../lib/core/limit.ts";
import { writeAll } from "../../lib/core/pipe.ts";
import { libc } from "../../lib/hardware/libc.ts";
import { openPseudoTerminal } from "../../lib/hardware/pseudo_terminal.ts";
import { talk } from "../bytes.ts";
import { run, start, startExporter, temporaryFolder } from "../system/program.ts";
import { clientEnv, peerTest, type PythonPeer, pythonPeer, runPython } from "./python.ts";
import { startPythonExporter } from "./python_exporter.ts";

libc(); // Part of the process from then on, not of one test.

const peer = await pythonPeer("0.9.0");

/** A board on a pseudo-terminal: it asks for a login, and gives back every line in capitals. */
function board() {
  const terminal = openPseudoTerminal();
  let heard = "";
  const living = (async () => {
    const buffer = new Uint8Array(4096);
    for (let line = "";;) {
      const text = new TextDecoder().decode(buffer.subarray(0, (await terminal.read(buffer))!));
      heard += text;
      for (const character of text) {
        line += character;
        if (character !== "\n") continue;
        await writeAll(terminal, new TextEncoder().encode(`${line.trim().toUpperCase()}\r\nlogin: `));
        line = "";
      }
    }
  })();
  living.catch(() => {}); // It ends with the terminal.
  return {
    path: terminal.path,
    heard: () => heard,
    terminal,
    [Symbol.dispose]: () => terminal.close(),
  };
}

function config(path: string): string {
  const port = (url: string) => `{ type: jumpstarter_driver_pyserial.driver.PySerial, config: { url: "${url}" } }`;
  return "apiVersion: jumpstarter.dev/v1alpha1\nkind: ExporterConfig\n" +
    `metadata: { namespace: default, name: ports }\nexport:\n  port: ${port(path)}\n  loop: ${port("loop://")}\n`;
}

/** Python's `j`, to its end. */
async function j(peer: PythonPeer, host: string, args: string[], input: string) {
  const child = new Deno.Command(peer.bin("j"), {
    args,
    env: clientEnv(host),
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(input));
  await writer.close();
  const { code, stdout, stderr } = await withLimit(child.output(), 60_000, "j");
  return { code, stdout: new TextDecoder().decode(stdout), stderr: new TextDecoder().decode(stderr) };
}

peerTest(peer, "Python's client talks to our serial port by pexpect, over loop:// and a terminal", async (peer) => {
  using device = board();
  using folder = temporaryFolder();
  await using exporter = await startExporter(folder.file("exporter.yaml", config(device.path)));
  const printed = await runPython(peer, pexpectScript, { host: exporter.address });
  assert.deepEqual(JSON.parse(printed), {
    kind: "PySerialClient",
    loop: "before ",
    port: ["ROOT", "\r\n"],
    closed: null,
    dtr: true,
  });
});

peerTest(peer, "Python's j pipe types into our serial port and reads it", async (peer) => {
  using device = board();
  using folder = temporaryFolder();
  await using exporter = await startExporter(folder.file("exporter.yaml", config(device.path)));
  const { address: host } = exporter;
  const typed = await j(peer, host, ["port", "pipe", "--no-output"], "typed by j\n");
  assert.equal(typed.code, 0, typed.stderr);
  const reading = new Deno.Command(peer.bin("j"), {
    args: ["port", "pipe", "--no-input"],
    env: clientEnv(host),
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const [errors, output] = [talkOf(reading.stderr), talkOf(reading.stdout)];
  await errors.until("Reading from serial port");
  // Python says so before it has connected, so the board says it until it is heard.
  const saying = setInterval(() => void writeAll(device.terminal, new TextEncoder().encode("boot\r\n")), 50);
  await output.until("boot\r\n");
  clearInterval(saying);
  reading.kill("SIGKILL");
  await reading.status;
  await Promise.all([errors.rest(), output.rest()]);
  assert.equal(device.heard(), "typed by j\n");
});

peerTest(peer, "Our client talks through Python's serial port: pipe, send, and a session", async (peer) => {
  using device = board();
  await using exporter = await startPythonExporter(peer, config(device.path), "tcp");
  const { host } = exporter;

  await using clients = await connect(host, { port: serial, loop: serial });
  for (const [client, answer] of [[clients.port, "TO UPPER"], [clients.loop, "to upper"]] as const) {
    await using session = await client.open();
    await session.sendLine("to upper");
    await session.expect(answer, { timeoutMs: 20_000 });
  }

  const words = (node: string) => ["client", "--host", host, "--timeout", "20", node];
  const sent = await run([...words("port"), "send", "reboot\\n", "--expect", "/log.n: /"]);
  assert.deepEqual([sent.code, sent.stdout], [0, "REBOOT\r\nlogin: "], sent.stderr);

  await using pipe = start([...words("port"), "pipe"], { stdin: "piped\n" });
  assert.match(await pipe.said("login: "), /PIPED\r\nlogin: $/);
  pipe.kill("SIGINT");
  assert.equal((await pipe.ended).code, 130);
});

peerTest(
  peer,
  "A port of pySerial's RFC 2217 server is set, carries every byte, and its lines are switched",
  async (peer) => {
    using terminal = openPseudoTerminal();
    await using server = rfc2217Server(peer, terminal.path);
    await server.said.until("listening ");
    const port = Number(await server.said.until("\n"));
    // Opening the port sets its lines as well.
    await using console = await serve(serialDriver, { url: `rfc2217://127.0.0.1:${port}`, baudrate: 57600 });
    assert.match(await server.said.until("rts 1\n"), /dtr 1\n/);
    const { stdout } = await new Deno.Command("stty", { args: ["-F", terminal.path] }).output();
    assert.match(new TextDecoder().decode(stdout), /^speed 57600 baud/);

    const everyByte = Uint8Array.from({ length: 1024 }, (_, index) => index >> 1);
    await using connection = await console.connect();
    const writer = connection.writable.getWriter();
    await writer.write(everyByte);
    const heard = new Uint8Array(everyByte.length);
    for (let count = 0; count < heard.length;) {
      count += (await withLimit(terminal.read(heard.subarray(count)), 10_000, "Hearing every byte"))!;
    }
    assert.deepEqual(heard, everyByte);
    await writeAll(terminal, everyByte);
    let said: number[] = [];
    for await (const chunk of connection.readable) {
      said = [...said, ...chunk];
      if (said.length >= everyByte.length) break;
    }
    assert.deepEqual(Uint8Array.from(said), everyByte);

    await console.setDtr({ value: false });
    await console.setRts({ value: false });
    await console.sendBreak({ ms: 1 });
    assert.equal(await server.said.until("break 0\n"), "dtr 0\nrts 0\nbreak 1\nbreak 0\n");
  },
);

/** The server as a process. */
function rfc2217Server(peer: PythonPeer, path: string) {
  const script = fileURLToPath(new URL("rfc2217_server.py", import.meta.url));
  const child = new Deno.Command(peer.python, { args: [script, path], stdin: "null", stdout: "piped" }).spawn();
  const said = talkOf(child.stdout);
  return {
    said,
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL");
      await child.status;
      await said.rest();
    },
  };
}

/** What a process says. */
function talkOf(readable: ReadableStream<Uint8Array>) {
  return talk({ readable, writable: new WritableStream(), [Symbol.asyncDispose]: () => Promise.resolve() });
}

const pexpectScript = `
import json
from jumpstarter.utils.env import env

with env() as client:
    result = {"kind": type(client.port).__name__}
    with client.loop.pexpect() as session:
        session.send("before after")
        session.expect("after", timeout=20)
        result["loop"] = session.before.decode()
    with client.port.pexpect() as session:
        session.sendline("root")
        session.expect("R(O+)T", timeout=20)
        before = session.after.decode()
        session.expect_exact("login: ", timeout=20)
        result["port"] = [before, session.before.decode()]
    result["closed"] = client.port.call("close")
    try:
        client.port.call("set_dtr", False)
    except Exception as error:
        result["dtr"] = "has no line DTR" in str(error)
    print(json.dumps(result))
`;
