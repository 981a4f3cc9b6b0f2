/**
 * Checks a value from YAML by a schema, and forgives what Python forgives: `port: "22"` is a number and `enabled: yes` a
 * boolean where the schema wants one, with a warning.
 *
 * @module
 */
import type * as z from "zod";
import { explainIssues, tellIntegers } from "../core/issues.ts";
import { booleanWord, type YamlFile } from "./document.ts";
import type { Problem } from "./problem.ts";

/** The checked value, or `undefined` when there are errors among the problems. */
export interface Checked<T> {
  readonly value: T | undefined;
  readonly problems: Problem[];
}

/** Checks `value`, which stands at `path` of the file. */
export function checkYaml<S extends z.ZodType>(
  file: YamlFile,
  schema: S,
  value: unknown,
  path: readonly PropertyKey[],
): Checked<z.output<S>> {
  const problems: Problem[] = [];
  let outcome = schema.safeParse(value, tellIntegers);
  if (!outcome.success) {
    const forgiven = structuredClone(value);
    for (const issue of outcome.error.issues) {
      const change = issue.code === "invalid_type" ? coerce(valueAt(value, issue.path), issue.expected) : undefined;
      if (!change || issue.path.length === 0) continue;
      set(forgiven, issue.path, change.value);
      problems.push(file.problem([...path, ...issue.path], change.warning, { severity: "warning" }));
    }
    if (problems.length > 0) outcome = schema.safeParse(forgiven, tellIntegers);
  }
  if (outcome.success) return { value: outcome.data, problems };
  for (const issue of explainIssues(outcome.error, value, keysOf(schema))) {
    problems.push(file.problem([...path, ...issue.path], issue.message, { key: issue.aboutKey }));
  }
  return { value: undefined, problems };
}

/** The keys that an object's schema knows. */
export function keysOf(schema: z.ZodType): string[] {
  return "shape" in schema ? Object.keys((schema as z.ZodObject).shape) : [];
}

function coerce(value: unknown, expected: string): { value: unknown; warning: string } | undefined {
  const taken = (as: unknown) => ({ value: as, warning: `Took ${JSON.stringify(value)} as ${JSON.stringify(as)}` });
  if (typeof value === "string") {
    if (["number", "int"].includes(expected) && value.trim() !== "" && Number.isFinite(Number(value))) {
      return taken(Number(value));
    }
    const truth = expected === "boolean" ? booleanWord(value) : undefined;
    if (truth !== undefined) return taken(truth);
  }
  if (typeof value === "number" && expected === "string") return taken(String(value));
  return undefined;
}

function valueAt(value: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>((at, step) => (at as Record<PropertyKey, unknown> | null | undefined)?.[step], value);
}

function set(value: unknown, path: readonly PropertyKey[], to: unknown): void {
  (valueAt(value, path.slice(0, -1)) as Record<PropertyKey, unknown>)[path.at(-1)!] = to;
}
