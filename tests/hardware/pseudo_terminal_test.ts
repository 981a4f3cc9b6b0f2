import assert from "node:assert/strict";
import { openDescriptor } from "../../lib/hardware/descriptor.ts";
import { libc, O_RDWR } from "../../lib/hardware/libc.ts";
import { openPseudoTerminal, type PseudoTerminal } from "../../lib/hardware/pseudo_terminal.ts";
import { type Pipe, writeAll } from "../../lib/core/pipe.ts";
import { withLimit } from "../../lib/core/limit.ts";

// Part of the process from then on, not of one test.
libc();

/** Every value of a byte, those that a terminal likes to change among them. */
const everyByte = Uint8Array.from({ length: 256 }, (_, value) => value);

async function readBytes(pipe: Pick<Pipe, "read">, length: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(length);
  for (let done = 0; done < length;) {
    const count = await withLimit(pipe.read(bytes.subarray(done)), 10_000, "A read");
    assert.ok(count, "The end came early");
    done += count;
  }
  return bytes;
}

Deno.test("A pseudo-terminal carries every byte unchanged in both directions", async () => {
  using terminal = openPseudoTerminal();
  const device = openDescriptor(terminal.path, O_RDWR);
  await writeAll(terminal, everyByte);
  assert.deepEqual(await readBytes(device, 256), everyByte);
  await writeAll(device, everyByte);
  assert.deepEqual(await readBytes(terminal, 256), everyByte);
  device.close();
});

Deno.test("Programs come and go on a pseudo-terminal, and its settings stay", async () => {
  using terminal = openPseudoTerminal();
  for (const text of ["one\r\n", "two\n"]) {
    const { success } = await new Deno.Command("sh", {
      args: ["-c", `printf %s "$0" > ${terminal.path}`, text],
    }).output();
    assert.ok(success);
    assert.equal(new TextDecoder().decode(await readBytes(terminal, text.length)), text);
  }
});

Deno.test("A write waits while nobody reads, and closing ends it with an error", async () => {
  using terminal = openPseudoTerminal();
  const writing = writeAll(terminal, new Uint8Array(1024 * 1024));
  const reading = terminal.read(new Uint8Array(1));
  const both = Promise.allSettled([writing, reading]);
  // The kernel's few KiB are full when a write has to wait; that it does is seen by its not being settled.
  assert.equal(await Promise.race([both, new Promise((resolve) => setTimeout(resolve, 50, "waits"))]), "waits");
  terminal.close();
  for (const result of await withLimit(both, 5_000, "The end")) {
    assert.equal(result.status, "rejected");
    assert.ok(result.reason instanceof Deno.errors.BadResource);
  }
});

Deno.test("Whoever has the device file open is told when the pseudo-terminal is closed", async () => {
  using terminal = openPseudoTerminal();
  const device = openDescriptor(terminal.path, O_RDWR);
  const reading = device.read(new Uint8Array(1));
  terminal.close();
  assert.equal(await withLimit(reading, 5_000, "The end"), null);
  await assert.rejects(writeAll(device, everyByte), { code: "EIO" });
  device.close();
  await assert.rejects(Deno.stat(terminal.path), Deno.errors.NotFound);
});

Deno.test("Bytes of many pseudo-terminals at once arrive whole", async () => {
  const terminals = Array.from({ length: 64 }, openPseudoTerminal);
  const size = 256 * 1024;
  const carry = async (terminal: PseudoTerminal, seed: number) => {
    const device = openDescriptor(terminal.path, O_RDWR);
    const sent = Uint8Array.from({ length: size }, (_, index) => (index * 7 + (index >> 8) + seed) & 0xff);
    const [, got] = await Promise.all([writeAll(device, sent), readBytes(terminal, size)]);
    assert.ok(got.every((byte, index) => byte === sent[index]));
    device.close();
  };
  await Promise.all(terminals.map(carry));
});

Deno.test("A program ends by itself once its pseudo-terminals are closed, and not by holding one", async () => {
  const library = new URL("../../lib/hardware/pseudo_terminal.ts", import.meta.url);
  const script = `
    const { openPseudoTerminal } = await import(${JSON.stringify(library.href)});
    const [one, other] = [openPseudoTerminal(), openPseudoTerminal()];
    one.read(new Uint8Array(1)).catch((error) => console.log(error.name));
    setTimeout(() => one.close(), 50);
  `;
  const { stdout, code } = await withLimit(
    new Deno.Command(Deno.execPath(), { args: ["eval", script], stderr: "inherit" }).output(),
    60_000,
    "The end of the program",
  );
  assert.deepEqual([code, new TextDecoder().decode(stdout)], [0, "BadResource\n"]);
});
