import assert from "node:assert/strict";
import mockPower from "../../drivers/mock_power/mod.ts";
import { defineDriver, power, type PowerReading, serve, z } from "../../mod.ts";
import { withLimit } from "../../lib/core/limit.ts";
import { parsed, run } from "./io.ts";

/** A switch that writes down what it is told and measures what a test wants. */
function switched(told: string[], readings: () => AsyncIterable<PowerReading>) {
  return defineDriver({
    name: "switched",
    summary: "x",
    implements: power,
    config: z.object({}),
    open: () => ({
      on: () => void told.push("on"),
      off: () => void told.push("off"),
      read: readings,
    }),
  });
}

async function* endless(): AsyncGenerator<PowerReading> {
  for (let volts = 1;; volts++) yield { voltage: volts, current: 0.5 };
}

const commandsOf = (client: Parameters<NonNullable<typeof power.commands>>[0]) => power.commands!(client);
const line = (volts: string, amperes: string, watts: string) =>
  `voltage=${volts} V  current=${amperes} A  apparent_power=${watts} VA`;

Deno.test("cycle() is off, a pause, on", async () => {
  const told: string[] = [];
  await using client = await serve(switched(told, endless), {});
  await client.cycle({ waitMs: 1 });
  assert.deepEqual(told, ["off", "on"]);
});

Deno.test("cycle() stays off when it is interrupted in its pause", async () => {
  const told: string[] = [];
  await using client = await serve(switched(told, endless), {});
  const end = new AbortController();
  const cycling = client.cycle({ waitMs: 60_000, signal: end.signal });
  while (told.length === 0) await client.rescue().catch(() => {});
  end.abort(new Error("enough"));
  await assert.rejects(cycling, { message: "enough" });
  assert.deepEqual(told, ["off"]);
});

Deno.test("The command cycle says how long it waits, in upstream's words", async () => {
  const told: string[] = [];
  await using client = await serve(switched(told, endless), {});
  const { cycle } = commandsOf(client);
  assert.deepEqual(parsed(cycle), { wait: 2 });
  const { done, lines, values } = run(cycle, { wait: 0 });
  await done;
  assert.deepEqual([lines, values, told], [["Power cycling with 0 seconds wait time..."], [], ["off", "on"]]);
});

Deno.test("The commands on, off and rescue are the calls", async () => {
  const told: string[] = [];
  await using client = await serve(switched(told, endless), {});
  const { on, off, rescue } = commandsOf(client);
  await run(on).done;
  await run(off).done;
  assert.deepEqual(told, ["on", "off"]);
  await assert.rejects(run(rescue).done, { code: "unimplemented" });
});

Deno.test("The command read prints upstream's lines, once over all readings unless told otherwise", async () => {
  await using client = await serve(mockPower, {});
  const { read } = commandsOf(client);
  assert.deepEqual(parsed(read), { count: 1, interval: 1 });
  const { done, lines, values } = run(read, parsed(read));
  await done;
  assert.deepEqual(lines, [line("0.0", "0.0", "0.0"), line("5.0", "2.0", "10.0")]);
  assert.deepEqual(values, [{ voltage: 0, current: 0 }, { voltage: 5, current: 2 }]);
});

Deno.test("The command read makes as many passes as are asked for, as upstream does", async () => {
  await using client = await serve(mockPower, {});
  const { done, lines } = run(commandsOf(client).read, { count: 3, interval: 0 });
  await done;
  assert.equal(lines.length, 6);
});

Deno.test("The command read stops after that many lines where readings do not end", async () => {
  await using client = await serve(switched([], endless), {});
  const { done, lines } = run(commandsOf(client).read, { count: 3, interval: 0 });
  await withLimit(done, 2000, "Reading");
  assert.ok(lines.length >= 3);
  assert.deepEqual(lines.slice(0, 2), [line("1.0", "0.5", "0.5"), line("2.0", "0.5", "1.0")]);
});

Deno.test("The command read stops where readings fall silent but do not end", async () => {
  await using client = await serve(
    switched([], async function* () {
      yield { voltage: 5, current: 0.1 };
      await new Promise(() => {});
    }),
    {},
  );
  const { done, lines } = run(commandsOf(client).read, { count: 1, interval: 0.01 });
  await withLimit(done, 2000, "Reading");
  assert.deepEqual(lines, [line("5.0", "0.1", "0.5")]);
});

Deno.test("The command read goes on for ever with 0, until it is interrupted", async () => {
  await using client = await serve(mockPower, {});
  const { done, printed, stop } = run(commandsOf(client).read, { count: 0, interval: 0 });
  await withLimit(printed(20), 2000, "Reading");
  stop();
  await assert.rejects(done);
});

Deno.test("The command read fails as the driver does", async () => {
  await using client = await serve(
    switched([], async function* () {
      yield { voltage: 5, current: 0 };
      throw new Deno.errors.ConnectionReset("Cable");
    }),
    {},
  );
  const { done, lines } = run(commandsOf(client).read, { count: 1, interval: 0 });
  await assert.rejects(done, { code: "unavailable", message: "Cable" });
  assert.equal(lines.length, 1);
});

Deno.test("A reading that is none is the driver's failure", async () => {
  await using client = await serve(
    switched([], async function* () {
      yield { voltage: "5" } as unknown as PowerReading;
    }),
    {},
  );
  await assert.rejects(Array.fromAsync(client.read()), {
    code: "internal",
    message:
      'read: result: voltage: Expected a number, got "5"; read: result: current: Expected a number, but it is missing',
  });
});
