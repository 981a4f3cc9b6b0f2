import assert from "node:assert/strict";
import { serve } from "../../mod.ts";
import mockPower from "../../drivers/mock_power/mod.ts";
import { LogHub } from "../../lib/core/log.ts";

Deno.test("MockPower measures 0 V, 0 A and then 5 V, 2 A, every time", async () => {
  await using power = await serve(mockPower, {});
  const expected = [{ voltage: 0, current: 0 }, { voltage: 5, current: 2 }];
  assert.deepEqual(await Array.fromAsync(power.read()), expected);
  assert.deepEqual(await Array.fromAsync(power.read()), expected);
});

Deno.test("MockPower logs power on and power off, cycles included", async () => {
  const hub = new LogHub();
  await using power = await serve(mockPower, {}, { hub });
  await power.on();
  await power.cycle({ waitMs: 0 });
  const records = hub.subscribe(new AbortController().signal);
  const messages = [];
  for (let count = 0; count < 3; count++) messages.push((await records.next()).value!.message);
  assert.deepEqual(messages, ["power on", "power off", "power on"]);
  await records.return();
});

Deno.test("MockPower has no rescue mode", async () => {
  await using power = await serve(mockPower, {});
  await assert.rejects(power.rescue(), { code: "unimplemented", message: "This power driver does not support rescue" });
});

Deno.test("MockPower takes no config", async () => {
  // @ts-expect-error there are no keys
  await assert.rejects(serve(mockPower, { outlet: 1 }), {
    code: "invalid_argument",
    message: 'config: outlet: Unknown key "outlet"; none is expected here',
  });
});
