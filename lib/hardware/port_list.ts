/** The serial ports that the kernel knows, with what tells one USB adapter from another. @module */
import { join } from "node:path";

/** Where the kernel tells of devices, and where their files are. */
export interface DeviceRoots {
  /** @default "/sys" */
  readonly sysfs: string;
  /** @default "/dev" */
  readonly dev: string;
}

export const systemRoots: DeviceRoots = { sysfs: "/sys", dev: "/dev" };

/** One port. Numbers of USB are in hexadecimal, as `lsusb` prints them. */
export interface KnownPort {
  /** The device file: `/dev/ttyUSB0`. */
  readonly path: string;
  readonly usb?: UsbIdentity;
}

/** What a USB adapter says of itself, and where it is plugged in. */
export interface UsbIdentity {
  /** `0403` */
  readonly vendor: string;
  /** `6001` */
  readonly product: string;
  /** Empty where the adapter has none. */
  readonly serial: string;
  /** The way from the root hub: `1-1.4`. */
  readonly path: string;
  /** The interface of an adapter with several ports, counted from 0. */
  readonly interface: number;
  /** Names of the adapter and of the interface, as they are written in it; may be empty. */
  readonly productName: string;
  readonly interfaceName: string;
  /** Interfaces of the adapter. */
  readonly interfaces: number;
}

/** All ports that are there, by their paths. One that the kernel provides for but that has no hardware is left out. */
export function knownPorts(roots: DeviceRoots = systemRoots): KnownPort[] {
  const folder = join(roots.sysfs, "class/tty");
  const ports = namesIn(folder).flatMap((name) => {
    const device = realPath(join(folder, name, "device"));
    if (device === undefined || attribute(join(folder, name), "type") === "0") return [];
    return [{ path: join(roots.dev, name), usb: usbIdentityOf(device, roots.sysfs) }];
  });
  return ports.sort((a, b) => a.path < b.path ? -1 : 1);
}

/** Climbs from a port's device to the USB interface and the adapter above it. */
function usbIdentityOf(device: string, sysfs: string): UsbIdentity | undefined {
  const top = realPath(sysfs) ?? sysfs;
  let folder = device;
  while (folder.length > top.length && attribute(folder, "bInterfaceNumber") === "") folder = join(folder, "..");
  const adapter = join(folder, "..");
  const [vendor, product] = [attribute(adapter, "idVendor"), attribute(adapter, "idProduct")];
  if (!vendor || !product) return undefined;
  return {
    vendor,
    product,
    serial: attribute(adapter, "serial"),
    path: adapter.slice(adapter.lastIndexOf("/") + 1),
    interface: parseInt(attribute(folder, "bInterfaceNumber"), 16),
    productName: attribute(adapter, "product"),
    interfaceName: attribute(folder, "interface"),
    interfaces: Number(attribute(adapter, "bNumInterfaces")) || 1,
  };
}

/** A file of one line; empty where there is none. */
function attribute(folder: string, name: string): string {
  try {
    return Deno.readTextFileSync(join(folder, name)).trim();
  } catch {
    return "";
  }
}

function realPath(path: string): string | undefined {
  try {
    return Deno.realPathSync(path);
  } catch {
    return undefined;
  }
}

function namesIn(folder: string): string[] {
  try {
    return [...Deno.readDirSync(folder)].map(({ name }) => name);
  } catch {
    return [];
  }
}
