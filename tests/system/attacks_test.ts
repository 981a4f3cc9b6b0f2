/**
 * Strangers on the network against an exporter, which has to go on serving its clients. How quickly it does, and with how
 * little memory, is measured by `deno task soak`.
 *
 * @module
 */
import assert from "node:assert/strict";
import { attacks } from "../soak/attacks.ts";
import { underAttack } from "../soak/under_attack.ts";
import { startExporter, temporaryFolder } from "./program.ts";

const config = "metadata: {name: attacked}\nexport: {power: {type: mock-power}}\n";

Deno.test("an exporter answers its clients under attack", async (t) => {
  using folder = temporaryFolder();
  const options = { limitMs: 300_000 };
  await using exporter = await startExporter(folder.file("b.yaml", config), ["--log-level", "error"], options);
  for (const name of Object.keys(attacks)) {
    await t.step(`by ${name}`, async () => {
      const { connections, complaints, steadyCalls, newcomerCalls } = await underAttack(exporter, name, 500);
      assert.deepEqual(complaints, []);
      assert.ok(connections > 0 && steadyCalls > 0 && newcomerCalls > 0);
    });
  }
  await t.step("and ends without a word afterwards", async () => {
    exporter.kill("SIGTERM");
    const { code, stderr } = await exporter.ended;
    assert.deepEqual([code, stderr], [0, ""]);
  });
});
