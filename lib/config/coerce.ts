/**
 * Checks a value from YAML by a schema, and forgives what Python forgives: `port: "22"` is a number and `enabled: yes` a
 * boolean where the schema wants one, with a warning.
 *
 * @module
 */
import * as z from "zod/mini";
import { explainIssues, keysOf, tellIntegers, valueAt } from "../core/issues.ts";
import { isSecretKey } from "../core/secret.ts";
import { booleanWord, type YamlFile } from "./document.ts";
import type { Problem } from "./problem.ts";

/** The checked value, or `undefined` when there are errors among the problems. */
export interface Checked<T> {
  readonly value: T | undefined;
  readonly problems: Problem[];
}

/** Checks `value`, which stands at `path` of the file. */
export function checkYaml<S extends z.core.$ZodType>(
  file: YamlFile,
  schema: S,
  value: unknown,
  path: readonly PropertyKey[],
): Checked<z.output<S>> {
  const problems: Problem[] = [];
  let outcome = z.safeParse(schema, value, tellIntegers);
  if (!outcome.success) {
    const forgiven = structuredClone(value);
    for (const issue of outcome.error.issues) {
      if (issue.code !== "invalid_type" || issue.path.length === 0) continue;
      const at = [...path, ...issue.path];
      const given = valueAt(value, issue.path);
      const taken = coerce(given, issue.expected, file.source(at));
      if (taken === undefined) continue;
      set(forgiven, issue.path, taken);
      const shown = isSecretKey(at.at(-1)) ? "a number" : JSON.stringify(given);
      const as = isSecretKey(at.at(-1)) ? "text" : JSON.stringify(taken);
      problems.push(file.problem(at, `Took ${shown} as ${as}`, { severity: "warning" }));
    }
    if (problems.length > 0) outcome = z.safeParse(schema, forgiven, tellIntegers);
  }
  if (outcome.success) return { value: outcome.data, problems };
  for (const issue of explainIssues(outcome.error, value, keysOf(schema))) {
    problems.push(file.problem([...path, ...issue.path], issue.message, { key: issue.aboutKey }));
  }
  return { value: undefined, problems };
}

/** A number is text as it is written: `1.10` has two digits after its point, and `1e3` is no number to Python. */
function coerce(value: unknown, expected: string, source?: string): unknown {
  if (typeof value === "string") {
    if (["number", "int"].includes(expected) && value.trim() !== "" && Number.isFinite(Number(value))) {
      return Number(value);
    }
    if (expected === "boolean") return booleanWord(value);
  }
  if (typeof value === "number" && expected === "string") return source ?? String(value);
  return undefined;
}

function set(value: unknown, path: readonly PropertyKey[], to: unknown): void {
  (valueAt(value, path.slice(0, -1)) as Record<PropertyKey, unknown>)[path.at(-1)!] = to;
}
