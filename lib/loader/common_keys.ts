/** Keys that every driver's `config:` takes beside its own. @module */
import * as z from "zod/mini";

export const commonKeys = {
  log_level: z.optional(
    z.pipe(
      z.transform((level) => typeof level === "string" ? level.toLowerCase() : level),
      z.enum(["debug", "info", "warning", "error", "critical"]),
    ),
  ).check(z.describe("Least level of what the driver logs")),
  labels: z._default(z.record(z.string(), z.string()), {}).check(z.describe("Labels that clients see in the report")),
  uuid: z.optional(z.uuid("Expected a UUID")).check(z.describe("A fixed uuid; left out, every session has a new one")),
};
