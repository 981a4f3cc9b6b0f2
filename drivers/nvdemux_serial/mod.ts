/** Consoles of NVIDIA's Jetson boards, several of which share one serial port. @module */
import * as z from "zod";
import { defineDriver } from "../../lib/contract/driver.ts";
import { openSerialPort } from "../../lib/hardware/serial_port.ts";
import { serial } from "../../lib/interfaces/serial.ts";
import { consoleConfig, serialConsole } from "../../lib/interfaces/serial_console.ts";
import { pacedLine } from "../../lib/streams/console/pace.ts";
import { joinDemuxer } from "./demuxer.ts";

const seconds = z.number().positive();

/** One console of a board whose port carries several. */
export default defineDriver({
  name: "nvdemux-serial",
  summary: "One of the consoles that an NVIDIA Jetson sends through one serial port, by NVIDIA's demultiplexer",
  implements: serial,
  config: z.object({
    demuxer_path: z.string().min(1).describe("NVIDIA's program `nv_tcu_demuxer`"),
    device: z.string().min(1).default("/dev/serial/by-id/usb-NVIDIA_Tegra_On-Platform_Operator_*-if01").describe(
      "The port; `*`, `?` and `[…]` in its last part match names",
    ),
    target: z.string().min(1).default("CCPLEX: 0").describe("The console, as the program names it"),
    chip: z.string().min(1).default("T264").describe("`T264` is Thor, `T234` Orin"),
    baudrate: z.int().positive().max(2 ** 32 - 1).default(115200).describe("Bits per second of the terminal"),
    cps: z.number().min(0).nullable().default(null).describe(
      "Characters per second that are sent at most; 0: no limit",
    ),
    timeout: seconds.default(10).describe("Seconds that the program may take to name the console's terminal"),
    poll_interval: seconds.default(1).describe("Seconds between looks for the port while it is missing"),
    ...consoleConfig,
  }),
  open(context) {
    const { config, log } = context;
    const { demuxer_path: program, device, chip, target, baudrate: baudRate, cps, timeout, poll_interval } = config;
    const demuxer = joinDemuxer({ program, device, chip, pollMs: poll_interval * 1000 }, target, log);
    const console = serialConsole(async (signal) => {
      const path = await demuxer.terminal(timeout * 1000, signal);
      return pacedLine(await openSerialPort(path, { baudRate }), cps || Infinity);
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
