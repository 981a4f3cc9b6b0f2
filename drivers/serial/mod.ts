/** Serial ports: of this machine, and of others over the network. @module */
import * as z from "zod/mini";
import { defineDriver } from "../../lib/contract/driver.ts";
import { echoStream } from "../../lib/core/byte_stream.ts";
import { messageOf } from "../../lib/core/errors.ts";
import { serial } from "../../lib/interfaces/serial.ts";
import { consoleConfig, isKept, serialConsole } from "../../lib/interfaces/serial_console.ts";
import type { ConsoleLine } from "../../lib/streams/console/line.ts";
import { pacedStream } from "../../lib/streams/pace.ts";
import { loopUrl, parsePort, type PortSettings } from "./port.ts";

const Url = z.string().check(z.superRefine((url, context) => {
  try {
    if (url !== loopUrl) parsePort(url);
  } catch (error) {
    context.addIssue({ code: "custom", message: messageOf(error) });
  }
}));

/** A serial port. */
export default defineDriver({
  name: "serial",
  summary: "A serial port of this machine, or of another one over the network",
  implements: serial,
  config: z.object({
    url: Url.check(
      z.describe(
        "The port: `/dev/serial/by-id/…`, `usb://?serial=…`, `hwgrep://…`, `socket://HOST:PORT`, `rfc2217://HOST:PORT`, " +
          "or `loop://`, which gives back what it is sent",
      ),
    ),
    baudrate: z._default(z.int().check(z.positive(), z.maximum(2 ** 32 - 1)), 115200).check(
      z.describe("Bits per second, with 8 data bits, no parity and 1 stop bit"),
    ),
    check_present: z._default(z.boolean(), true).check(
      z.describe("Whether the exporter starts only when the port is there"),
    ),
    disable_hupcl: z._default(z.boolean(), false).check(
      z.describe("Leaves DTR and RTS as they are when the port is closed"),
    ),
    ...consoleConfig,
  }),
  async open(context) {
    const { config, log, signal, mode } = context;
    if (config.url === loopUrl) return { connect: () => pacedStream(echoStream(), config.cps || Infinity) };

    const port = parsePort(config.url);
    const settings: PortSettings = {
      baudRate: config.baudrate,
      keepLines: config.disable_hupcl,
      onDifference: (difference) => log.warn("serial port set differently", { difference }),
    };
    const open = (signal: AbortSignal) => port.open(settings, signal);

    let first: ConsoleLine | undefined;
    if (config.check_present && isKept(config, mode)) first = await open(signal);
    else if (config.check_present) port.check?.();
    const take = (signal: AbortSignal) => {
      const line = first;
      first = undefined;
      return line ? Promise.resolve(line) : open(signal);
    };
    try {
      return serialConsole(take, context);
    } catch (error) {
      await first?.[Symbol.asyncDispose]();
      throw error;
    }
  },
});
