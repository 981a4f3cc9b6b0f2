/** What the kernel knows of a block device: which one it is, and who uses it. @module */
import { JumpstarterError } from "../core/errors.ts";

/** Where the kernel tells. */
export interface KernelFiles {
  readonly sys: string;
  readonly proc: string;
}

const kernelFiles: KernelFiles = { sys: "/sys", proc: "/proc" };

/** A block device. */
export interface BlockDevice {
  /** As the kernel names it: `sda1`. */
  readonly name: string;
  /** What is the same when it is plugged in again, and another for another one as far as that can be told. */
  readonly identity: string;
  /** Who uses it or what it is made of or part of it: `sda1 is mounted at /boot`. */
  readonly uses: readonly Use[];
}

/** One way in which a device is in use. */
export interface Use {
  /** The device or a part of it, `/dev/sda1`. */
  readonly device: string;
  readonly how: "mount" | "swap" | "holder";
  /** Where it is mounted, or what holds it. */
  readonly by: string;
}

/** Reads what is known of a block device. `path` may be a link to it. */
export function blockDeviceAt(path: string, { sys, proc }: KernelFiles = kernelFiles): BlockDevice {
  const folder = Deno.realPathSync(`${sys}/dev/block/${deviceNumber(Deno.statSync(path).rdev!)}`);
  const name = baseName(folder);
  const family = [...familyOf(folder, sys)];
  const uses = [...holdersOf(family), ...mountsOf(family, proc), ...swapsOf(family, proc)];
  return { name, identity: identityOf(folder), uses };
}

/**
 * Refuses a device that somebody uses, a file system that is mounted above all.
 *
 * @throws {JumpstarterError} `failed_precondition`, naming each use.
 */
export function refuseUsed(path: string, { uses }: BlockDevice): void {
  if (uses.length === 0) return;
  const told = uses.map(({ device, how, by }) => {
    if (how === "mount") return `${device} is mounted at ${by}`;
    return how === "swap" ? `${device} is swapped to` : `${device} is part of ${by}`;
  });
  const mounts = uses.flatMap(({ how, by }) => how === "mount" ? [by] : []);
  const isSystem = mounts.includes("/");
  throw new JumpstarterError(
    "failed_precondition",
    `Refused to write to ${path}${isSystem ? ", from which this machine runs" : ""}: ${told.join(", ")}`,
    { phase: "driver", hint: isSystem || mounts.length === 0 ? undefined : `umount ${mounts.join(" ")}` },
  );
}

/** `8:1` of a number as stat(2) has it (include/linux/kdev_t.h, new_encode_dev). */
function deviceNumber(rdev: number): string {
  const low = rdev % 2 ** 32;
  return `${low >>> 8 & 0xfff}:${low & 0xff | low >>> 12 & 0xfff00}`;
}

/** A device as sysfs has it. */
interface Member {
  readonly folder: string;
  readonly name: string;
  readonly number: string;
}

/** A device, its partitions, and all that is made of any of these: volumes, arrays, what is encrypted. */
function* familyOf(folder: string, sys: string, seen = new Set<string>()): Generator<Member, void, undefined> {
  if (seen.has(folder)) return;
  seen.add(folder);
  yield { folder, name: baseName(folder), number: read(`${folder}/dev`) ?? "" };
  for (const entry of entriesOf(folder)) {
    if (exists(`${folder}/${entry}/partition`)) yield* familyOf(`${folder}/${entry}`, sys, seen);
  }
  for (const holder of entriesOf(`${folder}/holders`)) {
    yield* familyOf(Deno.realPathSync(`${folder}/holders/${holder}`), sys, seen);
  }
}

function holdersOf(family: readonly Member[]): Use[] {
  return family.flatMap(({ folder, name }) =>
    entriesOf(`${folder}/holders`).map((holder) => ({
      device: `/dev/${name}`,
      how: "holder" as const,
      by: `/dev/${holder}`,
    }))
  );
}

/** proc(5), /proc/pid/mountinfo. A file system over several devices has a number of its own: its source tells one. */
function mountsOf(family: readonly Member[], proc: string): Use[] {
  return lines(`${proc}/self/mountinfo`).flatMap((line) => {
    const [fields, rest = ""] = line.split(" - ");
    const [, , number, , mountPoint] = fields.split(" ");
    const source = unescape(rest.split(" ")[1] ?? "");
    const member = family.find((member) => member.number === number || member.name === kernelName(source));
    return member ? [{ device: `/dev/${member.name}`, how: "mount" as const, by: unescape(mountPoint) }] : [];
  });
}

function swapsOf(family: readonly Member[], proc: string): Use[] {
  return lines(`${proc}/swaps`).slice(1).flatMap((line) => {
    const path = unescape(line.split(/\s/)[0]);
    const member = family.find(({ name }) => name === kernelName(path));
    return member ? [{ device: `/dev/${member.name}`, how: "swap" as const, by: path }] : [];
  });
}

/** What a card or disk says of itself. A reader tells nothing of the card in it but its size. */
function identityOf(folder: string): string {
  const partition = read(`${folder}/partition`);
  const disk = partition === undefined ? folder : folder.slice(0, folder.lastIndexOf("/"));
  const facts = ["device/vendor", "device/model", "device/serial", "device/cid", "wwid", "loop/backing_file"];
  return [
    ...facts.map((fact) => read(`${disk}/${fact}`)).filter(Boolean),
    ...partition === undefined ? [] : [`partition ${partition}`],
    // Always in units of 512 bytes.
    `${Number(read(`${folder}/size`)) * 512} bytes`,
  ].join(" ");
}

/** The kernel's name of a device by any of its paths, or nothing when it is none. */
function kernelName(path: string): string | undefined {
  if (!path.startsWith("/dev/")) return undefined;
  try {
    return baseName(Deno.realPathSync(path));
  } catch {
    return baseName(path);
  }
}

/** Blanks and the like are written as octal numbers. */
function unescape(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(parseInt(digits, 8)));
}

function baseName(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}

function entriesOf(folder: string): string[] {
  try {
    return [...Deno.readDirSync(folder)].map(({ name }) => name).sort();
  } catch {
    return [];
  }
}

function exists(path: string): boolean {
  return read(path) !== undefined;
}

function read(path: string): string | undefined {
  try {
    return Deno.readTextFileSync(path).trim();
  } catch {
    return undefined;
  }
}

function lines(path: string): string[] {
  return read(path)?.split("\n") ?? [];
}
