import assert from "node:assert/strict";
import serialDriver from "../../drivers/serial/mod.ts";
import { withLimit } from "../../lib/core/limit.ts";
import { byteStreamOfPipe, defineDriver, serial, serve, z } from "../../mod.ts";
import { memoryPipe, writeAll } from "../../lib/core/pipe.ts";
import { parsed, run } from "./io.ts";

const bytes = (text: string) => new TextEncoder().encode(text);
const commandsOf = (client: Parameters<NonNullable<typeof serial.commands>>[0]) => serial.commands!(client);

Deno.test("The command pipe sends what is piped in and prints the console to its end", async () => {
  await using client = await serve(serialDriver, { url: "loop://" });
  const { pipe } = commandsOf(client);
  const stdin = ReadableStream.from([bytes("hello "), bytes("board")]);
  const { done, written } = run(pipe, parsed(pipe), { stdin, stdinIsTerminal: false });
  await withLimit(done, 2000, "The console's end");
  assert.deepEqual(Uint8Array.from(written), bytes("hello board"));
});

/** A console whose far end is the test's. */
function console() {
  const [near, far] = memoryPipe();
  const driver = defineDriver({
    name: "console",
    summary: "x",
    implements: serial,
    config: z.object({}),
    open: () => ({ connect: () => byteStreamOfPipe(far) }),
  });
  return { driver, near };
}

Deno.test("The command pipe sends nothing from a terminal, or when told so", async () => {
  for (const given of [{ stdinIsTerminal: true }, { stdinIsTerminal: false, noInput: true }]) {
    const { driver, near } = console();
    await using client = await serve(driver, {});
    const { pipe } = commandsOf(client);
    let asked = false;
    const stdin = new ReadableStream<Uint8Array>({ pull: () => void (asked = true) }, { highWaterMark: 0 });
    const { stdinIsTerminal, ...options } = given;
    const { done, written } = run(pipe, parsed(pipe, options), { stdin, stdinIsTerminal });
    await writeAll(near, bytes("login: "));
    await near.closeWrite();
    await withLimit(done, 2000, "The console's end");
    assert.deepEqual([Uint8Array.from(written), asked], [bytes("login: "), false]);
  }
});

Deno.test("The command pipe ends when it is interrupted, though the console is silent", async () => {
  const { driver } = console();
  await using client = await serve(driver, {});
  const { pipe } = commandsOf(client);
  const { done, stop } = run(pipe, parsed(pipe));
  stop();
  await withLimit(done.catch(() => {}), 2000, "Ending");
});
