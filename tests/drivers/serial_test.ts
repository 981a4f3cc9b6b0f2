import assert from "node:assert/strict";
import { serve } from "../../mod.ts";
import serial from "../../drivers/serial/mod.ts";
import { talk } from "../bytes.ts";

Deno.test("A loopback port gives every connection back what it sends, and to nobody else", async () => {
  await using port = await serve(serial, { url: "loop://" });
  await using one = await port.connect();
  await using other = await port.connect();
  const [a, b] = [talk(one), talk(other)];
  await a.send("from a");
  await b.send("from b");
  assert.equal(await a.until("from a"), "from a");
  assert.equal(await b.until("from b"), "from b");
});

Deno.test("Any other port is refused before anything is opened", async () => {
  await assert.rejects(serve(serial, { url: "/dev/ttyUSB0", baudrate: 0 }), {
    code: "invalid_argument",
    message: 'config: url: This version serves loop:// only, got "/dev/ttyUSB0"; ' +
      "config: baudrate: Expected more than 0, got 0",
  });
});
