/**
 * What the environment adds to a client's file. As in Python's, values of the file win, and names of variables are the
 * same in upper and lower case.
 *
 * @module
 */
import { JumpstarterError } from "../core/errors.ts";

/** A mapping with what the environment filled in. */
export interface Filled {
  readonly value: Record<string, unknown>;
  /** The variables behind values, by their dotted paths. */
  readonly variables: ReadonlyMap<string, string>;
}

/** Keys of a client's file that a variable fills: `JMP_` and the key. */
const textKeys = ["apiVersion", "kind", "endpoint", "token", "refresh_token"];

/** Keys that a variable fills with JSON, which is merged with what the file has. */
const jsonKeys = ["metadata", "tls", "grpcOptions", "drivers", "shell", "leases"];

/** Variables of single values below a key. */
const nested: Record<string, Record<string, string>> = {
  metadata: { namespace: "JMP_NAMESPACE", name: "JMP_NAME" },
  drivers: { allow: "JMP_DRIVERS_ALLOW", unsafe: "JMP_DRIVERS_UNSAFE" },
  leases: {
    acquisition_timeout: "ACQUISITION_TIMEOUT",
    dial_timeout: "DIAL_TIMEOUT",
    retry_timeout: "RETRY_TIMEOUT",
  },
};

/**
 * Fills the gaps of a client's file, given as a plain mapping.
 *
 * @throws {JumpstarterError} `invalid_argument` for a variable that should hold JSON and does not.
 */
export function fillFromEnvironment(file: Readonly<Record<string, unknown>>): Filled {
  const environment = environmentByLowerCase();
  const value: Record<string, unknown> = { ...file };
  const variables = new Map<string, string>();
  const lookUp = (variable: string) => environment.get(variable.toLowerCase());
  for (const key of textKeys) {
    const text = lookUp(`JMP_${key}`);
    if (key in value || text === undefined) continue;
    value[key] = text;
    variables.set(key, `JMP_${key.toUpperCase()}`);
  }
  for (const key of jsonKeys) {
    const variable = `JMP_${key.toUpperCase()}`;
    const text = lookUp(variable);
    if (text === undefined) continue;
    const filled = merge(parseJson(text, variable), value[key]);
    if (filled === value[key]) continue;
    value[key] = filled;
    variables.set(key, variable);
  }
  for (const [key, below] of Object.entries(nested)) {
    if (value[key] !== undefined && !isMapping(value[key])) continue;
    const filled: Record<string, unknown> = { ...value[key] as Record<string, unknown> | undefined };
    for (const [name, variable] of Object.entries(below)) {
      const text = lookUp(variable);
      if (name in filled || text === undefined) continue;
      filled[name] = name === "unsafe" ? { "0": false, "1": true }[text] ?? text : text;
      variables.set(`${key}.${name}`, variable);
    }
    value[key] = filled;
  }
  return { value, variables };
}

function environmentByLowerCase(): Map<string, string> {
  return new Map(Object.entries(Deno.env.toObject()).map(([name, value]) => [name.toLowerCase(), value]));
}

function parseJson(text: string, variable: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // The text may hold a secret.
    throw new JumpstarterError("invalid_argument", `Expected JSON in the environment's ${variable}`, {
      phase: "config",
    });
  }
}

/** What `above` has wins, key by key. */
function merge(below: unknown, above: unknown): unknown {
  if (above === undefined) return below;
  if (!isMapping(below) || !isMapping(above)) return above;
  const keys = new Set([...Object.keys(below), ...Object.keys(above)]);
  return Object.fromEntries([...keys].map((key) => [key, merge(below[key], above[key])]));
}

function isMapping(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
