/** A network without hardware. @module */
import * as z from "zod/mini";
import { defineDriver } from "../../lib/contract/driver.ts";
import { echoStream } from "../../lib/core/byte_stream.ts";
import { network } from "../../lib/interfaces/network.ts";

/** Gives back what it is sent, chunk by chunk. */
export default defineDriver({
  name: "echo-network",
  summary: "Gives back what it is sent, chunk by chunk",
  implements: network,
  config: z.object({}),
  open: () => ({ connect: () => echoStream() }),
});
