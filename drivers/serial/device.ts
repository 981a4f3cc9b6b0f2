/** A port of this machine. @module */
import { noSuchPort, type PortName } from "../../lib/hardware/port_name.ts";
import { openSerialPort } from "../../lib/hardware/serial_port.ts";
import type { Port } from "./port.ts";

/** The port that a name means whenever it is opened. */
export function devicePort(name: PortName): Port {
  return {
    async open({ baudRate, keepLines, onDifference }) {
      const port = await openSerialPort(name.find(), { baudRate, keepLines });
      port.differences.forEach(onDifference);
      return port;
    },
    check() {
      const path = name.find();
      let info: Deno.FileInfo | undefined;
      try {
        info = Deno.statSync(path);
      } catch { /* told below */ }
      if (info?.isCharDevice) return;
      throw noSuchPort(path);
    },
  };
}
