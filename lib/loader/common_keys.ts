/** Keys that every driver's `config:` takes beside its own. @module */
import * as z from "zod";

export const commonKeys = {
  log_level: z.preprocess(
    (level) => typeof level === "string" ? level.toLowerCase() : level,
    z.enum(["debug", "info", "warning", "error", "critical"]),
  ).optional().describe("Least level of what the driver logs"),
  labels: z.record(z.string(), z.string()).default({}).describe("Labels that clients see in the report"),
  uuid: z.uuid().optional().describe("A fixed uuid; left out, every session has a new one"),
};
