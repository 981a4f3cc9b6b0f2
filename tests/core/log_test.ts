import assert from "node:assert/strict";
import { JumpstarterError } from "../../lib/core/errors.ts";
import { LogHub, type LogRecord, renderJson, renderText } from "../../lib/core/log.ts";

const record: LogRecord = {
  time: new Date("2026-01-02T12:03:11.482Z"),
  level: "warn",
  message: "outlet switched",
  source: "driver",
  logger: "driver.power",
  fields: { outlet: 3, state: "on" },
};

/** The messages of the next records. */
async function take(records: AsyncGenerator<LogRecord, void>, count: number): Promise<string[]> {
  const messages = [];
  while (messages.length < count) messages.push((await records.next()).value!.message);
  return messages;
}

Deno.test("Every reader of a LogHub gets every record", async () => {
  const hub = new LogHub();
  const log = hub.logger("driver.power", "driver");
  const end = new AbortController();
  const readers = [hub.subscribe(end.signal), hub.subscribe(end.signal)];
  const taken = Promise.all(readers.map((reader) => take(reader, 2)));
  assert.equal(hub.subscribers, 2);
  log.info("power on");
  log.info("power off");
  assert.deepEqual(await taken, [["power on", "power off"], ["power on", "power off"]]);
  end.abort();
  for (const reader of readers) assert.equal((await reader.next()).done, true);
  assert.equal(hub.subscribers, 0);
});

Deno.test("A late reader gets the past first", async () => {
  const hub = new LogHub();
  const log = hub.logger("driver.power", "driver");
  for (let count = 1; count <= 300; count++) log.info(`record ${count}`);
  const reader = hub.subscribe(new AbortController().signal);
  const past = await take(reader, 256);
  assert.deepEqual([past[0], past.at(-1)], ["record 45", "record 300"]);
  log.info("now");
  assert.deepEqual(await take(reader, 1), ["now"]);
  await reader.return();
});

Deno.test("A reader slower than the log is told how many records it has lost, before the next one", async () => {
  const hub = new LogHub();
  const log = hub.logger("driver.power", "driver");
  const reader = hub.subscribe(new AbortController().signal);
  const first = take(reader, 1);
  log.info("first");
  await first;
  for (let count = 1; count <= 300; count++) log.info(`record ${count}`);
  const { value } = await reader.next();
  assert.deepEqual([value!.message, value!.level, value!.fields], ["log records dropped", "warn", { dropped: 44 }]);
  assert.deepEqual(await take(reader, 2), ["record 45", "record 46"]);
  await reader.return();
});

Deno.test("Subscribing on a signal that has aborted ends at once", async () => {
  const hub = new LogHub();
  hub.add(record);
  assert.deepEqual(await Array.fromAsync(hub.subscribe(AbortSignal.abort())), []);
  assert.equal(hub.subscribers, 0);
});

Deno.test("A logger drops what is below the hub's level, or below its own", async () => {
  const hub = new LogHub({ level: "info" });
  const quiet = hub.logger("driver.a", "driver", { level: "error" });
  const normal = hub.logger("driver.b", "driver");
  const chatty = hub.logger("driver.c", "driver", { level: "debug" });
  for (const log of [quiet, normal, chatty]) {
    log.debug("debug");
    log.warn("warn");
    log.error("error");
  }
  const reader = hub.subscribe(new AbortController().signal);
  const records = [];
  for (let count = 0; count < 6; count++) records.push((await reader.next()).value!);
  assert.deepEqual(
    records.map(({ logger, level }) => `${logger} ${level}`),
    ["driver.a error", "driver.b warn", "driver.b error", "driver.c debug", "driver.c warn", "driver.c error"],
  );
  await reader.return();
});

Deno.test("A logger adds its common fields, and a record's own win", async () => {
  const hub = new LogHub();
  hub.logger("x", "system", { fields: { driver_type: "power", outlet: 1 } }).info("switched", { outlet: 2 });
  const reader = hub.subscribe(new AbortController().signal);
  assert.deepEqual((await reader.next()).value!.fields, { driver_type: "power", outlet: 2 });
  await reader.return();
});

Deno.test("renderText() writes one line, quoting what a shell would not take as a word", () => {
  assert.equal(renderText(record), "12:03:11.482 WARN  driver.power  outlet switched outlet=3 state=on");
  const fields = { error: new JumpstarterError("unavailable", "No route"), list: [1], gone: undefined };
  assert.equal(
    renderText({ ...record, fields }),
    '12:03:11.482 WARN  driver.power  outlet switched error="No route" list=[1] gone=undefined',
  );
});

Deno.test("renderText() adds the stack of an error that nobody foresaw", () => {
  const error = new TypeError("x is not a function");
  const [line, ...stack] = renderText({ ...record, fields: { error } }).split("\n");
  assert.equal(line, '12:03:11.482 WARN  driver.power  outlet switched error="x is not a function"');
  assert.equal(stack.join("\n"), error.stack);
});

Deno.test("A field that JSON cannot express is written as far as it goes", () => {
  const circle: Record<string, unknown> = {};
  circle.circle = circle;
  const fields = { circle, large: 5n };
  assert.equal(
    renderText({ ...record, fields }),
    '12:03:11.482 WARN  driver.power  outlet switched circle="[object Object]" large=5',
  );
  assert.equal(JSON.parse(renderJson({ ...record, fields })).large, "5");
});

Deno.test("renderJson() writes one object whose own keys no field can take", () => {
  assert.deepEqual(JSON.parse(renderJson({ ...record, fields: { outlet: 3, msg: "forged", level: "forged" } })), {
    outlet: 3,
    ts: "2026-01-02T12:03:11.482Z",
    level: "warn",
    logger: "driver.power",
    source: "driver",
    msg: "outlet switched",
  });
});
