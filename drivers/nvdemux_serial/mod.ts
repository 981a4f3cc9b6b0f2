/** Consoles of NVIDIA's Jetson boards, several of which share one serial port. @module */
import * as z from "zod/mini";
import { defineDriver } from "../../lib/contract/driver.ts";
import { openSerialPort } from "../../lib/hardware/serial_port.ts";
import { serial } from "../../lib/interfaces/serial.ts";
import { consoleConfig, serialConsole } from "../../lib/interfaces/serial_console.ts";
import { joinDemuxer } from "./demuxer.ts";

const seconds = z.number().check(z.positive());

/** One console of a board whose port carries several. */
export default defineDriver({
  name: "nvdemux-serial",
  summary: "One of the consoles that an NVIDIA Jetson sends through one serial port, by NVIDIA's demultiplexer",
  implements: serial,
  config: z.object({
    demuxer_path: z.string().check(z.minLength(1), z.describe("NVIDIA's program `nv_tcu_demuxer`")),
    device: z._default(
      z.string().check(z.minLength(1)),
      "/dev/serial/by-id/usb-NVIDIA_Tegra_On-Platform_Operator_*-if01",
    ).check(z.describe("The port; `*`, `?` and `[…]` in its last part match names")),
    target: z._default(z.string().check(z.minLength(1)), "CCPLEX: 0").check(
      z.describe("The console, as the program names it"),
    ),
    chip: z._default(z.string().check(z.minLength(1)), "T264").check(z.describe("`T264` is Thor, `T234` Orin")),
    baudrate: z._default(z.int().check(z.positive(), z.maximum(2 ** 32 - 1)), 115200).check(
      z.describe("Bits per second of the terminal"),
    ),
    timeout: z._default(seconds, 10).check(
      z.describe("Seconds that the program may take to name the console's terminal"),
    ),
    poll_interval: z._default(seconds, 1).check(z.describe("Seconds between looks for the port while it is missing")),
    ...consoleConfig,
  }),
  open(context) {
    const { config, log } = context;
    const { demuxer_path: program, device, chip, target, baudrate: baudRate, timeout, poll_interval } = config;
    const demuxer = joinDemuxer({ program, device, chip, pollMs: poll_interval * 1000 }, target, log);
    const console = serialConsole(async (signal) => {
      const path = await demuxer.terminal(timeout * 1000, signal);
      return await openSerialPort(path, { baudRate });
    }, context);
    const close = console[Symbol.asyncDispose];
    return {
      ...console,
      async [Symbol.asyncDispose]() {
        await close();
        await demuxer[Symbol.asyncDispose]();
      },
    };
  },
});
