import assert from "node:assert/strict";
import { dispatchByteStream, dispatchStreaming, dispatchUnary } from "../../lib/contract/dispatch.ts";
import { planDriver } from "../../lib/contract/plan.ts";
import { openTree } from "../../lib/contract/tree.ts";
import { LogHub } from "../../lib/core/log.ts";
import { opener, probe, probeMethods, recorder } from "./drivers.ts";

const { signal } = new AbortController();
const call = { signal, connection: { signal, peer: "test" } };

async function opened(driver = recorder("probe", [])) {
  const tree = await openTree(planDriver("", driver, {}), { hub: new LogHub(), stateFolder: "" });
  return { driver: tree.root, [Symbol.asyncDispose]: () => tree[Symbol.asyncDispose]() };
}

Deno.test("Each kind of call reaches the method by its wire name", async () => {
  await using tree = await opened();
  const { driver } = tree;
  assert.equal(await dispatchUnary(driver, "add", [1, 2], call), 3);
  assert.equal(await dispatchUnary(driver, "add", [1], call), 2);
  assert.deepEqual(await Array.fromAsync(dispatchStreaming(driver, "count_to", [3], call)), [1, 2, 3]);
  await using stream = await dispatchByteStream(driver, "connect", call);
  assert.ok(stream.readable);
});

Deno.test("A method that is not there is not found, in Python's words", async () => {
  await using tree = await opened();
  const { driver } = tree;
  const missing = (name: string) => ({ code: "not_found", message: `method ${name} not found on driver` });
  await assert.rejects(dispatchUnary(driver, "explode", [], call), missing("explode"));
  await assert.rejects(dispatchUnary(driver, "countTo", [], call), missing("countTo"));
  await assert.rejects(dispatchUnary(driver, "toString", [], call), missing("toString"));
  await assert.rejects(dispatchUnary(driver, "__proto__", [], call), missing("__proto__"));
  await assert.rejects(dispatchByteStream(driver, "explode", call), missing("explode"));
});

Deno.test("A method of another kind is not found, in Python's words", async () => {
  await using tree = await opened();
  const { driver } = tree;
  const wrong = (name: string, marker: string) => ({
    code: "not_found",
    message: `method ${name} missing marker ${marker}`,
  });
  await assert.rejects(dispatchUnary(driver, "count_to", [3], call), wrong("count_to", "marker_drivercall"));
  await assert.rejects(dispatchByteStream(driver, "add", call), wrong("add", "marker_streamcall"));
  const streaming = Array.fromAsync(dispatchStreaming(driver, "add", [1], call));
  await assert.rejects(streaming, wrong("add", "marker_streamingdrivercall"));
});

Deno.test("An optional method that the driver lacks is unimplemented", async () => {
  await using tree = await opened();
  await assert.rejects(dispatchUnary(tree.driver, "fail", [], call), {
    code: "unimplemented",
    message: "This probe driver does not support fail",
  });
});

Deno.test("Wrong arguments never reach the driver, wrong results never leave it", async () => {
  let calls = 0;
  await using tree = await opened(opener(() => ({
    ...probeMethods,
    add: () => {
      calls++;
      return "many";
    },
    async *countTo() {
      yield 1;
      yield 1.5;
    },
  }), { implements: probe }));
  const { driver } = tree;
  await assert.rejects(dispatchUnary(driver, "add", ["x"], call), { code: "invalid_argument" });
  assert.equal(calls, 0);
  await assert.rejects(dispatchUnary(driver, "add", [1], call), {
    code: "internal",
    message: 'add: result: Expected a number, got "many"',
  });
  const received: unknown[] = [];
  const streaming = (async () => {
    for await (const value of dispatchStreaming(driver, "count_to", [2], call)) received.push(value);
  })();
  await assert.rejects(streaming, { code: "internal", message: "countTo: result: Expected an integer, got 1.5" });
  assert.deepEqual(received, [1]);
});

Deno.test("A driver's generator is closed when its reader stops early", async () => {
  let closed = false;
  await using tree = await opened(opener(() => ({
    ...probeMethods,
    async *countTo() {
      try {
        for (let count = 0;; count++) yield count;
      } finally {
        closed = true;
      }
    },
  }), { implements: probe }));
  for await (const _ of dispatchStreaming(tree.driver, "count_to", [1], call)) break;
  assert.ok(closed);
});

Deno.test("A driver may be an object of a class", async () => {
  class Adder {
    #total = 0;
    add({ a }: { a: number }) {
      return this.#total += a;
    }
    countTo = probeMethods.countTo;
    connect = probeMethods.connect;
  }
  await using tree = await opened(opener(() => new Adder(), { implements: probe }));
  await dispatchUnary(tree.driver, "add", [4], call);
  assert.equal(await dispatchUnary(tree.driver, "add", [5], call), 9);
});
