import assert from "node:assert/strict";
import * as z from "zod";
import { type AnyInterface, defineInterface, pythonClientOf } from "../../lib/contract/interface.ts";
import { byteStream, type Shape, unary, wireNameOf } from "../../lib/contract/method.ts";

const common = { name: "x", summary: "x", pythonClients: [] };

Deno.test("A byte stream with parameters is refused, for the wire cannot carry any", () => {
  const methods = { connect: byteStream("Open", { params: { port: z.int() } }) };
  assert.throws(() => defineInterface({ ...common, methods }), {
    code: "invalid_argument",
    message: "x.connect: A byte stream takes no parameters",
  });
});

Deno.test("A rest parameter is the last one, and an array", () => {
  const refused = { code: "invalid_argument", message: "x.run: A rest parameter is an array, at the end" };
  const wrong: Shape[] = [{}, { args: z.string() }, { args: z.array(z.string()), env: z.string() }];
  for (const params of wrong) {
    assert.throws(
      () => defineInterface({ ...common, methods: { run: unary("Run", { params, rest: true }) } }),
      refused,
    );
  }
  defineInterface({
    ...common,
    methods: { run: unary("Run", { params: { env: z.string(), args: z.array(z.string()) }, rest: true }) },
  });
});

Deno.test("Methods have snake_case names on the wire unless they name another", () => {
  assert.equal(wireNameOf("setDtr", {}), "set_dtr");
  assert.equal(wireNameOf("_canSend", {}), "_can_send");
  assert.equal(wireNameOf("read", {}), "read");
  assert.equal(wireNameOf("isConnected", { wireName: "connected" }), "connected");
});

Deno.test("Reports name an interface's first Python client, else its fallback, else the plain client", () => {
  const define = (more: object) => defineInterface({ ...common, methods: {}, ...more }) as AnyInterface;
  assert.equal(pythonClientOf(define({ pythonClients: ["a.B", "c.D"], pythonFallback: "e.F" })), "a.B");
  assert.equal(pythonClientOf(define({ pythonFallback: "e.F" })), "e.F");
  assert.equal(pythonClientOf(define({})), "jumpstarter.client.DriverClient");
});
