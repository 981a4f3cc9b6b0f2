import assert from "node:assert/strict";
import { PastQueries } from "../../../lib/streams/console/past_queries.ts";

const encoder = new TextEncoder();

/** What is shown of texts that come behind each other, of which so many bytes are past. */
function shown(end: number, ...texts: string[]): string {
  const past = new PastQueries(end);
  let offset = 0;
  let all = "";
  for (const text of texts) {
    const bytes = encoder.encode(text);
    all += new TextDecoder().decode(past.shown(bytes, offset));
    offset += bytes.length;
  }
  return all;
}

Deno.test("Questions of the past are taken out, everything else stays", () => {
  const questions = [
    "\x05",
    "\x1bZ",
    "\x1b[c",
    "\x1b[>0c",
    "\x1b[5n",
    "\x1b[?6n",
    "\x1b[0x",
    "\x1b[?2026$p",
    "\x1b[>q",
    "\x1b[?u",
    "\x1b[18t",
    "\x1b]11;?\x07",
    "\x1b]4;1;?\x1b\\",
    "\x1bP$qm\x1b\\",
  ];
  for (const question of questions) {
    assert.equal(shown(Infinity, `a${question}b`), "ab", JSON.stringify(question));
    // However it is cut.
    assert.equal(shown(Infinity, "a", ...question, "b"), "ab", JSON.stringify(question));
    assert.equal(shown(0, `a${question}b`), `a${question}b`);
  }
  const others = "\x1b[1;32mgrün\x1b[0m\x1b[2J\x1b[8;24;80t\x1b]0;title?no\x07\x1b[?25h\x1b7\x1b8\xff";
  assert.equal(shown(Infinity, others), others);
  assert.equal(shown(Infinity, ...others), others);
});

Deno.test("The past ends where it ends, and nothing of it is kept back", () => {
  assert.equal(shown(5, "a\x1b[6n\x1b[6n"), "a\x1b[6n");
  assert.equal(shown(3, "a\x1b", "[", "6n"), "a\x1b[6n");
  const long = `\x1b]0;${"x".repeat(300)}`;
  assert.equal(shown(1_000, long, "y"), `${long}y`);
});
