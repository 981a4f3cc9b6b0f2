/**
 * How a port is named: by its device file, or by what it is, so that it is found again wherever the kernel puts it.
 *
 * @module
 */
import { JumpstarterError, messageOf } from "../core/errors.ts";
import { type DeviceRoots, type KnownPort, knownPorts, systemRoots } from "./port_list.ts";

/** A name that has been understood. */
export interface PortName {
  /**
   * The device file that the name means now.
   *
   * @throws {JumpstarterError} `not_found` when nothing answers to it, `invalid_argument` when several do; both say
   * what is there.
   */
  find(roots?: DeviceRoots): string;
}

/** What `usb://?…` can ask for, each compared as text with what the adapter says. */
const usbKeys = ["serial", "path", "vendor", "product", "interface"] as const;

/**
 * Understands a device path, `usb://?serial=A50285BI&interface=1`, or pySerial's `hwgrep://EXPRESSION`. Nothing is
 * looked for yet.
 *
 * @returns nothing for a name of another kind.
 * @throws {JumpstarterError} `invalid_argument` when it is of these kinds and wrong.
 */
export function parsePortName(text: string): PortName | undefined {
  if (text.startsWith("/")) return { find: () => text };
  if (text.startsWith("usb://")) return usbPort(text);
  if (text.startsWith("hwgrep://")) return grepPort(text);
  return undefined;
}

function usbPort(text: string): PortName {
  const wrong = (why: string) =>
    new JumpstarterError("invalid_argument", `Expected usb://? with ${usbKeys.join(", ")}, as in ${example}; ${why}`);
  if (!text.startsWith("usb://?")) throw wrong(`got ${JSON.stringify(text)}`);
  const wanted = [...new URLSearchParams(text.slice("usb://?".length))];
  if (wanted.length === 0) throw wrong("got none of them");
  for (const [key, value] of wanted) {
    if (!(usbKeys as readonly string[]).includes(key)) throw wrong(`got ${JSON.stringify(key)}`);
    if (value === "") throw wrong(`${key} is empty`);
  }
  const matches = ({ usb }: KnownPort) =>
    usb !== undefined && wanted.every(([key, value]) => {
      const own = String(usb[key as typeof usbKeys[number]]);
      return key === "vendor" || key === "product" ? own === value.toLowerCase().padStart(4, "0") : own === value;
    });
  return {
    find(roots = systemRoots) {
      const ports = knownPorts(roots);
      const found = ports.filter(matches);
      if (found.length === 1) return found[0].path;
      if (found.length === 0) throw nothing(text, ports);
      throw new JumpstarterError(
        "invalid_argument",
        `${text} means ${found.length} ports: ${found.map(described).join(", ")}`,
        { hint: "Add interface=, path= or serial= to mean one of them" },
      );
    },
  };
}

const example = "usb://?serial=A50285BI&interface=0";

/** As pySerial's: the first port whose name, description or hardware id matches, or the n-th. */
function grepPort(text: string): PortName {
  const [expression, ...options] = text.slice("hwgrep://".length).split("&");
  let pattern: RegExp;
  try {
    pattern = new RegExp(expression, "i");
  } catch (error) {
    throw new JumpstarterError("invalid_argument", `Expected a regular expression in ${text}: ${messageOf(error)}`);
  }
  let index = 0;
  for (const option of options) {
    const number = /^n=([1-9]\d*)$/.exec(option);
    if (!number) throw new JumpstarterError("invalid_argument", `Expected n=1 or more in ${text}, got "${option}"`);
    index = Number(number[1]) - 1;
  }
  return {
    find(roots = systemRoots) {
      const ports = knownPorts(roots);
      const found = ports.filter((port) => grepTexts(port).some((one) => pattern.test(one)))[index];
      if (!found) throw nothing(text, ports);
      return found.path;
    },
  };
}

/** What pySerial's `list_ports` compares: device, description and hardware id, in its words. */
function grepTexts({ path, usb }: KnownPort): string[] {
  const name = path.slice(path.lastIndexOf("/") + 1);
  if (!usb) return [path, name, "n/a"];
  const { productName, interfaceName } = usb;
  const location = usb.interfaces > 1 ? `${usb.path}:1.${usb.interface}` : usb.path;
  const serial = usb.serial && ` SER=${usb.serial}`;
  return [
    path,
    interfaceName ? `${productName} - ${interfaceName}` : productName || name,
    `USB VID:PID=${usb.vendor.toUpperCase()}:${usb.product.toUpperCase()}${serial} LOCATION=${location}`,
  ];
}

function nothing(text: string, ports: readonly KnownPort[]): JumpstarterError {
  return new JumpstarterError("not_found", `No serial port answers to ${text}; ${whatIsThere(ports)}`);
}

/** The error for a device file that is not there. */
export function noSuchPort(path: string, cause?: unknown): JumpstarterError {
  return new JumpstarterError("not_found", `There is no serial port ${path}; ${whatIsThere()}`, { cause });
}

/** The ports by what they can be named by, for people. */
function whatIsThere(ports: readonly KnownPort[] = knownPorts()): string {
  return ports.length > 0 ? `there are ${ports.map(described).join(", ")}` : "there are none on this machine";
}

function described({ path, usb }: KnownPort): string {
  if (!usb) return path;
  const serial = usb.serial && `serial=${usb.serial}, `;
  const part = usb.interfaces > 1 ? `, interface=${usb.interface}` : "";
  return `${path} (${serial}path=${usb.path}${part})`;
}
