/** Where an exporter listens, as it is typed. @module */
import { usageError } from "../core/errors.ts";
import { withoutBrackets } from "../core/host_port.ts";

/** Reads `[HOST:]PORT`. */
export function parseListen(text: string, defaultHost: string): { hostname: string; port: number } {
  const [, host, digits] = /^(?:(.+):)?(\d{1,5})$/.exec(text) ?? [];
  const port = Number(digits);
  if (digits === undefined || port > 65535) {
    throw usageError(`Expected [HOST:]PORT with a port from 0 to 65535, got "${text}"`);
  }
  return { hostname: withoutBrackets(host ?? defaultHost), port };
}
