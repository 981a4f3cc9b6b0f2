import assert from "node:assert/strict";
import { noteLine, printError, writeOut, writeOutAsTaken } from "../../lib/cli/output.ts";
import { JumpstarterError } from "../../lib/core/errors.ts";

/** What is written to standard error meanwhile. */
function errorsOf(say: () => void): string {
  const { writeSync } = Deno.stderr;
  let said = "";
  Deno.stderr.writeSync = (bytes) => {
    said += new TextDecoder().decode(bytes);
    return bytes.length;
  };
  try {
    say();
  } finally {
    Deno.stderr.writeSync = writeSync;
  }
  return said;
}

Deno.test("Words of another machine keep their lines and lose what a terminal would obey", () => {
  const words = "held by\tev\x1b[2Jil\r\nand\x9b5mso on";
  const shown = "held by\tev [2Jil \nand 5mso on";
  assert.equal(errorsOf(() => noteLine(words)), `${shown}\n`);
  assert.equal(errorsOf(() => printError(new JumpstarterError("aborted", words))), `Error:\n${shown}\n`);
});

Deno.test("A standard output that is full for moments gets every byte once", async () => {
  const { writeSync, write } = Deno.stdout;
  let said = "";
  let calls = 0;
  const take = (bytes: Uint8Array): number => {
    if (++calls % 2 === 0) throw new Deno.errors.WouldBlock("Resource temporarily unavailable");
    const taken = bytes.subarray(0, 3);
    said += new TextDecoder().decode(taken);
    return taken.length;
  };
  Deno.stdout.writeSync = take;
  Deno.stdout.write = (bytes) => new Promise((resolve) => resolve(take(bytes)));
  try {
    writeOut("first words, ");
    await writeOutAsTaken(new TextEncoder().encode("then others"));
  } finally {
    Object.assign(Deno.stdout, { writeSync, write });
  }
  assert.equal(said, "first words, then others");
});
