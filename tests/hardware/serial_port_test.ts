import assert from "node:assert/strict";
import { withLimit } from "../../lib/core/limit.ts";
import { openDescriptor } from "../../lib/hardware/descriptor.ts";
import { checked, libc, O_RDWR } from "../../lib/hardware/libc.ts";
import { openPseudoTerminal } from "../../lib/hardware/pseudo_terminal.ts";
import { openSerialPort } from "../../lib/hardware/serial_port.ts";
import { folderOf } from "../folder.ts";
import { talk } from "../bytes.ts";

// Part of the process from then on, not of one test.
libc();

/** What `stty` says of a line. */
async function stty(path: string): Promise<string> {
  const { stdout } = await new Deno.Command("stty", { args: ["-a", "-F", path] }).output();
  return new TextDecoder().decode(stdout);
}

Deno.test("An open port is raw, 8N1, without flow control, and at its rate, as stty sees it", async () => {
  using terminal = openPseudoTerminal();
  await new Deno.Command("stty", { args: ["-F", terminal.path, "sane", "crtscts", "cstopb", "9600"] }).output();
  const port = await openSerialPort(terminal.path, { baudRate: 115200 });
  const said = await stty(terminal.path);
  assert.match(said, /^speed 115200 baud/);
  for (
    const setting of ["cs8", "-parenb", "-cstopb", "-crtscts", "clocal", "cread", "-ixon", "-icanon", "-echo", "-opost"]
  ) {
    assert.ok(said.includes(` ${setting}`) || said.includes(`\n${setting}`), `${setting} in ${said}`);
  }
  assert.deepEqual(port.differences, []);
  await port[Symbol.asyncDispose]();
});

Deno.test("A rate without a code of its own is set, and so is every one that has a code", async () => {
  using terminal = openPseudoTerminal();
  const odd = [250000, 74880];
  for (const baudRate of [50, 9600, 57600, 1500000, 4000000, ...odd]) {
    await using port = await openSerialPort(terminal.path, { baudRate });
    assert.deepEqual(port.differences, []);
    const [, spoken] = /^speed (\d+) baud/.exec(await stty(terminal.path))!;
    // Not every stty knows the odd ones; it then says 0.
    if (spoken !== "0") assert.equal(Number(spoken), baudRate);
    else assert.ok(odd.includes(baudRate));
  }
});

Deno.test("Whether closing drops the modem lines is the kernel's setting unless they are to be kept", async () => {
  using terminal = openPseudoTerminal();
  const hangsUp = async (keepLines: boolean) => {
    await using _ = await openSerialPort(terminal.path, { baudRate: 115200, keepLines });
    return !(await stty(terminal.path)).includes("-hupcl");
  };
  for (const setting of ["hupcl", "-hupcl"]) {
    await new Deno.Command("stty", { args: ["-F", terminal.path, setting] }).output();
    assert.equal(await hangsUp(false), setting === "hupcl");
  }
  await new Deno.Command("stty", { args: ["-F", terminal.path, "hupcl"] }).output();
  assert.equal(await hangsUp(true), false);
});

Deno.test({
  name: "What a device does not accept of its settings is told",
  // Only root may lock settings, which makes a pseudo-terminal as stubborn as a device.
  ignore: Deno.uid() !== 0,
  async fn() {
    using terminal = openPseudoTerminal();
    const options = { baudRate: 115200 };
    await new Deno.Command("stty", { args: ["-F", terminal.path, "sane", "9600", "cstopb", "-hupcl"] }).output();
    const device = openDescriptor(terminal.path, O_RDWR);
    const TIOCSLCKTRMIOS = 0x5457;
    const [CBAUD, CSTOPB, ECHO] = [0o10017, 0o100, 0o10];
    const locked = new Uint8Array(new Uint32Array([0, 0, CBAUD | CSTOPB, ECHO, 0, 0, 0, 0, 0]).buffer);
    checked("TIOCSLCKTRMIOS", libc().ioctl(device.number, TIOCSLCKTRMIOS, locked));
    await using port = await openSerialPort(terminal.path, options);
    assert.deepEqual(port.differences, [
      "9600 bits per second, not 115200",
      "local processing 0x8, not raw",
      "2 stop bits, not 1",
    ]);
    device.close();
  },
});

Deno.test("What a port received before it was opened is dropped, and what comes then is not", async () => {
  using terminal = openPseudoTerminal();
  await terminal.write(new TextEncoder().encode("old"));
  await using port = await openSerialPort(terminal.path, { baudRate: 115200 });
  await terminal.write(new TextEncoder().encode("new"));
  assert.equal(await talk(port.bytes).until("new"), "new");
});

