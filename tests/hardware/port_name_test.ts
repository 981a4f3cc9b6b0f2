import assert from "node:assert/strict";
import { join } from "node:path";
import { parsePortName } from "../../lib/hardware/port_name.ts";
import { knownPorts } from "../../lib/hardware/port_list.ts";
import { folderOf } from "../folder.ts";

/** An adapter of the tree below: attributes of the USB device, and its interfaces with their ports. */
interface Adapter {
  at: string;
  vendor: string;
  product: string;
  serial?: string;
  productName?: string;
  interfaces: { name?: string; tty: string; subsystem: "usb" | "usb-serial" }[];
}

/** A tree as the kernel makes it in /sys, in a folder. */
async function sysfs(adapters: readonly Adapter[]) {
  const folder = await folderOf();
  const roots = { sysfs: join(folder.path, "sys"), dev: "/dev" };
  const write = (path: string, text: string) => {
    Deno.mkdirSync(join(path, ".."), { recursive: true });
    Deno.writeTextFileSync(path, `${text}\n`);
  };
  Deno.mkdirSync(join(roots.sysfs, "class/tty"), { recursive: true });
  const port = (name: string, device: string, type?: string) => {
    const tty = join(device, "tty", name);
    Deno.mkdirSync(tty, { recursive: true });
    if (type) write(join(tty, "type"), type);
    Deno.symlinkSync(device, join(tty, "device"));
    Deno.symlinkSync(tty, join(roots.sysfs, "class/tty", name));
  };
  for (const { at, vendor, product, serial, productName, interfaces } of adapters) {
    const adapter = join(
      roots.sysfs,
      "devices/pci0000:00/usb1",
      ...at.split(".").map((_, index, parts) => parts.slice(0, index + 1).join(".")),
    );
    write(join(adapter, "idVendor"), vendor);
    write(join(adapter, "idProduct"), product);
    write(join(adapter, "bNumInterfaces"), ` ${interfaces.length}`);
    if (serial) write(join(adapter, "serial"), serial);
    if (productName) write(join(adapter, "product"), productName);
    for (const [index, { name, tty, subsystem }] of interfaces.entries()) {
      const own = join(adapter, `${at}:1.${index}`);
      write(join(own, "bInterfaceNumber"), `0${index}`);
      if (name) write(join(own, "interface"), name);
      // Drivers of adapters put a device of their own between, modems do not.
      port(tty, subsystem === "usb" ? own : join(own, tty));
    }
  }
  port("ttyS0", join(roots.sysfs, "devices/pnp0/00:04"), "4");
  port("ttyS1", join(roots.sysfs, "devices/platform/serial8250"), "0");
  Deno.mkdirSync(join(roots.sysfs, "class/tty/console"));
  return { roots, [Symbol.dispose]: () => folder[Symbol.dispose]() };
}

const ftdi = { vendor: "0403", product: "6001", productName: "FT232R USB UART" };
const bench: Adapter[] = [
  { ...ftdi, at: "1-1.2", serial: "A50285BI", interfaces: [{ tty: "ttyUSB1", subsystem: "usb-serial" }] },
  { ...ftdi, at: "1-1.4", interfaces: [{ tty: "ttyUSB0", subsystem: "usb-serial" }] },
  {
    at: "1-2",
    vendor: "0955",
    product: "7045",
    serial: "TOPO",
    productName: "Tegra On-Platform Operator",
    interfaces: [{ tty: "ttyACM0", name: "CCPLEX", subsystem: "usb" }, { tty: "ttyACM1", subsystem: "usb" }],
  },
];

Deno.test("Ports are listed with what tells them apart, those without hardware left out", async () => {
  using tree = await sysfs(bench);
  const ports = knownPorts(tree.roots);
  assert.deepEqual(ports.map(({ path, usb }) => [path, usb?.serial, usb?.path, usb?.interface]), [
    ["/dev/ttyACM0", "TOPO", "1-2", 0],
    ["/dev/ttyACM1", "TOPO", "1-2", 1],
    ["/dev/ttyS0", undefined, undefined, undefined],
    ["/dev/ttyUSB0", "", "1-1.4", 0],
    ["/dev/ttyUSB1", "A50285BI", "1-1.2", 0],
  ]);
});

