/** Flags and arguments from schemas, and their text back into values. @module */
import type * as z from "zod";

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
export function parameterOf(schema: z.ZodType): Parameter {
  const { type } = schema.def;
  const description = schema.description ?? "";
  if (type === "default" || type === "prefault") {
    const { innerType, defaultValue } = schema.def as unknown as z.core.$ZodDefaultDef<z.ZodType>;
    return { ...described(innerType, description), required: false, default: defaultValue };
  }
  if (type === "optional" || type === "nullable") {
    const { innerType } = schema.def as unknown as z.core.$ZodOptionalDef<z.ZodType>;
    return { ...described(innerType, description), required: false };
  }
  const required = true;
  if (type === "boolean") return { kind: "flag", required, description };
  if (type === "number") return { kind: "number", required, description };
  if (type === "string") return { kind: "text", required, description };
  if (type === "enum") {
    return { kind: "text", required, description, choices: (schema as z.ZodEnum).options.map(String) };
  }
  return { kind: type === "array" ? "list" : "json", required, description };
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

function described(schema: z.ZodType, description: string): Parameter {
  const parameter = parameterOf(schema);
  return { ...parameter, description: description || parameter.description };
}
