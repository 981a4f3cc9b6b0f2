/** The console on a terminal, a pseudo-terminal and a file, on a line that the test holds. @module */
import assert from "node:assert/strict";
import { clientsOf } from "../../lib/client/connect.ts";
import type { CommandIo, RawTerminal, Terminal } from "../../lib/contract/command.ts";
import { planDriver } from "../../lib/contract/plan.ts";
import { byteStreamOf } from "../../lib/core/byte_stream.ts";
import { withLimit } from "../../lib/core/limit.ts";
import { memoryPipe, writeAll } from "../../lib/core/pipe.ts";
import { openPseudoTerminal } from "../../lib/hardware/pseudo_terminal.ts";
import { consoleConfig, defineDriver, serial, type SerialClient, serialConsole, serve, z } from "../../mod.ts";
import { group } from "../contract/drivers.ts";
import { Cable } from "../streams/console/lines.ts";
import { lrzszTest, receive } from "../streams/transfer/receivers.ts";
import { temporaryFolder } from "../system/program.ts";
import { sessionFor } from "../callers.ts";
import { parsed, run } from "./io.ts";

const encoder = new TextEncoder();

/** A console on a cable. */
function driverOf(cable: Cable) {
  return defineDriver({
    name: "test-console",
    summary: "x",
    implements: serial,
    config: z.object(consoleConfig),
    open: (context) => serialConsole(cable.open, context),
  });
}

/** A served console on a cable. */
async function consoleOn(cable: Cable) {
  return await serve(driverOf(cable), {});
}

/** The same with two callers. */
async function consoleOfTwo(cable: Cable) {
  const driver = driverOf(cable);
  const session = await sessionFor(group("", planDriver("console", driver, driver.config.parse({}))));
  const caller = async (peer: string) => clientsOf((await session.caller(peer)).board, { console: serial }).console;
  return {
    callers: await Promise.all([caller("ci"), caller("me")]),
    [Symbol.asyncDispose]: () => session[Symbol.asyncDispose](),
  };
}

/** A terminal whose keys the test presses. */
function keyboard() {
  const [near, far] = memoryPipe();
  let screen = "";
  let changed = Promise.withResolvers<void>();
  let raw = 0;
  const terminal: Terminal = {
    user: "alice@desk",
    raw(): RawTerminal {
      raw++;
      const buffer = new Uint8Array(100);
      return {
        async next() {
          const count = await near.read(buffer);
          return count === null ? undefined : buffer.slice(0, count);
        },
        write(bytes) {
          screen += new TextDecoder().decode(bytes);
          changed.resolve();
          changed = Promise.withResolvers();
          return Promise.resolve();
        },
        [Symbol.dispose]: () => void raw--,
      };
    },
  };
  return {
    terminal,
    press: (keys: string) => writeAll(far, encoder.encode(keys)),
    clear() {
      screen = "";
    },
    async shows(text: string) {
      const shown = async () => {
        while (!screen.includes(text)) await changed.promise;
      };
      await withLimit(shown(), 5_000, `${JSON.stringify(text)} in ${JSON.stringify(screen)}`);
    },
    get isRaw() {
      return raw > 0;
    },
    [Symbol.dispose]() {
      near.close();
      far.close();
    },
  };
}

function sit(client: SerialClient, options: Record<string, unknown>, io: Partial<CommandIo>) {
  const { console } = serial.commands!(client);
  return run(console, parsed(console, options), io);
}

Deno.test("While the device is away keys wait, the menu works, and its return is told", async () => {
  const cable = new Cable();
  await using client = await consoleOn(cable);
  using user = keyboard();
  const { done } = sit(client, {}, { terminal: user.terminal });
  await cable.say("ready\r\n");
  await user.shows("ready");
  cable.pull();
  await user.shows("-- lost: ");
  await user.press("typed\x1d?");
  await user.shows("-- Behind Ctrl-]:");
  cable.plug();
  await user.shows("-- opened");
  assert.equal(await cable.hear(5), "typed");
  await user.press("\x1dq");
  await done;
  assert.equal(user.isRaw, false);
});

Deno.test("What was typed right before leaving arrives", async () => {
  const cable = new Cable();
  await using client = await consoleOn(cable);
  using user = keyboard();
  const { done } = sit(client, {}, { terminal: user.terminal });
  await cable.ready();
  await user.press("poweroff\r\x1dq");
  await done;
  assert.equal(await cable.hear(9), "poweroff\r");
});

Deno.test("The escape key pressed twice goes to the device", async () => {
  const cable = new Cable();
  await using client = await consoleOn(cable);
  using user = keyboard();
  const { done } = sit(client, { escape: "^T" }, { terminal: user.terminal });
  await cable.ready();
  await user.press("a\x14\x14b\x1d\x14q");
  await done;
  assert.equal(await cable.hear(4), "a\x14b\x1d");
});

