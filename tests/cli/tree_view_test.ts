import assert from "node:assert/strict";
import type { ExporterConnection } from "../../lib/client/connection.ts";
import { buildTree } from "../../lib/client/tree.ts";
import { printableJson } from "../../lib/core/printable.ts";
import { renderTree } from "../../lib/cli/tree_view.ts";

/** A tree of drivers by their names and clients; it is only looked at. */
function treeOf(drivers: Record<string, string>) {
  const labels = (name: string, client: string) => ({ "jumpstarter.dev/name": name, "jumpstarter.dev/client": client });
  const reports = Object.entries(drivers).map(([name, client]) => (
    { uuid: name, parentUuid: "root", labels: labels(name, client), description: undefined, methodsDescription: {} }
  ));
  const root = { uuid: "root", parentUuid: undefined, labels: {}, description: undefined, methodsDescription: {} };
  const silent = { caller: () => ({}) } as unknown as ExporterConnection;
  return buildTree(
    { uuid: "x", labels: {}, reports: [root, ...reports], alternativeEndpoints: [], motd: "" },
    silent,
  );
}

Deno.test("A line of the tree that is too long for a terminal goes on below its last part, elsewhere it stays whole", async () => {
  const root = treeOf({
    power: "jumpstarter_driver_power.client.PowerClient",
    emmc: "jumpstarter_driver_opendal.client.FlasherClient",
  });
  const whole = ".        (unknown)  methods, call, stream\n" +
    "  power  power      on, off, rescue, cycle, read\n" +
    "  emmc   flasher    flash, dump, flash-state, flash-cancel";
  assert.equal(await renderTree(root), whole);
  assert.equal(await renderTree(root, 200), whole);
  // Words in a column of a few letters could not be read.
  assert.equal(await renderTree(root, 30), whole);
  assert.equal(
    await renderTree(root, 50),
    ".        (unknown)  methods, call, stream\n" +
      "  power  power      on, off, rescue, cycle, read\n" +
      "  emmc   flasher    flash, dump, flash-state,\n" +
      "                    flash-cancel",
  );
});

Deno.test("What an exporter calls its drivers is shown, and does nothing to the terminal", async () => {
  const root = treeOf({
    "po\x1b]0;x\x07wer\nFAKE": "jumpstarter_driver_power.client.PowerClient",
    "a\x9b5mb": "\x1b[2J",
  });
  assert.equal(
    await renderTree(root),
    ".                   (unknown)  methods, call, stream\n" +
      "  po ]0;x wer FAKE  power      on, off, rescue, cycle, read\n" +
      "  a 5mb             ( [2J)     methods, call, stream",
  );
  assert.equal(printableJson([NaN, -Infinity, 1, null]), '["NaN","-Infinity",1,null]');
  assert.equal(printableJson({ name: "a\x9b\x7f\x1b" }), '{"name":"a\\u009b\\u007f\\u001b"}');
});
