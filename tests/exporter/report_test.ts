import assert from "node:assert/strict";
import mockPower from "../../drivers/mock_power/mod.ts";
import simulatedBoard from "../../drivers/simulated_board/mod.ts";
import { boardOf } from "../../lib/client/connect.ts";
import { type DriverNode, walk } from "../../lib/client/tree.ts";
import { planDriver, type PlannedDriver } from "../../lib/contract/plan.ts";
import { group, proxy } from "../contract/drivers.ts";
import { wired } from "./wired.ts";

const power = (name: string, more: Partial<PlannedDriver> = {}) => ({ ...planDriver(name, mockPower, {}), ...more });
const label = { client: "jumpstarter.dev/client", name: "jumpstarter.dev/name" };

Deno.test("A report names drivers depth first, parents before their children", async () => {
  await using wire = await wired(group("", group("a", power("a1"), power("a2")), power("b")), { name: "bench" });
  const report = await wire.connection.report();
  assert.deepEqual(report.labels, { [label.name]: "bench" });
  assert.deepEqual([report.motd, report.uuid], ["", wire.session.uuid]);
  const [root, a, a1, a2, b, ...more] = report.reports;
  assert.deepEqual(more, []);
  assert.deepEqual([root, a, a1, a2, b].map(({ labels }) => labels[label.name]), [undefined, "a", "a1", "a2", "b"]);
  assert.deepEqual(
    [root, a, a1, a2, b].map(({ parentUuid }) => parentUuid),
    [undefined, root.uuid, a.uuid, a.uuid, root.uuid],
  );
});

Deno.test("A report carries labels, descriptions and help texts, and no empty ones", async () => {
  const described = power("main", {
    description: "Main PSU",
    methodsDescription: { on: "Switch on" },
    labels: { rack: "3", [label.name]: "forged" },
  });
  await using wire = await wired(group("", described, power("plain")), { motd: "Welcome" });
  const { reports: [, main, plain], labels, motd } = await wire.connection.report();
  assert.deepEqual([labels, motd], [{}, "Welcome"]);
  assert.deepEqual(main.labels, {
    rack: "3",
    [label.client]: "jumpstarter_driver_power.client.PowerClient",
    [label.name]: "main",
  });
  assert.deepEqual([main.description, main.methodsDescription], ["Main PSU", { on: "Switch on" }]);
  assert.deepEqual([plain.description, plain.methodsDescription], [undefined, {}]);
});

Deno.test("An interface that Python does not know is named by a label, beside a client that Python has", async () => {
  await using wire = await wired(group("", planDriver("board", simulatedBoard, { initial_power: "off" })));
  const { reports: [, board, ...made] } = await wire.connection.report();
  assert.deepEqual(board.labels, {
    "jumpstarter.dev/interface": "simulated-board",
    [label.client]: "jumpstarter_driver_composite.client.CompositeClient",
    [label.name]: "board",
  });
  assert.deepEqual(made.map(({ labels }) => [labels[label.name], labels[label.client]]), [
    ["power", "jumpstarter_driver_power.client.PowerClient"],
    ["console", "jumpstarter_driver_pyserial.client.PySerialClient"],
    ["echo", "jumpstarter_driver_network.client.NetworkClient"],
    ["web", "jumpstarter_driver_network.client.NetworkClient"],
  ]);
});

/** The paths and uuids of a client's tree. */
const outline = (root: DriverNode, names: Map<string, string>) =>
  [...walk(root)].map(({ path, uuid }) => `${path} = ${names.get(uuid)}`);

Deno.test("A proxy's target stands at the proxy's place as well, with all below it and under its own uuids", async () => {
  const root = group(
    "",
    proxy("early", "all.inner"),
    group("all", group("inner", power("x"), proxy("board", "device"))),
    planDriver("device", simulatedBoard, { initial_power: "off" }),
    proxy("supply", "device.power"),
    proxy("again", "early"),
  );
  await using wire = await wired(root);
  const names = new Map([...wire.session.tree.byUuid].map(([uuid, { path }]) => [uuid, path]));
  const board = await boardOf(wire.connection);
  const device = (at: string) => [
    `${at} = device`,
    ...["power", "console", "echo", "web"].map((name) => `${at}.${name} = device.${name}`),
  ];
  const inner = (at: string) => [`${at} = all.inner`, `${at}.x = all.inner.x`, ...device(`${at}.board`)];
  assert.deepEqual(outline(board.root, names), [
    " = ",
    ...inner("early"),
    "all = all",
    ...inner("all.inner"),
    ...device("device"),
    "supply = device.power",
    ...inner("again"),
  ]);
});

Deno.test("Calls through a proxy reach the one driver that it leads to", async () => {
  const root = group(
    "",
    planDriver("device", simulatedBoard, { initial_power: "off" }),
    proxy("supply", "device.power"),
  );
  await using wire = await wired(root);
  const board = await boardOf(wire.connection);
  const supply = board.root.children.get("supply")!;
  const own = board.root.children.get("device")!.children.get("power")!;
  await supply.caller.unary("on", [], {});
  const [reading] = await Array.fromAsync(own.caller.serverStreaming("read", [], {})) as { voltage: number }[];
  assert.equal(reading.voltage, 5);
});
