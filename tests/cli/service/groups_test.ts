import assert from "node:assert/strict";
import * as z from "zod";
import { devicesOf, groupsOf } from "../../../lib/cli/service/groups.ts";
import { defineDriver } from "../../../lib/contract/driver.ts";
import { planDriver } from "../../../lib/contract/plan.ts";
import { composite } from "../../../lib/interfaces/composite.ts";
import { folderOf } from "../../folder.ts";

const anything = defineDriver({
  name: "anything",
  summary: "",
  implements: composite,
  config: z.any(),
  open: () => ({}),
});

Deno.test("The devices of a config are the names below /dev in it, at any depth, each once", () => {
  const relay = planDriver("relay", anything, { lines: [{ chip: "/dev/gpiochip0" }], note: "not /dev/here" });
  const console = planDriver("console", anything, { url: "/dev/ttyUSB0", folder: "/dev/" });
  const proxy = { kind: "proxy", name: "other", ref: "relay" } as const;
  const board = planDriver("board", anything, { console: "/dev/ttyUSB0" }, [relay, console, proxy]);
  assert.deepEqual(devicesOf([board]), ["/dev/ttyUSB0", "/dev/gpiochip0"]);
});

Deno.test("A device that is not there belongs to the group that usually has it", async () => {
  const group = "root:x:0:\ndialout:x:20:\nvideo:x:44:\n# a comment\ngpio:x:997:pi\n";
  using machine = await folderOf({ "etc/group": group });
  const devices = ["/dev/serial/by-id/usb-FTDI-if00", "/dev/ttyACM3", "/dev/gpiochip0", "/dev/spidev0.0", "/dev/odd"];
  assert.deepEqual(groupsOf(devices, machine.path), {
    known: ["dialout", "gpio"],
    missing: ["spi"],
    unowned: ["/dev/odd"],
  });
});

Deno.test("A device that is there belongs to its own group, unless that is root's", async () => {
  const gid = Deno.gid()!;
  using machine = await folderOf({ "etc/group": `mine:x:${gid}:\n`, "dev/odd": "" });
  const { known, unowned } = groupsOf(["/dev/odd"], machine.path);
  assert.deepEqual([known, unowned], gid === 0 ? [[], ["/dev/odd"]] : [["mine"], []]);
});

Deno.test("A machine without a list of groups has none", async () => {
  using machine = await folderOf();
  assert.deepEqual(groupsOf(["/dev/ttyUSB0"], machine.path), { known: [], missing: ["dialout"], unowned: [] });
});
