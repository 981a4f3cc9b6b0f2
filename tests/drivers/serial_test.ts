import assert from "node:assert/strict";
import { serve } from "../../mod.ts";
import serial from "../../drivers/serial/mod.ts";
import { withLimit } from "../../lib/core/limit.ts";
import { libc } from "../../lib/hardware/libc.ts";
import { openPseudoTerminal, type PseudoTerminal } from "../../lib/hardware/pseudo_terminal.ts";
import { openSerialPort } from "../../lib/hardware/serial_port.ts";
import { deadPort, echoServer, serverOf, talk } from "../bytes.ts";
import { folderOf } from "../folder.ts";

// Part of the process from then on, not of one test.
libc();

const utf8 = (text: string) => new TextEncoder().encode(text);

/** What a pseudo-terminal hears, up to some text. */
async function hears(terminal: PseudoTerminal, text: string): Promise<string> {
  const buffer = new Uint8Array(4096);
  let heard = "";
  while (!heard.includes(text)) {
    const count = await withLimit(terminal.read(buffer), 5_000, `Hearing ${text} after ${JSON.stringify(heard)}`);
    heard += new TextDecoder().decode(buffer.subarray(0, count!));
  }
  return heard;
}

Deno.test("A loopback port gives every connection back what it sends, and to nobody else", async () => {
  await using port = await serve(serial, { url: "loop://" });
  await using one = await port.connect();
  await using other = await port.connect();
  const [a, b] = [talk(one), talk(other)];
  await a.send("from a");
  await b.send("from b");
  assert.equal(await a.until("from a"), "from a");
  assert.equal(await b.until("from b"), "from b");
});

Deno.test("A url that means nothing is refused before anything is opened, with what it may be", async () => {
  await assert.rejects(serve(serial, { url: "COM3", baudrate: 0 }), {
    code: "invalid_argument",
    message:
      "config: url: Expected a path such as /dev/ttyUSB0, usb://?…, hwgrep://, socket://, rfc2217:// or loop://, " +
      'got "COM3"; config: baudrate: Expected more than 0, got 0',
  });
  for (
    const [url, message] of [
      ["spy:///dev/ttyUSB0", "Expected the port itself, got spy:///dev/ttyUSB0; record: keeps what is said"],
      ["socket://bench", "Expected socket://HOST:PORT, got socket://bench"],
      ["socket://bench:4001/x", "Expected socket://HOST:PORT, got socket://bench:4001/x"],
      ["socket://bench:4001?speed=3", "Expected no option after socket://HOST:PORT, got speed"],
      ["rfc2217://bench:4001?poll", "Expected timeout or ign_set_control after rfc2217://HOST:PORT, got poll"],
      ["usb://?serail=x", /serail/],
    ] as const
  ) {
    const expected = typeof message === "string" ? `config: url: ${message}` : message;
    await assert.rejects(serve(serial, { url }), { code: "invalid_argument", message: expected });
  }
});

Deno.test("A port carries every byte both ways, and what was said before anybody came is in its records", async () => {
  using terminal = openPseudoTerminal();
  await using port = await serve(serial, { url: terminal.path });
  await terminal.write(utf8("U-Boot 2026.01\r\n"));
  await using connection = await port.connect();
  const me = talk(connection);
  await me.send("\x00\x11\x13\r\n\xff");
  assert.equal(await hears(terminal, "\xff"), "\x00\x11\x13\r\n\xff");
  await terminal.write(utf8("login: "));
  await me.until("login: ");
  const records = await Array.fromAsync(port.records({ since: "0" }));
  const said = records.map(({ data }) => data ? new TextDecoder().decode(Uint8Array.fromBase64(data)) : "").join("");
  assert.equal(said, "U-Boot 2026.01\r\nlogin: ");
});

Deno.test("A break goes over the open port, and a port without modem lines says so", async () => {
  using terminal = openPseudoTerminal();
  await using port = await serve(serial, { url: terminal.path });
  await port.sendBreak({ ms: 1 });
  const refused = { code: "unimplemented", message: `The port ${terminal.path} has no line DTR` };
  await assert.rejects(port.setDtr({ value: true }), refused);
});

