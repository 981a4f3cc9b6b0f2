import assert from "node:assert/strict";
import { controlKey, EscapeKeys, nameOfControlKey } from "../../lib/streams/escape_keys.ts";

const bytes = (text: string) => new TextEncoder().encode(text);
const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

Deno.test("The escape key parts what the device gets from what the program gets", () => {
  const keys = new EscapeKeys(0x1d);
  const { typed, asked, rest } = keys.split(bytes("ls\r\x1dq more"));
  assert.deepEqual([text(typed), asked, text(rest)], ["ls\r", "menu", "q more"]);
  assert.equal(keys.split(bytes("plain")).asked, undefined);
});

Deno.test("Three Ctrl-B in a row leave, in whatever pieces they come; the first two go to the device", () => {
  const keys = new EscapeKeys(0x1d);
  assert.deepEqual(keys.split(bytes("\x02\x02a\x02")), { typed: bytes("\x02\x02a\x02"), rest: bytes("") });
  const { typed, asked } = keys.split(bytes("\x02"));
  assert.deepEqual([text(typed), asked], ["\x02", undefined]);
  assert.deepEqual(keys.split(bytes("\x02x")), { typed: bytes(""), asked: "leave", rest: bytes("x") });
});

Deno.test("A key is written as people write it, and named as it is on the keyboard", () => {
  for (const written of ["^]", "Ctrl-]", "ctrl+]"]) assert.equal(controlKey(written), 0x1d);
  assert.equal(controlKey("^a"), 1);
  assert.equal(nameOfControlKey(0x1d), "Ctrl-]");
  assert.equal(nameOfControlKey(1), "Ctrl-A");
  for (const wrong of ["]", "^", "^M", "ctrl-j", "Alt-x", ""]) {
    assert.throws(() => controlKey(wrong), { message: `Expected a key such as ^] or Ctrl-A, got ${wrong}` });
  }
});
