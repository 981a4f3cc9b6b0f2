import assert from "node:assert/strict";
import { bundledDrivers } from "../../drivers/table.ts";
import { type AnyInterface, pythonClientOf } from "../../lib/contract/interface.ts";
import {
  areLabelsOf,
  interfaceByName,
  interfaceLabel,
  interfaceNameOf,
  interfaceNames,
} from "../../lib/interfaces/table.ts";

const definitions = async () => await Promise.all(interfaceNames.map(async (name) => (await interfaceByName(name))!));

Deno.test("Every interface stands in the table under its own name", async () => {
  assert.deepEqual((await definitions()).map(({ name }) => name), interfaceNames);
});

Deno.test("Every Python client of an interface leads to it, and to no other", async () => {
  const all = await definitions();
  const clients = all.flatMap(({ pythonClients }) => pythonClients);
  assert.equal(new Set(clients).size, clients.length);
  for (const definition of all) {
    for (const client of definition.pythonClients) {
      assert.equal(interfaceNameOf({ "jumpstarter.dev/client": client }), definition.name);
    }
  }
});

Deno.test("The table knows no Python client that no interface claims", async () => {
  const source = await Deno.readTextFile(new URL("../../lib/interfaces/table.ts", import.meta.url));
  const inTable = [...source.matchAll(/"([\w.]+\.client\.[\w.]+)"/g)].map(([, client]) => client);
  const claimed = (await definitions()).flatMap(({ pythonClients }) => pythonClients);
  assert.deepEqual(inTable.sort(), claimed.sort());
});

Deno.test("The labels are those of upstream's clients", async () => {
  const labels = Object.fromEntries(
    (await definitions()).map((definition) => [definition.name, pythonClientOf(definition)]),
  );
  assert.deepEqual(labels, {
    "composite": "jumpstarter_driver_composite.client.CompositeClient",
    "flasher": "jumpstarter_driver_opendal.client.FlasherClient",
    "http-server": "jumpstarter_driver_http.client.HttpServerClient",
    "network": "jumpstarter_driver_network.client.NetworkClient",
    "power": "jumpstarter_driver_power.client.PowerClient",
    "serial": "jumpstarter_driver_pyserial.client.PySerialClient",
    "shell": "jumpstarter_driver_shell.client.ShellClient",
    "simulated-board": "jumpstarter_driver_composite.client.CompositeClient",
    "ssh": "jumpstarter_driver_ssh.client.SSHWrapperClient",
    "storage": "jumpstarter_driver_opendal.client.OpendalClient",
    "storage-mux": "jumpstarter_driver_opendal.client.StorageMuxClient",
    "storage-mux-flasher": "jumpstarter_driver_opendal.client.StorageMuxFlasherClient",
    "tftp": "jumpstarter_driver_tftp.client.TftpServerClient",
    "vnc": "jumpstarter_driver_vnc.client.VNClient",
  });
});

Deno.test("A client finds the interface of everything that a bundled driver reports", async () => {
  for (const { load } of Object.values(bundledDrivers)) {
    const { default: driver } = await load();
    const provided = Object.values(driver.provides ?? {}) as AnyInterface[];
    for (const definition of [driver.implements as AnyInterface, ...provided]) {
      const named = definition.pythonClients.length === 0 && { [interfaceLabel]: definition.name };
      const name = interfaceNameOf({ "jumpstarter.dev/client": pythonClientOf(definition), ...named });
      assert.equal(name && await interfaceByName(name), definition);
    }
  }
});

Deno.test("Labels that nobody here knows stand for no bundled interface", async () => {
  const labels: [Record<string, string>, string | undefined][] = [
    [{}, undefined],
    [{ "jumpstarter.dev/client": "acme.client.LampClient" }, undefined],
    [{ "jumpstarter.dev/client": "constructor" }, undefined],
    [{ [interfaceLabel]: "toString" }, "toString"],
    [{ [interfaceLabel]: "lamp", "jumpstarter.dev/client": "jumpstarter_driver_power.client.PowerClient" }, "lamp"],
  ];
  for (const [label, name] of labels) {
    assert.equal(interfaceNameOf(label), name);
    assert.equal(name && await interfaceByName(name), undefined);
    for (const definition of await definitions()) assert.equal(areLabelsOf(definition, label), false);
  }
});
