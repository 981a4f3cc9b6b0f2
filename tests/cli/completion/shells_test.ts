import assert from "node:assert/strict";
import fc from "fast-check";
import { lineOf, render, type Shell, splitLine } from "../../../lib/cli/completion/shells.ts";

const wordBreaks = " \t\n\"'@><=;|&(:";

/** What a shell gets for one word that may stand in place of the current one. */
function inserted(shell: Shell, current: string, word: string, summary = ""): string[] {
  const line = shell === "bash" ? splitLine(current) : { words: [], current };
  const [first, ...lines] = render(shell, line, { files: false, words: [{ word, summary }] }, wordBreaks).split("\n");
  assert.equal(first, "words");
  assert.equal(lines.pop(), "");
  return lines;
}

Deno.test("A line of bash is split as bash splits it", () => {
  assert.deepEqual(splitLine("j po"), { words: ["j"], current: "po", quoted: false });
  assert.deepEqual(splitLine("j  power "), { words: ["j", "power"], current: "", quoted: false });
  assert.deepEqual(splitLine("j --host 127.0.0.1:7000 p"), {
    words: ["j", "--host", "127.0.0.1:7000"],
    current: "p",
    quoted: false,
  });
  assert.deepEqual(splitLine(`j 'a b' "c\\"d" e\\ f '`), {
    words: ["j", "a b", 'c"d', "e f"],
    current: "",
    quoted: true,
  });
  assert.deepEqual(splitLine(`j "" x`), { words: ["j", ""], current: "x", quoted: false });
});

Deno.test("The other shells hand over the words, and the current one behind a =", () => {
  assert.deepEqual(lineOf("zsh", ["j", "power", "="]), { words: ["j", "power"], current: "" });
  assert.deepEqual(lineOf("fish", ["j", "=po"]), { words: ["j"], current: "po" });
  assert.deepEqual(lineOf("fish", []), { words: [], current: "" });
});

Deno.test("Whatever a name is, bash reads it as one word", () => {
  fc.assert(
    fc.property(fc.string({ minLength: 1, unit: "grapheme" }).filter((name) => !/\p{Cc}/u.test(name)), (name) => {
      const [word] = inserted("bash", "", name);
      assert.deepEqual(splitLine(`${word} `).words, [name]);
    }),
  );
});

Deno.test("bash gets what follows the last character at which it breaks words", () => {
  assert.deepEqual(inserted("bash", "--target=s", "--target=sd"), ["sd"]);
  assert.deepEqual(inserted("bash", "q:", "q:r"), ["r"]);
  assert.deepEqual(inserted("bash", "q", "q:r"), ["q:r"]);
});

Deno.test("Inside open quotes bash is offered names that need none", () => {
  assert.deepEqual(inserted("bash", "'p", "power"), ["power"]);
  assert.deepEqual(inserted("bash", "'p", "p$(id)"), []);
});

Deno.test("PowerShell gets names in quotes where it would read them otherwise, its typographic quotes doubled", () => {
  assert.deepEqual(inserted("powershell", "", "power"), ["power\t"]);
  assert.deepEqual(inserted("powershell", "", "$(id)"), ["'$(id)'\t"]);
  assert.deepEqual(inserted("powershell", "", "a'b’c"), ["'a''b’’c'\t"]);
});

Deno.test("An explanation is one short line, without what would move the cursor", () => {
  const [line] = inserted("zsh", "", "power", `a\nb\x1b[2J\tc${"x".repeat(200)}`);
  assert.match(line, /^power\ta b \[2J cx+$/);
  assert.ok(line.length < 100);
});
