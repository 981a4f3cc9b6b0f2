import assert from "node:assert/strict";
import { splitWords } from "../../lib/core/words.ts";

Deno.test("Words of a command line are split as a POSIX shell splits them", () => {
  const table: [string, string[]][] = [
    ["", []],
    ["  ssh -o  A=b ", ["ssh", "-o", "A=b"]],
    ["ssh -o 'A b'\"c d\"e", ["ssh", "-o", "A bc de"]],
    ["a\\ b '' \"\"", ["a b", "", ""]],
    ['"a\\"b\\\\c\\d"', ['a"b\\c\\d']],
    ["'a\\'", ["a\\"]],
    ["$HOME `id` ; | &", ["$HOME", "`id`", ";", "|", "&"]],
  ];
  for (const [line, words] of table) assert.deepEqual(splitWords(line), words, line);
});

Deno.test("A quote without an end is refused", () => {
  for (const line of ["'a", 'a "b', "a\\"]) {
    assert.throws(() => splitWords(line), { code: "invalid_argument", message: /^Expected an end for / });
  }
});