Deno.test("A port is found by serial number, by USB path, by numbers, and by interface", async () => {
  using tree = await sysfs(bench);
  const find = (text: string) => parsePortName(text)!.find(tree.roots);
  assert.equal(find("usb://?serial=A50285BI"), "/dev/ttyUSB1");
  assert.equal(find("usb://?path=1-1.4"), "/dev/ttyUSB0");
  assert.equal(find("usb://?serial=TOPO&interface=1"), "/dev/ttyACM1");
  assert.equal(find("usb://?vendor=955&product=7045&interface=0"), "/dev/ttyACM0");
});

Deno.test("A name that means no port or several says which there are", async () => {
  using tree = await sysfs(bench);
  const find = (text: string) => () => parsePortName(text)!.find(tree.roots);
  assert.throws(find("usb://?serial=A5"), {
    code: "not_found",
    message: "No serial port answers to usb://?serial=A5; there are " +
      "/dev/ttyACM0 (serial=TOPO, path=1-2, interface=0), /dev/ttyACM1 (serial=TOPO, path=1-2, interface=1), " +
      "/dev/ttyS0, /dev/ttyUSB0 (path=1-1.4), /dev/ttyUSB1 (serial=A50285BI, path=1-1.2)",
  });
  assert.throws(find("usb://?vendor=0403"), {
    code: "invalid_argument",
    message: "usb://?vendor=0403 means 2 ports: /dev/ttyUSB0 (path=1-1.4), /dev/ttyUSB1 (serial=A50285BI, path=1-1.2)",
  });
  using empty = await folderOf();
  assert.throws(() => parsePortName("usb://?serial=x")!.find({ sysfs: empty.path, dev: "/dev" }), {
    message: "No serial port answers to usb://?serial=x; there are none on this machine",
  });
});

Deno.test("hwgrep finds what pySerial's finds: the first match of name, description or hardware id, or the n-th", async () => {
  using tree = await sysfs(bench);
  const find = (text: string) => parsePortName(text)!.find(tree.roots);
  assert.equal(find("hwgrep://0403:6001"), "/dev/ttyUSB0");
  assert.equal(find("hwgrep://0403:6001&n=2"), "/dev/ttyUSB1");
  assert.equal(find("hwgrep://SER=a50285bi"), "/dev/ttyUSB1");
  assert.equal(find("hwgrep://ft232r.*uart"), "/dev/ttyUSB0");
  assert.equal(find("hwgrep://Operator - CCPLEX"), "/dev/ttyACM0");
  assert.equal(find("hwgrep://LOCATION=1-2:1\\.1"), "/dev/ttyACM1");
  assert.equal(find("hwgrep://ttyS"), "/dev/ttyS0");
  assert.throws(() => find("hwgrep://0403:6001&n=3"), { code: "not_found" });
});

Deno.test("An adapter that was plugged in elsewhere is found under its new name", async () => {
  const name = parsePortName("usb://?serial=A50285BI")!;
  using before = await sysfs(bench);
  assert.equal(name.find(before.roots), "/dev/ttyUSB1");
  const interfaces = [{ tty: "ttyUSB7", subsystem: "usb-serial" as const }];
  using after = await sysfs([{ ...ftdi, at: "1-3", serial: "A50285BI", interfaces }]);
  assert.equal(name.find(after.roots), "/dev/ttyUSB7");
});

Deno.test("A name that is wrong is refused with what it may be, and one of another kind is none", () => {
  for (
    const [text, message] of [
      ["usb://A50285BI", /got "usb:\/\/A50285BI"$/],
      ["usb://?", /got none of them$/],
      ["usb://?serail=x", /got "serail"$/],
      ["usb://?serial=", /serial is empty$/],
      ["hwgrep://(", /^Expected a regular expression/],
      ["hwgrep://x&n=0", /^Expected n=1 or more/],
      ["hwgrep://x&skip_busy", /got "skip_busy"$/],
    ] as const
  ) {
    assert.throws(() => parsePortName(text), { code: "invalid_argument", message });
  }
  assert.equal(parsePortName("COM3"), undefined);
  assert.equal(parsePortName("/dev/ttyUSB0")!.find(), "/dev/ttyUSB0");
});
