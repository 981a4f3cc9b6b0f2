import assert from "node:assert/strict";
import { connect } from "node:net";
import * as z from "zod";
import * as mini from "zod/mini";
import {
  type Code,
  isJumpstarterError,
  JumpstarterError,
  messageOf,
  toJumpstarterError,
} from "../../lib/core/errors.ts";

Deno.test("An error carries its code, phase, hint and cause", () => {
  const cause = new Error("the cable");
  const error = new JumpstarterError("unavailable", "Gone", { phase: "connect", hint: "Plug it in", cause });
  assert.deepEqual(
    [error.name, error.code, error.message, error.phase, error.hint, error.cause],
    ["JumpstarterError", "unavailable", "Gone", "connect", "Plug it in", cause],
  );
  assert.ok(error instanceof Error);
});

Deno.test("An error of another copy of the module is recognised", async () => {
  const copy = await import(`../../lib/core/errors.ts?copy`);
  assert.notEqual(copy.JumpstarterError, JumpstarterError);
  const foreign = new copy.JumpstarterError("not_found", "Nothing there");
  assert.ok(foreign instanceof JumpstarterError);
  assert.ok(isJumpstarterError(foreign, "not_found"));
  assert.equal(toJumpstarterError(foreign), foreign);
});

Deno.test("Neither a plain error nor a plain object is a JumpstarterError", () => {
  const alike = { name: "JumpstarterError", code: "internal", message: "" };
  for (const other of [new Error("x"), new TypeError("x"), alike, null, undefined, "text"]) {
    assert.ok(!(other instanceof JumpstarterError));
    assert.ok(!isJumpstarterError(other));
  }
});

Deno.test("isJumpstarterError() narrows by any of the given codes", () => {
  const error = new JumpstarterError("aborted", "x");
  assert.ok(isJumpstarterError(error));
  assert.ok(isJumpstarterError(error, "internal", "aborted"));
  assert.ok(!isJumpstarterError(error, "internal", "unavailable"));
});

const mapping: [unknown, Code][] = [
  [new RangeError("Outlet 9"), "invalid_argument"],
  [new Deno.errors.InvalidData("x"), "invalid_argument"],
  [z.int().safeParse("x").error, "invalid_argument"],
  [mini.int().safeParse("x").error, "invalid_argument"],
  [
    (() => {
      try {
        return JSON.parse("{");
      } catch (error) {
        return error;
      }
    })(),
    "invalid_argument",
  ],
  [new DOMException("x", "TimeoutError"), "deadline_exceeded"],
  [new Deno.errors.TimedOut("x"), "deadline_exceeded"],
  [new DOMException("x", "AbortError"), "canceled"],
  [new DOMException("x", "DataCloneError"), "unknown"],
  [new Deno.errors.ConnectionRefused("x"), "unavailable"],
  [new Deno.errors.ConnectionReset("x"), "unavailable"],
  [new Deno.errors.ConnectionAborted("x"), "unavailable"],
  [new Deno.errors.BrokenPipe("x"), "unavailable"],
  [new Deno.errors.NotFound("x"), "internal"],
  [new Deno.errors.PermissionDenied("x"), "internal"],
  [Object.assign(new Error("x"), { code: "ENOENT" }), "internal"],
  [Object.assign(new Error("x"), { code: "ECONNRESET" }), "unavailable"],
  [Object.assign(new Error("x"), { code: "ETIMEDOUT" }), "deadline_exceeded"],
  [Object.assign(new Error("x"), { code: "ERR_ASSERTION" }), "unknown"],
  [new Error("x"), "unknown"],
  [new TypeError("x"), "unknown"],
  ["text", "unknown"],
  [undefined, "unknown"],
];

Deno.test("Whatever a driver throws gets the code that the protocol's table gives it", () => {
  for (const [thrown, code] of mapping) {
    const error = toJumpstarterError(thrown);
    assert.equal(error.code, code, `${thrown}`);
    assert.equal(error.cause, thrown);
  }
});

Deno.test("A real failed connection of Deno and of Node is unavailable", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  listener.close();
  const refused = await Deno.connect({ hostname: "127.0.0.1", port }).catch((error) => error);
  assert.equal(toJumpstarterError(refused).code, "unavailable");
  const socket = connect({ host: "127.0.0.1", port });
  const failure = await new Promise((resolve) => socket.once("error", resolve));
  assert.equal(toJumpstarterError(failure).code, "unavailable");
});

Deno.test("messageOf() gives the text of anything that was thrown", () => {
  assert.equal(messageOf(new Error("burnt")), "burnt");
  assert.equal(messageOf(new TypeError()), "TypeError");
  assert.equal(messageOf("plain"), "plain");
  assert.equal(messageOf(new JumpstarterError("unknown", "")), "It failed without a word (unknown)");
  assert.equal(messageOf(undefined), "undefined");
});
