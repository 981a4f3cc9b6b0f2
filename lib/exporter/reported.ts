/** What a caller is told of a call that failed, and what the exporter's log keeps of it. @module */
import type { OpenDriver } from "../contract/tree.ts";
import { type Code, type JumpstarterError, toJumpstarterError } from "../core/errors.ts";

/** Failures that say something about the device or the driver, rather than about the call. */
const notable: readonly Code[] = ["unknown", "internal", "unavailable", "deadline_exceeded", "data_loss"];

/** The error as it travels. Its stack and cause stay in the exporter's own log. */
export function reported(driver: OpenDriver, method: string, thrown: unknown): JumpstarterError {
  const error = toJumpstarterError(thrown);
  if (notable.includes(error.code)) {
    driver.log.warn("call failed", { operation: method, error_code: error.code, error: thrown });
  }
  return error;
}
