/**
 * The groups that may open the devices of a config.
 *
 * @module
 */
import type { PlannedNode } from "../../contract/plan.ts";

/** Who usually owns a device that is not plugged in now, as Debian and Raspberry Pi OS have it. */
const usual: readonly [device: RegExp, group: string][] = [
  [/^\/dev\/(?:tty|serial\/)/, "dialout"],
  [/^\/dev\/gpio/, "gpio"],
  [/^\/dev\/(?:video|media|v4l\/)/, "video"],
  [/^\/dev\/i2c-/, "i2c"],
  [/^\/dev\/spidev/, "spi"],
  [/^\/dev\/(?:bus\/usb\/|hidraw|usb)/, "plugdev"],
  [/^\/dev\/(?:sd|mmcblk|nvme|disk\/)/, "disk"],
  [/^\/dev\/kvm$/, "kvm"],
];

/** The devices that the configs of these drivers and of their children name, each once. */
export function devicesOf(nodes: readonly PlannedNode[]): string[] {
  const found = nodes.flatMap((node) =>
    node.kind === "driver" ? [...deviceNames(node.config), ...devicesOf(node.children)] : []
  );
  return [...new Set(found)];
}

/** Groups for devices, sorted. */
export interface DeviceGroups {
  readonly known: readonly string[];
  /** Groups that this machine does not have. */
  readonly missing: readonly string[];
  /** Devices for which no group is known. */
  readonly unowned: readonly string[];
}

/**
 * The groups that the devices belong to, or usually do where a device is not there or is root's alone. `root` is the
 * folder in which `dev` and `etc` are looked for.
 */
export function groupsOf(devices: readonly string[], root = ""): DeviceGroups {
  const groups = machineGroups(root);
  const names = devices.map((device) =>
    ownerOf(device, root, groups) ?? usual.find(([pattern]) => pattern.test(device))?.[1]
  );
  const wanted = [...new Set(names.filter((name) => name !== undefined))].sort();
  const exists = new Set(groups.values());
  return {
    known: wanted.filter((name) => exists.has(name)),
    missing: wanted.filter((name) => !exists.has(name)),
    unowned: devices.filter((_, index) => names[index] === undefined),
  };
}

function deviceNames(value: unknown): string[] {
  if (typeof value === "string") return /^\/dev\/[^/]/.test(value) ? [value] : [];
  return typeof value === "object" && value !== null ? Object.values(value).flatMap(deviceNames) : [];
}

function ownerOf(device: string, root: string, groups: ReadonlyMap<number, string>): string | undefined {
  try {
    const { gid } = Deno.statSync(root + device);
    return gid ? groups.get(gid) : undefined;
  } catch {
    return undefined;
  }
}

/** Names by number, from group(5). */
function machineGroups(root: string): Map<number, string> {
  try {
    const lines = Deno.readTextFileSync(`${root}/etc/group`).split("\n").map((line) => line.split(":"));
    return new Map(lines.filter((fields) => fields.length >= 3).map(([name, , gid]) => [Number(gid), name]));
  } catch {
    return new Map();
  }
}
