/** Flags and arguments from schemas, and their text back into values. @module */
import * as z from "zod/mini";

/** What a command line needs to know of a schema. */
export interface Parameter {
  readonly kind: "flag" | "number" | "text" | "list" | "json";
  /** A value has to be given. */
  readonly required: boolean;
  readonly choices?: readonly string[];
  readonly default?: unknown;
  readonly description: string;
}

/** Reads a schema, wrappers included. */
export function parameterOf(schema: z.core.$ZodType): Parameter {
  const { def } = (schema as z.core.$ZodTypes)._zod;
  const description = z.globalRegistry.get(schema)?.description ?? "";
  const required = true;
  switch (def.type) {
    case "default":
    case "prefault":
      return { ...described(def.innerType, description), required: false, default: def.defaultValue };
    case "optional":
    case "nullable":
      return { ...described(def.innerType, description), required: false };
    case "boolean":
      return { kind: "flag", required, description };
    case "number":
      return { kind: "number", required, description };
    case "string":
      return { kind: "text", required, description };
    case "enum":
      return { kind: "text", required, description, choices: Object.values(def.entries).map(String) };
    default:
      return { kind: def.type === "array" ? "list" : "json", required, description };
  }
}

/** The value that a word of the command line stands for. What does not fit is left as text, for the schema to refuse. */
export function valueOf(word: unknown, { kind }: Parameter): unknown {
  if (typeof word !== "string") return word;
  if (kind === "number") return word.trim() !== "" && Number.isFinite(Number(word)) ? Number(word) : word;
  if (kind === "json") return jsonOrText(word);
  return word;
}

/** Reads a word as JSON, or takes it as text when it is none: `5`, `true`, `{"a":1}`, `hello`. */
export function jsonOrText(word: string): unknown {
  try {
    return JSON.parse(word);
  } catch {
    return word;
  }
}

/** `no-input` for `noInput`. */
export function flagOf(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

function described(schema: z.core.$ZodType, description: string): Parameter {
  const parameter = parameterOf(schema);
  return { ...parameter, description: description || parameter.description };
}