Deno.test("A port that is in use is refused by the name of who uses it, and free once that is over", async () => {
  using terminal = openPseudoTerminal();
  const options = { baudRate: 115200 };
  const mine = await openSerialPort(terminal.path, options);
  await assert.rejects(openSerialPort(terminal.path, options), {
    code: "failed_precondition",
    message: `The port ${terminal.path} is in use by this process itself`,
  });
  await mine[Symbol.asyncDispose]();

  const script = "import fcntl, sys, os\nf = os.open(sys.argv[1], os.O_RDWR | os.O_NOCTTY)\n" +
    "fcntl.flock(f, fcntl.LOCK_EX)\nprint('locked', flush=True)\nsys.stdin.read()\n";
  const child = new Deno.Command("python3", {
    args: ["-c", script, terminal.path],
    stdin: "piped",
    stdout: "piped",
  }).spawn();
  const reader = child.stdout.getReader();
  await withLimit(reader.read(), 20_000, "The lock of another process");
  await assert.rejects(openSerialPort(terminal.path, options), {
    code: "failed_precondition",
    message: new RegExp(`^The port ${terminal.path} is in use by python3\\S* \\(process \\d+\\)$`),
  });
  await child.stdin.close();
  await child.status;
  await reader.cancel();
  await using _ = await openSerialPort(terminal.path, options);
});

Deno.test("A port that is not there, and a file that is no port, are refused as what they are", async () => {
  using folder = await folderOf({ "plain": "" });
  const options = { baudRate: 115200 };
  await assert.rejects(openSerialPort(`${folder.path}/ttyUSB0`, options), {
    code: "not_found",
    message: new RegExp(`^There is no serial port ${folder.path}/ttyUSB0; there are `),
  });
  for (const path of [`${folder.path}/plain`, "/dev/null", folder.path]) {
    await assert.rejects(openSerialPort(path, options), {
      code: "invalid_argument",
      message: `${path} is not a serial port`,
    });
  }
});

Deno.test("A write waits while the device takes nothing, and the pulled device ends it and the reading", async () => {
  using terminal = openPseudoTerminal();
  await using port = await openSerialPort(terminal.path, { baudRate: 115200 });
  const writer = port.bytes.writable.getWriter();
  const writing = writer.write(new Uint8Array(1024 * 1024));
  const reading = port.bytes.readable.getReader().read();
  const both = Promise.allSettled([writing, reading]);
  assert.equal(await Promise.race([both, new Promise((resolve) => setTimeout(resolve, 50, "waits"))]), "waits");
  terminal.close();
  for (const result of await withLimit(both, 5_000, "The end")) {
    assert.equal(result.status, "rejected");
    assert.equal(result.reason.message, `The port ${terminal.path} is gone`);
  }
});

Deno.test("A break is sent and ended, and a pseudo-terminal says that it has no modem lines", async () => {
  using terminal = openPseudoTerminal();
  const port = await openSerialPort(terminal.path, { baudRate: 115200 });
  await port.sendBreak(1);
  assert.throws(() => port.setDtr(false), { code: "unimplemented", message: /has no line DTR$/ });
  const sending = port.sendBreak(60_000);
  sending.catch(() => {});
  await port[Symbol.asyncDispose]();
  await assert.rejects(sending, { code: "canceled" });
});

Deno.test("With 64 open ports that all wait, and while all of them are busy, a file is read within 50 ms", async () => {
  using folder = await folderOf({ "file": "x" });
  const terminals = Array.from({ length: 64 }, openPseudoTerminal);
  const ports = await Promise.all(terminals.map(({ path }) => openSerialPort(path, { baudRate: 115200 })));
  const heard = ports.map(async (port) => {
    let count = 0;
    try {
      for await (const bytes of port.bytes.readable) count += bytes.length;
    } catch { /* the end */ }
    return count;
  });
  // The quickest of many: a busy machine makes some of them slow, a blocked pool of threads makes all of them so.
  const quickestMs = async () => {
    const tookMs: number[] = [];
    for (let count = 0; count < 20; count++) {
      const since = performance.now();
      await withLimit(Deno.readTextFile(`${folder.path}/file`), 20_000, "Reading a file");
      tookMs.push(performance.now() - since);
    }
    return Math.min(...tookMs);
  };
  assert.ok(await quickestMs() < 50);

  let isOver = false;
  const chunk = new Uint8Array(64 * 1024);
  const busy = terminals.map(async (terminal) => {
    let sent = 0;
    while (!isOver) sent += await terminal.write(chunk);
    return sent;
  });
  assert.ok(await quickestMs() < 50);
  isOver = true;
  const sent = await Promise.all(busy);
  assert.ok(sent.every((count) => count > 0));
  for (const port of ports) await port[Symbol.asyncDispose]();
  for (const terminal of terminals) terminal.close();
  await withLimit(Promise.all(heard), 5_000, "The end of all ports");
});
