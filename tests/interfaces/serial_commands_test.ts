/** A console's commands for scripts and files, on a line that the test holds. @module */
import assert from "node:assert/strict";
import { byteStreamOf } from "../../lib/core/byte_stream.ts";
import { withLimit } from "../../lib/core/limit.ts";
import { writeAll } from "../../lib/core/pipe.ts";
import { noSuchPort } from "../../lib/hardware/port_name.ts";
import { openPseudoTerminal } from "../../lib/hardware/pseudo_terminal.ts";
import { consoleConfig, defineDriver, serial, serialConsole, serve, z } from "../../mod.ts";
import { Cable } from "../streams/console/lines.ts";
import { lrzszTest, receive } from "../streams/transfer/receivers.ts";
import { temporaryFolder } from "../system/program.ts";
import { consoleOfTwo, consoleOn } from "./cable_console.ts";
import { parsed, run } from "./io.ts";

const encoder = new TextEncoder();

Deno.test("A send-file that is interrupted tells the receiver", async () => {
  const cable = new Cable();
  await using client = await consoleOn(cable);
  using folder = temporaryFolder();
  const file = folder.file("firmware.bin", "x".repeat(10_000));
  const sendFile = serial.commands!(client)["send-file"];
  const { done, stop, noted } = run(sendFile, parsed(sendFile, { files: [file], protocol: "xmodem" }));
  await noted(1);
  await cable.say("C");
  await cable.hear(133);
  stop();
  assert.equal(await withLimit(cable.hear(16), 5_000, "The end"), "\x18".repeat(8) + "\b".repeat(8));
  await assert.rejects(withLimit(done, 5_000, "The command"), { message: "interrupted" });
});

Deno.test("A device that is not there is not taken for a method that is not there", async () => {
  const driver = defineDriver({
    name: "test-console",
    summary: "x",
    implements: serial,
    config: z.object(consoleConfig),
    open: (context) => serialConsole(() => Promise.reject(noSuchPort("/dev/ttyUSB9")), context),
  });
  await using client = await serve(driver, { open: "demand" });
  const { log } = serial.commands!(client);
  const { done } = run(log, parsed(log, { follow: true }));
  await assert.rejects(withLimit(done, 5_000, "The log"), {
    code: "unavailable",
    message: /^There is no serial port .dev.ttyUSB9/,
  });
});

Deno.test("log leaves out on a terminal what it would answer, and nothing elsewhere", async () => {
  const cable = new Cable();
  await using client = await consoleOn(cable);
  await cable.say("# \x1b[6nready\x1b[c\n");
  const { log } = serial.commands!(client);
  const printed = async (stdoutIsTerminal: boolean) => {
    const { done, written } = run(log, parsed(log, { since: "0" }), { stdoutIsTerminal });
    await withLimit(done, 5_000, "The log");
    return new TextDecoder().decode(new Uint8Array(written));
  };
  while (!(await printed(false)).endsWith("\n"));
  assert.equal(await printed(false), "# \x1b[6nready\x1b[c\n");
  assert.equal(await printed(true), "# ready\n");
});

Deno.test("Whoever types what is piped in hears of a claim and of an interrupt while nothing comes", async () => {
  const cable = new Cable();
  await using both = await consoleOfTwo(cable);
  const [ci, me] = both.callers;
  const { pipe } = serial.commands!(me);
  const quiet = () => new ReadableStream<Uint8Array>({ start: (it) => it.enqueue(encoder.encode("x")) });
  const typing = (stdin = quiet()) => run(pipe, parsed(pipe, { noOutput: true }), { stdin, stdinIsTerminal: false });
  const first = typing();
  assert.equal(await cable.hear(1), "x");
  await ci.claim({ name: "ci" });
  await assert.rejects(withLimit(first.done, 5_000, "The refusal"), { message: "The console was taken over by ci" });
  await ci.release();
  const second = typing();
  assert.equal(await cable.hear(1), "x");
  second.stop();
  await assert.rejects(withLimit(second.done, 5_000, "The interrupt"), { message: "interrupted" });
});

Deno.test("send --expect prints what was said byte by byte", async () => {
  const cable = new Cable();
  await using client = await consoleOn(cable);
  const { send } = serial.commands!(client);
  const sending = run(send, parsed(send, { text: "x", expect: "done" }));
  assert.equal(await cable.hear(1), "x");
  await cable.say(Uint8Array.of(0xff, 0xfe, 0xc3));
  await cable.say("done");
  await withLimit(sending.done, 5_000, "The command");
  assert.deepEqual(sending.written, [0xff, 0xfe, 0xc3, ...encoder.encode("done")]);
});

