/** A power switch without hardware. @module */
import * as z from "zod/mini";
import { defineDriver } from "../../lib/contract/driver.ts";
import { power } from "../../lib/interfaces/power.ts";

/** Logs what it is told and measures 0 V, 0 A and then 5 V, 2 A. */
export default defineDriver({
  name: "mock-power",
  summary: "A power switch without hardware: it logs what it is told",
  implements: power,
  config: z.object({}),
  open({ log }) {
    return {
      on: () => log.info("power on"),
      off: () => log.info("power off"),
      async *read() {
        yield { voltage: 0, current: 0 };
        yield { voltage: 5, current: 2 };
      },
    };
  },
});
