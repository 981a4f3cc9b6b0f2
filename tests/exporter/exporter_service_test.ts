import assert from "node:assert/strict";
import { planDriver } from "../../lib/contract/plan.ts";
import type { AnyImplementation } from "../../lib/contract/tree.ts";
import { type Code, JumpstarterError } from "../../lib/core/errors.ts";
import { pause, withLimit } from "../../lib/core/limit.ts";
import { LogHub, renderText } from "../../lib/core/log.ts";
import {
  endSessionResponse,
  ExporterStatus,
  LogSource,
  type LogStreamResponse,
} from "../../lib/wire/exporter_messages.ts";
import { opener, probe, probeMethods, recorder } from "../contract/drivers.ts";
import { type Wired, wired } from "./wired.ts";

const service = "/jumpstarter.v1.ExporterService";

/** A session whose one driver is a probe with some methods of its own. */
const probing = (methods: AnyImplementation = {}, options = {}) =>
  wired(planDriver("", opener(() => ({ ...probeMethods, ...methods }), { implements: probe }), {}), options);

const caller = ({ session, connection }: Wired) => connection.caller(session.tree.root.uuid);

async function nextLogs(wire: Wired, count: number): Promise<LogStreamResponse[]> {
  const end = new AbortController();
  const records: LogStreamResponse[] = [];
  for await (const record of wire.connection.logs(end.signal)) if (records.push(record) === count) end.abort();
  return records;
}

Deno.test("A unary call gives the method's result, a streaming call one message for each value", async () => {
  await using wire = await probing();
  assert.equal(await caller(wire).unary("add", [2, 3], {}), 5);
  assert.deepEqual(await Array.fromAsync(caller(wire).serverStreaming("count_to", [3], {})), [1, 2, 3]);
  assert.deepEqual(await Array.fromAsync(caller(wire).serverStreaming("count_to", [0], {})), []);
});

const failures: [unknown, Code, string][] = [
  [new JumpstarterError("unimplemented", "No readings"), "unimplemented", "No readings"],
  [new RangeError("Outlet 9"), "invalid_argument", "Outlet 9"],
  [new DOMException("Too slow", "TimeoutError"), "deadline_exceeded", "Too slow"],
  [new Deno.errors.ConnectionRefused("Nobody there"), "unavailable", "Nobody there"],
  [new Deno.errors.NotFound("No /dev/ttyUSB0"), "internal", "No /dev/ttyUSB0"],
  [new Error("Strange"), "unknown", "Strange"],
  ["text", "unknown", "text"],
];

Deno.test("What a driver throws becomes the status of the protocol's table, for both kinds of call", async () => {
  for (const [thrown, code, message] of failures) {
    await using wire = await probing({
      add: () => Promise.reject(thrown),
      // deno-lint-ignore require-yield
      async *countTo() {
        throw thrown;
      },
    });
    const expected = { code, message, phase: "driver" };
    await assert.rejects(caller(wire).unary("add", [1], {}), expected);
    await assert.rejects(Array.fromAsync(caller(wire).serverStreaming("count_to", [1], {})), expected);
  }
});

Deno.test("A driver that yields without a pause leaves others their turn", async () => {
  await using wire = await probing({
    async *countTo() {
      for (let count = 0;; count++) yield count;
    },
  });
  let values = 0;
  const end = new AbortController();
  const streaming = (async () => {
    for await (const _ of caller(wire).serverStreaming("count_to", [1], { signal: end.signal })) values++;
  })();
  let timers = 0;
  for (; values < 1000 || timers < 5; timers++) await pause(1);
  assert.equal(await caller(wire).unary("add", [1], { timeoutMs: 2000 }), 2);
  end.abort();
  await assert.rejects(streaming, { code: "canceled" });
});

Deno.test("A stream that fails half-way gives its values first", async () => {
  await using wire = await probing({
    async *countTo() {
      yield 1;
      yield 2;
      throw new Deno.errors.ConnectionReset("Cable");
    },
  });
  const received: unknown[] = [];
  const streaming = (async () => {
    for await (const value of caller(wire).serverStreaming("count_to", [9], {})) received.push(value);
  })();
  await assert.rejects(streaming, { code: "unavailable", message: "Cable" });
  assert.deepEqual(received, [1, 2]);
});

Deno.test("A call to nothing says what is missing", async () => {
  await using wire = await probing();
  const nobody = wire.connection.caller("6f9619ff-8b86-4d01-b42d-00cf4fc964ff");
  const noDriver = {
    code: "unknown",
    message: 'There is no driver with the uuid "6f9619ff-8b86-4d01-b42d-00cf4fc964ff"',
  };
  await assert.rejects(nobody.unary("on", [], {}), noDriver);
  await assert.rejects(Array.fromAsync(nobody.serverStreaming("read", [], {})), noDriver);
  await assert.rejects(nobody.byteStream("connect", {}), noDriver);
  const { unary, byteStream, serverStreaming } = caller(wire);
  const missing = { code: "not_found", message: "method explode not found on driver" };
  await assert.rejects(unary("explode", [], {}), missing);
  await assert.rejects(Array.fromAsync(serverStreaming("explode", [], {})), missing);
  await assert.rejects(byteStream("explode", {}), missing);
  await assert.rejects(unary("connect", [], {}), {
    code: "not_found",
    message: "method connect missing marker marker_drivercall",
  });
  await assert.rejects(unary("fail", [], {}), { code: "unimplemented" });
});

Deno.test("Wrong arguments are refused with all that is wrong", async () => {
  await using wire = await probing();
  await assert.rejects(caller(wire).unary("add", ["x"], {}), {
    code: "invalid_argument",
    message: 'add: a: Expected an integer, got "x"',
  });
  await assert.rejects(caller(wire).unary("add", [1, 2, 3], {}), {
    code: "invalid_argument",
    message: "add: Expected at most 2 arguments, got 3",
  });
});