lrzszTest("send-file brings a file to a receiver at the other end, and prints what follows", async () => {
  using folder = temporaryFolder();
  await using receiving = receive(["sh", "-c", "rx -c received; echo done"], folder.path);
  const { source, sink } = receiving.receiver;
  const driver = defineDriver({
    name: "test-console",
    summary: "x",
    implements: serial,
    config: z.object({}),
    open: () => ({
      connect: () =>
        byteStreamOf({
          next: () => source.next(),
          write: (chunk) => sink.write(chunk),
          end: () => Promise.resolve(),
          close: () => {},
        }),
    }),
  });
  await using client = await serve(driver, {});
  const file = folder.file("firmware.bin", "firmware");
  const sendFile = serial.commands!(client)["send-file"];
  const { done, notes } = run(sendFile, parsed(sendFile, { files: [file], protocol: "xmodem" }));
  await withLimit(done, 20_000, "The transfer");
  assert.deepEqual(notes, ["Waiting for the receiver at the other end", "Sent firmware.bin: 8 bytes"]);
  assert.equal(Deno.readTextFileSync(`${folder.path}/received`), `firmware${"\x1a".repeat(120)}`);
});

Deno.test("send-file types a file as it is, and refuses what it cannot send", async () => {
  const cable = new Cable();
  await using client = await consoleOn(cable);
  using folder = temporaryFolder();
  const file = folder.file("lines", "one\ntwo\n");
  const sendFile = serial.commands!(client)["send-file"];
  await run(sendFile, parsed(sendFile, { files: [file] })).done;
  assert.equal(await cable.hear(8), "one\ntwo\n");
  for (
    const [given, message] of [
      [{ files: [`${folder.path}/nothing`] }, /^Cannot send .*nothing: No such file/],
      [{ files: [folder.path] }, /^Cannot send .*: It is no file$/],
      [{ files: [file, file] }, /^Only ymodem sends several files, not raw$/],
      [{ files: [file, file], protocol: "xmodem" }, /^Only ymodem sends several files, not xmodem$/],
      [{ files: [file], protocol: "ymodem", cps: 5 }, /^--cps needs --protocol raw$/],
    ] as const
  ) {
    const { done, notes } = run(sendFile, parsed(sendFile, given));
    await assert.rejects(done, { code: "invalid_argument", message });
    assert.deepEqual(notes, []);
  }
});

const isLinux = Deno.build.os === "linux";

Deno.test({
  name: "pty makes the console a device file, under a link that goes with it",
  ignore: !isLinux,
  async fn() {
    const cable = new Cable();
    await using client = await consoleOn(cable);
    using folder = temporaryFolder();
    const link = `${folder.path}/board`;
    Deno.symlinkSync("/dev/pts/999999", link);
    const { pty } = serial.commands!(client);
    const running = run(pty, parsed(pty, { link }), { pseudoTerminal: () => Promise.resolve(openPseudoTerminal()) });
    await withLimit(running.printed(1), 5_000, "The path");
    assert.deepEqual(running.lines, [link]);
    assert.match(Deno.readLinkSync(link), /^\/dev\/pts\/\d+$/);
    const device = await Deno.open(link, { read: true, write: true });
    await writeAll(device, encoder.encode("\x03\r\x1d"));
    assert.equal(await cable.hear(3), "\x03\r\x1d");
    await cable.say("\x00\r\n\xff");
    const heard = new Uint8Array(5);
    for (let at = 0; at < heard.length;) at += (await device.read(heard.subarray(at)))!;
    assert.deepEqual(heard, encoder.encode("\x00\r\n\xff"));
    device.close();
    running.stop();
    await withLimit(running.done.catch(() => {}), 2_000, "The end");
    assert.throws(() => Deno.lstatSync(link), Deno.errors.NotFound);
  },
});

Deno.test({
  name: "pty leaves a file that stands where its link should be",
  ignore: !isLinux,
  async fn() {
    const cable = new Cable();
    await using client = await consoleOn(cable);
    using folder = temporaryFolder();
    const { pty } = serial.commands!(client);
    const pseudoTerminal = () => Promise.resolve(openPseudoTerminal());
    const plain = folder.file("plain", "mine");
    await assert.rejects(run(pty, parsed(pty, { link: plain }), { pseudoTerminal }).done, {
      code: "failed_precondition",
      message: /^Cannot link .*plain: File exists/,
    });
    assert.equal(Deno.readTextFileSync(plain), "mine");
  },
});
