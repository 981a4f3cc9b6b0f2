import assert from "node:assert/strict";
import { children, composite, defineDriver, network, power, serve, z } from "../../mod.ts";
import { LogHub } from "../../lib/core/log.ts";
import { makeByteStream } from "../../lib/core/byte_stream.ts";

const relay = defineDriver({
  name: "relay",
  summary: "x",
  implements: power,
  config: z.object({ line: z.int().min(1), pulse_ms: z.int().default(250) }),
  open({ config, log }) {
    log.info("opened", config);
    return { on() {}, off() {}, [Symbol.asyncDispose]: () => log.info("closed") };
  },
});

/** The messages that a hub holds, then its end. */
async function messages(hub: LogHub, count: number): Promise<string[]> {
  const records = hub.subscribe(new AbortController().signal);
  const read: string[] = [];
  while (read.length < count) read.push((await records.next()).value!.message);
  await records.return();
  return read;
}

Deno.test("serve() opens a driver with its checked config and closes it at the end", async () => {
  const hub = new LogHub();
  {
    await using _ = await serve(relay, { line: 3 }, { hub });
    const records = hub.subscribe(new AbortController().signal);
    assert.deepEqual((await records.next()).value!.fields, { driver_type: "power", line: 3, pulse_ms: 250 });
    await records.return();
  }
  assert.deepEqual(await messages(hub, 2), ["opened", "closed"]);
});

Deno.test("serve() refuses a config with everything that is wrong in it, unknown keys included", async () => {
  const config = { line: 0, pluse_ms: 5 };
  await assert.rejects(serve(relay, config), {
    code: "invalid_argument",
    message: 'config: line: Expected at least 1, got 0; config: pluse_ms: Unknown key "pluse_ms"; ' +
      'did you mean "pulse_ms"? Available: line, pulse_ms',
  });
});

Deno.test("serve() fails as the driver does, and leaves nothing behind", async () => {
  const broken = defineDriver({
    name: "broken",
    summary: "x",
    implements: composite,
    config: z.object({}),
    open: () => Promise.reject(new Error("No such port")),
  });
  await assert.rejects(serve(broken, {}), {
    code: "unavailable",
    phase: "driver",
    message: "Driver broken failed to open: No such port",
  });
});

Deno.test("serve() gives the clients of the children that a driver makes", async () => {
  const harness = defineDriver({
    name: "harness",
    summary: "x",
    implements: composite,
    config: z.object({}),
    provides: { supply: power, port: network },
    open: () => ({
      [children]: {
        supply: { on() {}, off() {} },
        port: { connect: () => makeByteStream(ReadableStream.from([Uint8Array.of(7)]), new WritableStream()) },
      },
    }),
  });
  await using served = await serve(harness, {});
  await served.supply.cycle({ waitMs: 0 });
  await using stream = await served.port.connect();
  assert.deepEqual(await Array.fromAsync(stream.readable), [Uint8Array.of(7)]);
});

Deno.test("A client of serve() fails once it is disposed", async () => {
  const served = await serve(relay, { line: 1 });
  await served[Symbol.asyncDispose]();
  await served[Symbol.asyncDispose]();
  await assert.rejects(served.on());
});

Deno.test("Many calls run at once over one connection", async () => {
  const { promise: all, resolve } = Promise.withResolvers<void>();
  let running = 0;
  const meeting = defineDriver({
    name: "meeting",
    summary: "x",
    implements: power,
    config: z.object({}),
    open: () => ({
      on: () => {
        if (++running === 50) resolve();
        return all;
      },
      off() {},
    }),
  });
  await using served = await serve(meeting, {});
  await Promise.all(Array.from({ length: 50 }, () => served.on()));
});
