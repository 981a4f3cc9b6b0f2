/** One TCP port of a device. @module */
import * as z from "zod/mini";
import { defineDriver } from "../../lib/contract/driver.ts";
import { byteStreamOfPipe } from "../../lib/core/byte_stream.ts";
import { hostPort } from "../../lib/core/host_port.ts";
import { network } from "../../lib/interfaces/network.ts";
import { deviceFailure, networkAddress } from "../../lib/interfaces/network_address.ts";

/** Connects to a TCP port that the exporter's host can reach. */
export default defineDriver({
  name: "tcp-network",
  summary: "Connects to a TCP port that the exporter's host can reach",
  implements: network,
  config: z.object({
    host: z.string().check(z.describe("Host name or address of the device")),
    port: z.int().check(z.minimum(1), z.maximum(65535), z.describe("TCP port of the device")),
    enable_address: z._default(z.boolean(), true).check(
      z.describe("Whether clients may ask for the address to connect directly"),
    ),
  }),
  open({ config: { host: hostname, port, enable_address: enabled } }) {
    return {
      async connect() {
        const connection = await Deno.connect({ hostname, port }).catch((error) => {
          throw deviceFailure(hostPort(hostname, port), error);
        });
        connection.setNoDelay();
        return byteStreamOfPipe(connection);
      },
      address: () => networkAddress("tcp", hostname, port, enabled),
    };
  },
});
