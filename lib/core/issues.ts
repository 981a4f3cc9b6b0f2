/**
 * What a schema has against a value, in the program's words: expected and got, with the place.
 *
 * @module
 */
import type * as z from "zod/mini";
import { didYouMean } from "./nearest.ts";
import { isSecretKey } from "./secret.ts";

/** One complaint about a value. */
export interface ValueIssue {
  /** The way from the checked value to the wrong one. */
  readonly path: readonly PropertyKey[];
  /** Whether the complaint is about the key at the path's end, rather than its value. */
  readonly aboutKey: boolean;
  readonly message: string;
}

const integer = "int";

/** Options for a schema's `safeParse`: without them, zod wants a `number` where it got no number instead of an integer. */
export const tellIntegers: z.core.ParseContext<z.core.$ZodIssue> = {
  error: ({ code, inst }) => {
    const { format } = (inst?._zod.def ?? {}) as { format?: string };
    return code === "invalid_type" && format === "safeint" ? integer : undefined;
  },
};

/** The complaints behind a failed check of `input`, one for each wrong value or unknown key. */
export function explainIssues(
  error: z.core.$ZodError,
  input: unknown,
  knownKeys: readonly string[] = [],
): ValueIssue[] {
  return error.issues.flatMap((issue) => explain(issue, input, knownKeys));
}

/** The keys that an object's schema knows. */
export function keysOf(schema: z.core.$ZodType): string[] {
  const { def } = (schema as z.core.$ZodTypes)._zod;
  return def.type === "object" ? Object.keys(def.shape) : [];
}

/** A value as an error message shows it: short, and never an object's inside. */
export function describeValue(value: unknown): string {
  if (value === undefined) return "nothing";
  if (value === null) return "null";
  if (Array.isArray(value)) return "a list";
  if (typeof value === "object") return "a mapping";
  // JSON has no infinities and throws at a bigint.
  const text = typeof value === "string" ? JSON.stringify(value) : String(value);
  return text.length > 60 ? `${text.slice(0, 59)}…` : text;
}

/** `a.b[2]` for a path. */
export function renderPath(path: readonly PropertyKey[]): string {
  return path.map((step, index) =>
    typeof step === "number" ? `[${step}]` : index === 0 ? String(step) : `.${String(step)}`
  )
    .join("");
}

function explain(issue: z.core.$ZodIssue, input: unknown, knownKeys: readonly string[]): ValueIssue[] {
  const value = valueAt(input, issue.path);
  const hidden = isSecretKey(issue.path.at(-1)) && value !== null && typeof value !== "object";
  const got = hidden ? "a value that is not shown" : describeValue(value);
  const one = (message: string): ValueIssue[] => [{ path: issue.path, aboutKey: false, message }];
  switch (issue.code) {
    case "unrecognized_keys":
      return issue.keys.map((key) => ({
        path: [...issue.path, key],
        aboutKey: true,
        message: `Unknown key "${key}"` + (issue.path.length === 0 ? suggestKey(key, knownKeys) : ""),
      }));
    case "invalid_type": {
      const expected = named(issue.message === integer ? integer : issue.expected);
      return one(`Expected ${expected}, ${value === undefined ? "but it is missing" : `got ${got}`}`);
    }
    case "invalid_value":
      return one(
        `Expected ${issue.values.length > 1 ? "one of " : ""}${
          issue.values.map((v) => JSON.stringify(v)).join(", ")
        }, got ${got}` +
          (typeof value === "string" ? didYouMean(value, issue.values.map(String)) : ""),
      );
    case "too_small":
      return one(
        `Expected ${issue.inclusive ? "at least" : "more than"} ${issue.minimum}${unitOf(issue.origin)}, got ${got}`,
      );
    case "too_big":
      return one(
        `Expected ${issue.inclusive ? "at most" : "less than"} ${issue.maximum}${unitOf(issue.origin)}, got ${got}`,
      );
    case "invalid_key": {
      const key = issue.path.at(-1);
      const why = issue.issues[0]?.message ?? issue.message;
      return [{ path: issue.path, aboutKey: true, message: `${why}, got ${describeValue(key)}` }];
    }
    case "invalid_union":
      return one(`${issue.message === "Invalid input" ? "Fits none of the allowed forms" : issue.message}, got ${got}`);
    default:
      return one(issue.message.includes("got ") ? issue.message : `${issue.message}, got ${got}`);
  }
}

function suggestKey(key: string, known: readonly string[]): string {
  if (known.length === 0) return "; none is expected here";
  return `${didYouMean(key, known) || ";"} Available: ${known.join(", ")}`;
}

function named(expected: string): string {
  const words: Record<string, string> = {
    int: "an integer",
    object: "a mapping",
    record: "a mapping",
    array: "a list",
    number: "a number",
    string: "text",
    boolean: "true or false",
    null: "null",
  };
  return words[expected] ?? expected;
}

function unitOf(origin: string): string {
  if (origin === "string") return " characters";
  if (origin === "array" || origin === "set") return " items";
  return "";
}

/** The value at a path into another one, or `undefined` where nothing is there. */
export function valueAt(value: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>((at, step) => (at as Record<PropertyKey, unknown> | null | undefined)?.[step], value);
}
