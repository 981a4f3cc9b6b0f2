/** Serial ports. @module */
import * as z from "zod";
import { defineDriver } from "../../lib/contract/driver.ts";
import { echoStream } from "../../lib/core/byte_stream.ts";
import { serial } from "../../lib/interfaces/serial.ts";

/** A serial port. This version has the loopback port only. */
export default defineDriver({
  name: "serial",
  summary: "A serial port; this version has the loopback port `loop://` only",
  implements: serial,
  config: z.object({
    url: z.string().refine((url) => url === "loop://", {
      error: ({ input }) => `This version serves loop:// only, got ${JSON.stringify(input)}`,
    }).describe("The port: `loop://` gives back what it is sent"),
    baudrate: z.int().positive().default(115200).describe("Bits per second; a loopback port ignores it"),
  }),
  open: () => ({ connect: () => echoStream() }),
});