Deno.test("A result that cannot travel is refused by its place", async () => {
  await using wire = await probing({ add: () => NaN });
  await assert.rejects(caller(wire).unary("add", [1], {}), {
    code: "internal",
    message: "add: result: Expected a number, got NaN",
  });
});

Deno.test("A failure of the device is logged with its stack, which does not travel", async () => {
  await using wire = await probing({ add: () => Promise.reject(new TypeError("x is not a function")) });
  await assert.rejects(caller(wire).unary("add", [1], {}), { code: "unknown", message: "x is not a function" });
  const [record] = await nextLogs(wire, 1);
  assert.deepEqual([record.message, record.severity, record.operation], ["call failed", "WARNING", "add"]);
  assert.deepEqual(record.structuredFields, { error_code: "unknown", error: "x is not a function" });
  const { value: kept } = await wire.session.hub.subscribe(new AbortController().signal).next();
  assert.match(renderText(kept!), /error="x is not a function"\nTypeError: x is not a function\n {4}at /);
});

Deno.test("A caller's own mistake is not logged", async () => {
  const hub = new LogHub({ level: "info" });
  await using wire = await probing({}, { hub });
  await assert.rejects(caller(wire).unary("add", ["x"], {}));
  wire.session.log.info("the end");
  assert.deepEqual((await nextLogs(wire, 1)).map(({ message }) => message), ["the end"]);
});

Deno.test("A caller that goes away aborts the call's signal and closes the driver's generator", async () => {
  const { promise: aborted, resolve: abort } = Promise.withResolvers<void>();
  const { promise: closed, resolve: close } = Promise.withResolvers<void>();
  await using wire = await probing({
    add: (_: unknown, { signal }: { signal: AbortSignal }) =>
      new Promise((_, reject) =>
        signal.addEventListener("abort", () => {
          abort();
          reject(signal.reason);
        })
      ),
    async *countTo() {
      try {
        for (let count = 0;; count++) yield count;
      } finally {
        close();
      }
    },
  });
  const end = new AbortController();
  const calling = caller(wire).unary("add", [1], { signal: end.signal });
  for await (const _ of caller(wire).serverStreaming("count_to", [1], {})) break;
  end.abort();
  await assert.rejects(calling, { code: "canceled" });
  await withLimit(Promise.all([aborted, closed]), 1000, "Telling the driver");
});

Deno.test("A call's limit reaches the driver", async () => {
  const { promise: reason, resolve } = Promise.withResolvers<unknown>();
  await using wire = await probing({
    add: (_: unknown, { signal }: { signal: AbortSignal }) =>
      new Promise((_, reject) =>
        signal.addEventListener("abort", () => {
          resolve(signal.reason);
          reject(signal.reason);
        })
      ),
  });
  await assert.rejects(caller(wire).unary("add", [1], { timeoutMs: 20 }), { code: "deadline_exceeded" });
  await withLimit(reason, 1000, "Telling the driver");
});

Deno.test("Every reader of LogStream gets every record, the past included", async () => {
  await using wire = await wired(planDriver("", recorder("probe", []), {}));
  wire.session.log.info("first", { count: 1, nested: { a: 1 }, gone: undefined });
  const both = Promise.all([nextLogs(wire, 2), nextLogs(wire, 2)]);
  wire.session.tree.root.log.error("second");
  const [a, b] = await withLimit(both, 1000, "Reading the log");
  assert.deepEqual(a, b);
  const [first, second] = a;
  assert.deepEqual(
    [first.message, first.severity, first.source, first.driverType, first.structuredFields],
    ["first", "INFO", LogSource.SYSTEM, undefined, { count: "1", nested: '{"a":1}' }],
  );
  assert.deepEqual(
    [second.message, second.severity, second.source, second.driverType],
    ["second", "ERROR", LogSource.DRIVER, "probe"],
  );
  assert.ok(first.timestamp && Math.abs(first.timestamp.getTime() - Date.now()) < 60_000);
});

Deno.test("A reader of the log that goes away is forgotten", async () => {
  await using wire = await probing();
  wire.session.log.info("hello");
  await nextLogs(wire, 1);
  while (wire.session.hub.subscribers > 0) await wire.connection.status();
});

Deno.test("GetStatus counts every update, also one that changes nothing", async () => {
  await using wire = await probing();
  const first = await wire.connection.status();
  assert.deepEqual([first.status, first.previousStatus, Number(first.statusVersion), first.message], [
    ExporterStatus.LEASE_READY,
    ExporterStatus.AVAILABLE,
    1,
    "Ready for commands",
  ]);
  wire.session.status.update(ExporterStatus.LEASE_READY, "Still ready");
  const second = await wire.connection.status();
  assert.deepEqual([second.status, second.previousStatus, Number(second.statusVersion), second.message], [
    ExporterStatus.LEASE_READY,
    ExporterStatus.LEASE_READY,
    2,
    "Still ready",
  ]);
});

Deno.test("EndSession succeeds in nothing without a lease, and Reset is unimplemented", async () => {
  await using wire = await probing();
  const answer = endSessionResponse.decode(await wire.rpc.unary(`${service}/EndSession`, new Uint8Array()));
  assert.deepEqual([answer.success, answer.message], [false, "This session has no lease that could end"]);
  assert.equal(await caller(wire).unary("add", [1], {}), 2);
  await assert.rejects(wire.rpc.unary(`${service}/Reset`, new Uint8Array()), { code: "unimplemented" });
});
