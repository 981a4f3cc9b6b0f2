/** One vsock port of a virtual machine. @module */
import * as z from "zod/mini";
import { defineDriver } from "../../lib/contract/driver.ts";
import { byteStreamOfPipe } from "../../lib/core/byte_stream.ts";
import { JumpstarterError } from "../../lib/core/errors.ts";
import { network } from "../../lib/interfaces/network.ts";
import { deviceFailure } from "../../lib/interfaces/network_address.ts";

/** Largest number of a context or a port: all ones mean any. */
const largest = 2 ** 32 - 2;

/** Connects to a vsock port of a virtual machine on the exporter's host, Linux only. */
export default defineDriver({
  name: "vsock-network",
  summary: "Connects to a vsock port of a virtual machine on the exporter's host (Linux)",
  implements: network,
  config: z.object({
    cid: z.int().check(
      z.minimum(0),
      z.maximum(largest),
      z.describe("Context number of the machine: 2 is the host, 3 and above are guests"),
    ),
    port: z.int().check(z.minimum(0), z.maximum(largest), z.describe("vsock port of the machine")),
  }),
  open({ config: { cid, port } }) {
    requireVsock();
    return {
      connect: async () =>
        byteStreamOfPipe(
          await Deno.connect({ transport: "vsock", cid, port }).catch((error) => {
            throw deviceFailure(`vsock:${cid}:${port}`, error);
          }),
        ),
    };
  },
});

function requireVsock(): void {
  if (Deno.build.os !== "linux") throw missing("there are vsocks on Linux only");
  try {
    Deno.statSync("/dev/vsock");
  } catch {
    throw missing("this kernel has none; as root: modprobe vhost_vsock");
  }
}

function missing(why: string): JumpstarterError {
  return new JumpstarterError("unimplemented", `Cannot use vsocks: ${why}`, { phase: "driver" });
}
