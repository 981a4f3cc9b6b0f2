/**
 * The bundled interfaces by name and by the Python clients that speak them. None is loaded before somebody uses a driver of its kind.
 *
 * @module
 */
import type { AnyInterface } from "../contract/interface.ts";

/** The label by which a report names an interface that Python does not know. */
export const interfaceLabel = "jumpstarter.dev/interface";

const loaders: Record<string, () => Promise<AnyInterface>> = {
  "composite": async () => (await import("./composite.ts")).composite,
  "flasher": async () => (await import("./flasher.ts")).flasher,
  "http-server": async () => (await import("./http_server.ts")).httpServer,
  "network": async () => (await import("./network.ts")).network,
  "power": async () => (await import("./power.ts")).power,
  "serial": async () => (await import("./serial.ts")).serial,
  "shell": async () => (await import("./shell.ts")).shell,
  "simulated-board": async () => (await import("./simulated_board.ts")).simulatedBoard,
  "ssh": async () => (await import("./ssh.ts")).ssh,
  "storage": async () => (await import("./storage.ts")).storage,
  "storage-mux": async () => (await import("./storage_mux.ts")).storageMux,
  "storage-mux-flasher": async () => (await import("./storage_mux.ts")).storageMuxFlasher,
  "tftp": async () => (await import("./tftp.ts")).tftp,
  "vnc": async () => (await import("./vnc.ts")).vnc,
};

/** Which interface a Python client class means. A test holds this against the definitions. */
const byPythonClient: Record<string, string> = {
  "jumpstarter.client.flasher.FlasherClient": "flasher",
  "jumpstarter_driver_composite.client.CompositeClient": "composite",
  "jumpstarter_driver_http.client.HttpServerClient": "http-server",
  "jumpstarter_driver_network.client.DbusNetworkClient": "network",
  "jumpstarter_driver_network.client.NetworkClient": "network",
  "jumpstarter_driver_opendal.client.FlasherClient": "flasher",
  "jumpstarter_driver_opendal.client.OpendalClient": "storage",
  "jumpstarter_driver_opendal.client.StorageMuxClient": "storage-mux",
  "jumpstarter_driver_opendal.client.StorageMuxFlasherClient": "storage-mux-flasher",
  "jumpstarter_driver_power.client.PowerClient": "power",
  "jumpstarter_driver_pyserial.client.PySerialClient": "serial",
  "jumpstarter_driver_shell.client.ShellClient": "shell",
  "jumpstarter_driver_ssh.client.SSHWrapperClient": "ssh",
  "jumpstarter_driver_tftp.client.TftpServerClient": "tftp",
  "jumpstarter_driver_vnc.client.VNClient": "vnc",
};

/** Names of all bundled interfaces. */
export const interfaceNames: readonly string[] = Object.keys(loaders);

/** A bundled interface, or `undefined` when there is none of this name. */
export async function interfaceByName(name: string): Promise<AnyInterface | undefined> {
  return Object.hasOwn(loaders, name) ? await loaders[name]() : undefined;
}

/** What a report says of a driver. */
type Labels = Readonly<Record<string, string>>;

const pythonClientLabel = "jumpstarter.dev/client";

/** The name of the interface that labels stand for, or `undefined` where they name a Python client that is unknown here. */
export function interfaceNameOf(labels: Labels): string | undefined {
  const client = labels[pythonClientLabel];
  return labels[interfaceLabel] ?? (Object.hasOwn(byPythonClient, client) ? byPythonClient[client] : undefined);
}

/** Whether labels stand for an interface, which need not be a bundled one. */
export function areLabelsOf({ name, pythonClients }: AnyInterface, labels: Labels): boolean {
  const said = labels[interfaceLabel];
  return said === undefined ? pythonClients.includes(labels[pythonClientLabel]) : said === name;
}