Deno.test("An exporter starts only with its port, unless that need not be present", async () => {
  using folder = await folderOf();
  const url = `${folder.path}/board`;
  for (const open of ["session", "demand"] as const) {
    await assert.rejects(serve(serial, { url, open }), {
      code: "not_found",
      message: new RegExp(`There is no serial port ${url}; there are `),
    });
  }
  using terminal = openPseudoTerminal();
  await using port = await serve(serial, { url, check_present: false });
  await using connection = await port.connect();
  Deno.symlinkSync(terminal.path, url);
  const me = talk(connection);
  await me.send("there?");
  await hears(terminal, "there?");
});

Deno.test("On demand whoever comes is told that the port is missing or in use, instead of waiting", async () => {
  using terminal = openPseudoTerminal();
  await using port = await serve(serial, { url: terminal.path, open: "demand" });
  const other = await openSerialPort(terminal.path, { baudRate: 9600 });
  const inUse = { message: `The port ${terminal.path} is in use by this process itself` };
  await assert.rejects(port.connect(), inUse);
  await assert.rejects(port.sendBreak(), inUse);
  await assert.rejects(Array.fromAsync(port.records({ follow: true })), inUse);
  await other[Symbol.asyncDispose]();
  await using connection = await port.connect();
  await talk(connection).send("free");
  await hears(terminal, "free");
});

Deno.test("close() hangs up on everybody and frees the port until its next use", async () => {
  using terminal = openPseudoTerminal();
  await using port = await serve(serial, { url: terminal.path });
  await using before = await port.connect();
  await port.close();
  assert.equal(await talk(before).chunk(), undefined);
  const tool = await openSerialPort(terminal.path, { baudRate: 921600 });
  await tool[Symbol.asyncDispose]();
  await using after = await port.connect();
  await talk(after).send("again");
  await hears(terminal, "again");
});

Deno.test("No more characters a second are sent than the device takes", async () => {
  using terminal = openPseudoTerminal();
  const cps = 100;
  for (const url of [terminal.path, "loop://"]) {
    await using port = await serve(serial, { url, cps });
    await using connection = await port.connect();
    const me = talk(connection);
    const since = performance.now();
    for (const text of ["abc", "def", "ghi"]) await me.send(text);
    await (url === "loop://" ? me.until("ghi") : hears(terminal, "ghi"));
    // Nine characters have eight pauses between them; a timer may be early by a millisecond.
    assert.ok(performance.now() - since >= 8 * (1000 / cps - 1));
  }
});

Deno.test("A port behind a TCP socket is a console as any other, found again when the server comes back", async () => {
  await using port = await (async () => {
    await using server = echoServer();
    const port = await serve(serial, { url: `socket://127.0.0.1:${server.port}` });
    await using connection = await port.connect();
    const me = talk(connection);
    await me.send("\xff there and back");
    await me.until("there and back");
    return port;
  })();
  const lost = (async () => {
    for await (const { mark, text } of port.records({ since: "0", follow: true })) if (mark === "lost") return text;
  })();
  assert.equal(await withLimit(lost, 5_000, "The loss"), "it has ended");
  await assert.rejects(port.setRts({ value: true }), /Connection refused/);
});

Deno.test("A server that is not there keeps the exporter from starting, as a missing port does", async () => {
  const url = `socket://127.0.0.1:${deadPort()}`;
  await assert.rejects(serve(serial, { url }), { code: "unavailable", message: /Cannot connect to the device at / });
});

Deno.test("A server that speaks no telnet is told apart from one that is slow", async () => {
  await using silent = serverOf(Deno.listen({ port: 0 }), async (connection) => {
    await connection.readable.pipeTo(new WritableStream());
  });
  await assert.rejects(serve(serial, { url: `rfc2217://127.0.0.1:${silent.port}?timeout=0.05` }), {
    code: "deadline_exceeded",
    message:
      `Driver serial failed to open: The answer of the port's server at 127.0.0.1:${silent.port} took longer than 50 ms`,
  });
  await using refusing = serverOf(Deno.listen({ port: 0 }), async (connection) => {
    await connection.write(Uint8Array.of(255, 254, 44));
    await connection.readable.pipeTo(new WritableStream());
  });
  await assert.rejects(serve(serial, { url: `rfc2217://127.0.0.1:${refusing.port}` }), {
    code: "failed_precondition",
    message: `Driver serial failed to open: The port's server at 127.0.0.1:${refusing.port} does not speak RFC 2217`,
  });
  await using gone = serverOf(Deno.listen({ port: 0 }), () => Promise.resolve());
  await assert.rejects(serve(serial, { url: `rfc2217://127.0.0.1:${gone.port}` }), { code: "unavailable" });
});
