/** A console on an adapter that is pulled and plugged in again. @module */
import assert from "node:assert/strict";
import { withLimit } from "../../../lib/core/limit.ts";
import { writeAll } from "../../../lib/core/pipe.ts";
import { libc } from "../../../lib/hardware/libc.ts";
import { openPseudoTerminal, type PseudoTerminal } from "../../../lib/hardware/pseudo_terminal.ts";
import { openSerialPort } from "../../../lib/hardware/serial_port.ts";
import { Console } from "../../../lib/streams/console/console.ts";
import type { Entry } from "../../../lib/streams/console/history.ts";
import { talk } from "../../bytes.ts";
import { folderOf } from "../../folder.ts";
import { caller } from "./lines.ts";

// Part of the process from then on, not of one test.
libc();

const rounds = 100;

/** An adapter under a name that stays. */
function plug(name: string): PseudoTerminal {
  const terminal = openPseudoTerminal();
  Deno.symlinkSync(terminal.path, `${name}.new`);
  Deno.renameSync(`${name}.new`, name);
  return terminal;
}

async function hears(terminal: PseudoTerminal, text: string): Promise<void> {
  const bytes = new Uint8Array(text.length);
  for (let done = 0; done < bytes.length;) {
    done += (await withLimit(terminal.read(bytes.subarray(done)), 10_000, `Hearing ${text}`))!;
  }
  assert.equal(new TextDecoder().decode(bytes), text);
}

Deno.test(`An adapter is pulled and plugged in ${rounds} times: the log is complete, and both directions work`, async () => {
  using folder = await folderOf();
  const name = `${folder.path}/adapter`;
  const record = `${folder.path}/console.log`;
  let terminal = plug(name);
  await using core = new Console({
    open: () => openSerialPort(name, { baudRate: 115200 }),
    when: "session",
    record: { file: record },
    retryMs: 1,
  });
  await using connection = core.connect(caller("me"));
  const me = talk(connection);
  const end = new AbortController();
  const follow = { follow: true, signal: end.signal };
  const marks = marksOf(core.records(core.history.oldest, caller("marks"), follow));
  let log = "";
  for (let round = 1; round <= rounds; round++) {
    assert.equal(await marks.next(), "opened");
    await me.send(`typed ${round}`);
    await hears(terminal, `typed ${round}`);
    const said = `round ${round}: ${"x".repeat(round * 97)}, and the last words\r\n`;
    await writeAll(terminal, new TextEncoder().encode(said));
    assert.equal(await me.until("last words\r\n"), said);
    log += said;
    terminal.close();
    // What is typed into a device that has just gone may be lost with it.
    assert.equal(await marks.next(), "lost");
    if (round < rounds) terminal = plug(name);
  }
  end.abort();
  assert.equal(Deno.readTextFileSync(record), log);
});

/** The marks of a console that say that the device came or went. */
function marksOf(records: AsyncGenerator<Entry>) {
  const next = async () => {
    for (;;) {
      const { value } = await records.next();
      if (!value || !("bytes" in value) && value.mark !== "writer") return value?.mark;
    }
  };
  return { next: () => withLimit(next(), 10_000, "A mark") };
}
