import assert from "node:assert/strict";
import { noteLine, printError } from "../../lib/cli/output.ts";
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
