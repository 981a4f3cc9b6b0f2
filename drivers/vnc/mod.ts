/** The screen of a device that has a VNC server. @module */
import * as z from "zod/mini";
import { defineDriver } from "../../lib/contract/driver.ts";
import { network } from "../../lib/interfaces/network.ts";
import { vnc } from "../../lib/interfaces/vnc.ts";

/** Shows the screen of a device by the VNC server that the child `tcp` leads to. */
export default defineDriver({
  name: "vnc",
  summary: "Shows the screen of a device by the VNC server that the child `tcp` leads to",
  implements: vnc,
  config: z.object({
    default_encrypt: z._default(z.boolean(), false).check(
      z.describe("Whether Python's client asks its page for encryption"),
    ),
  }),
  children: { tcp: network },
  open({ config }) {
    return { getDefaultEncrypt: () => config.default_encrypt };
  },
});
