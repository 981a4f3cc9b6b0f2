/** Why nobody could be reached. @module */
import { isJumpstarterError, JumpstarterError, messageOf } from "./errors.ts";

/** The error for a peer that could not be reached, from what Deno or node says of it. */
export function connectFailure(target: string, error: unknown): JumpstarterError {
  if (isJumpstarterError(error)) {
    return new JumpstarterError(error.code, error.message, {
      phase: "connect",
      hint: "Check the address and the network",
    });
  }
  const { code = "" } = error as { code?: string };
  if (error instanceof Deno.errors.ConnectionRefused || code === "ECONNREFUSED") {
    return new JumpstarterError("unavailable", `Nothing listens on ${target}`, {
      phase: "connect",
      hint: `Start an exporter there: jumpstarter exporter run CONFIG --listen ${target}`,
      cause: error,
    });
  }
  if (error instanceof Deno.errors.NotFound) {
    return new JumpstarterError("unavailable", `There is no socket at ${target}`, { phase: "connect", cause: error });
  }
  const unresolved = /^(?:ENOTFOUND|EAI_\w+)$/.test(code) || /lookup|resolve|dns/i.test(messageOf(error));
  return new JumpstarterError(
    "unavailable",
    unresolved
      ? `The name of ${target} is not known: ${messageOf(error)}`
      : `Cannot connect to ${target}: ${messageOf(error)}`,
    { phase: unresolved ? "resolve" : "connect", cause: error },
  );
}
