/** A driver that only holds others. @module */
import * as z from "zod/mini";
import { defineDriver } from "../../lib/contract/driver.ts";
import { composite } from "../../lib/interfaces/composite.ts";

/** Holds the drivers that the file lists under `children:`. */
export default defineDriver({
  name: "composite",
  summary: "Holds the drivers that the file lists under `children:`",
  implements: composite,
  config: z.object({}),
  open: () => ({}),
});
