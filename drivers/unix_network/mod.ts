/** One unix socket of the exporter's host. @module */
import * as z from "zod/mini";
import { defineDriver } from "../../lib/contract/driver.ts";
import { byteStreamOfPipe } from "../../lib/core/byte_stream.ts";
import { network } from "../../lib/interfaces/network.ts";
import { deviceFailure } from "../../lib/interfaces/network_address.ts";

/** Connects to a unix socket on the exporter's host. */
export default defineDriver({
  name: "unix-network",
  summary: "Connects to a unix socket on the exporter's host",
  implements: network,
  config: z.object({ path: z.string().check(z.describe("Path of the socket")) }),
  open({ config: { path } }) {
    return {
      connect: async () =>
        byteStreamOfPipe(
          await Deno.connect({ transport: "unix", path }).catch((error) => {
            throw deviceFailure(path, error);
          }),
        ),
    };
  },
});