Deno.test("The terminal is given back when the console ends, when it is interrupted and when keys end", async () => {
  for (const end of ["close", "interrupt", "keys"]) {
    const cable = new Cable();
    await using client = await consoleOn(cable);
    using user = keyboard();
    const { done, stop } = sit(client, {}, { terminal: user.terminal });
    await cable.say("here");
    await user.shows("here");
    assert.equal(user.isRaw, true);
    if (end === "close") await client.close();
    else if (end === "interrupt") stop();
    else user[Symbol.dispose]();
    await withLimit(done.catch(() => {}), 2_000, "The end");
    assert.equal(user.isRaw, false, end);
  }
});

Deno.test("Words of another machine do not move the cursor", async () => {
  const cable = new Cable();
  await using client = await consoleOn(cable);
  using user = keyboard();
  const { done } = sit(client, {}, { terminal: user.terminal });
  await cable.say("here");
  await user.shows("here");
  await client.claim({ name: "evil\x1b[2J" });
  // The claim is this connection's own, so its name is the writer's.
  await user.press("x");
  await user.shows("-- typing: evil [2J");
  await user.press("\x1dq");
  await done;
});

Deno.test("While somebody else holds the console the menu says that a file was not sent", async () => {
  const cable = new Cable();
  await using both = await consoleOfTwo(cable);
  const [ci, me] = both.callers;
  using folder = temporaryFolder();
  const file = folder.file("script", "reboot\n");
  using user = keyboard();
  const { done } = sit(me, {}, { terminal: user.terminal });
  await cable.say("here");
  await user.shows("here");
  await ci.claim({ name: "ci\x1b[2J" });
  for (const protocol of ["raw", "xmodem"]) {
    await user.press(`\x1df${file}\r${protocol}\r`);
    await user.shows(`by ${protocol}; Ctrl-C cancels\r\n`);
    if (protocol === "xmodem") await cable.say("C"); // a receiver that is ready
    await user.shows("-- The console is held by ci [2J\r\n");
    user.clear();
  }
  await ci.release();
  await user.press(`\x1df${file}\rraw\r`);
  await user.shows("-- Sent");
  assert.equal(await cable.hear(7), "reboot\n");
  await user.press("\x1dq");
  await done;
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

Deno.test("Whoever has handed over sends neither a file nor a break", async () => {
  const cable = new Cable();
  await using client = await consoleOn(cable);
  using user = keyboard();
  const { done } = sit(client, {}, { terminal: user.terminal });
  await cable.say("here");
  await user.shows("here");
  await user.press("\x1do");
  await user.shows("-- Others may type, and you look on");
  for (const key of ["f", "b"]) {
    user.clear();
    await user.press(`\x1d${key}`);
    await user.shows("-- You have handed over (Ctrl-] t takes over)\r\n");
  }
  await user.press("typed");
  await user.shows("-- You have handed over (Ctrl-] t takes over): what you type is not sent");
  await user.press("\x1dtmine\x1dq");
  await done;
  assert.equal(await cable.hear(4), "mine");
});

Deno.test("A console whose output nobody reads any more ends, and the terminal is given back", async () => {
  const cable = new Cable();
  await using client = await consoleOn(cable);
  using user = keyboard();
  const { terminal } = user;
  let fails = false;
  const raw = () => {
    const line = terminal.raw();
    const write = (bytes: Uint8Array) => fails ? Promise.reject(new Deno.errors.BrokenPipe()) : line.write(bytes);
    return { ...line, write, [Symbol.dispose]: () => line[Symbol.dispose]() };
  };
  const { done } = sit(client, {}, { terminal: { user: "alice@desk", raw } });
  await cable.say("here");
  await user.shows("here");
  fails = true;
  await cable.say("and more");
  await withLimit(done, 5_000, "The end");
  assert.equal(user.isRaw, false);
});

Deno.test("What is shown first is shown when keys are the device's already", async () => {
  const cable = new Cable();
  await using client = await consoleOn(cable);
  using user = keyboard();
  const { done, notes } = sit(client, {}, { terminal: user.terminal });
  await user.shows("-- console of bench: nobody else is here. Ctrl-] q leaves");
  assert.equal(user.isRaw, true);
  assert.deepEqual(notes, []);
  await user.press("\x1dq");
  await done;
});

Deno.test("Whoever types to a device that is not there is told that it waits, and why", async () => {
  const cable = new Cable();
  await using client = await consoleOn(cable);
  await using stream = await client.connect();
  await cable.ready();
  cable.pull();
  while ((await client.state()).away === undefined);
  const { send } = serial.commands!(client);
  const sending = run(send, parsed(send, { text: "x" }));
  await sending.noted(1);
  assert.deepEqual(sending.notes, ["The device is not there (it has ended); what is typed waits for it"]);
  using user = keyboard();
  const { done } = sit(client, {}, { terminal: user.terminal });
  await user.shows("The device is not there (it has ended); what is typed waits for it. Ctrl-] q leaves");
  cable.plug();
  await sending.done;
  assert.equal(await cable.hear(1), "x");
  assert.equal((await client.state()).away, undefined);
  await user.press("\x1dq");
  await done;
  await stream[Symbol.asyncDispose]();
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
      [{ files: [file], protocol: "ymodem", cps: 5 }, /^--cps needs --protocol raw$/],
    ] as const
  ) await assert.rejects(run(sendFile, parsed(sendFile, given)).done, { code: "invalid_argument", message });
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
