/** Sitting at a console, on a line that the test holds. @module */
import assert from "node:assert/strict";
import type { CommandIo, RawTerminal, Terminal } from "../../lib/contract/command.ts";
import { withLimit } from "../../lib/core/limit.ts";
import { memoryPipe, writeAll } from "../../lib/core/pipe.ts";
import { serial, type SerialClient, serve } from "../../mod.ts";
import { Cable } from "../streams/console/lines.ts";
import { temporaryFolder } from "../system/program.ts";
import { consoleOfTwo, consoleOn, driverOf } from "./cable_console.ts";
import { parsed, run } from "./io.ts";

const encoder = new TextEncoder();

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

Deno.test("What the device asked a terminal in the past is not asked again", async () => {
  const cable = new Cable();
  await using client = await consoleOn(cable);
  await cable.say("/ # \x1b[6n\x1b[1mbold\x1b[0m\r\n/ # \x1b[");
  while ((await client.state()).offset < 28);
  using user = keyboard();
  const { done } = sit(client, { since: "0" }, { terminal: user.terminal });
  await user.shows("/ # \x1b[1mbold\x1b[0m\r\n/ # \x1b[");
  await cable.say("6n\x1b[6n");
  await user.shows("6n\x1b[6n");
  await user.press("\x1dq");
  await done;
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

Deno.test("Ctrl-C ends a file that the menu types, and what is typed next arrives", async () => {
  const cable = new Cable();
  const driver = driverOf(cable);
  await using client = await serve(driver, { cps: 200 });
  using folder = temporaryFolder();
  const file = folder.file("script", "x".repeat(50_000));
  using user = keyboard();
  const { done } = sit(client, {}, { terminal: user.terminal });
  await cable.ready();
  await user.press(`\x1df${file}\rraw\r`);
  await cable.hear(10);
  await user.press("\x03");
  await user.shows("-- The transfer was cancelled");
  await user.press("keys");
  let heard = "";
  const hear = async () => {
    while (!heard.endsWith("keys")) heard += await cable.hear(1);
  };
  await withLimit(hear(), 10_000, "The keys");
  assert.ok(heard.length < 1_000, `${heard.length} characters came before the keys`);
  await user.press("\x1dq");
  await done;
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
