/**
 * What goes into a method and comes out of it: named arguments to wire positions and back, and the checks of both.
 * Nothing a caller sends reaches a driver unchecked, and nothing a driver returns leaves unchecked.
 *
 * @module
 */
import * as z from "zod/mini";
import { type Code, JumpstarterError } from "../core/errors.ts";
import { explainIssues, keysOf, renderPath, tellIntegers } from "../core/issues.ts";
import type { Method, Shape } from "./method.ts";

/** Arguments in wire order. Trailing ones that are absent are left out, absent ones before that are `null`. */
export function toPositions(method: Method, args: Record<string, unknown> = {}): unknown[] {
  const names = Object.keys(method.params);
  for (const name of Object.keys(args)) {
    if (!names.includes(name)) {
      throw new JumpstarterError(
        "invalid_argument",
        `Unknown argument "${name}"; expected ${names.join(", ") || "none"}`,
      );
    }
  }
  const positions = names.map((name) => args[name]);
  if (method.rest) positions.push(...(positions.pop() as unknown[] | undefined ?? []));
  while (positions.length > 0 && positions.at(-1) === undefined) positions.pop();
  return positions.map((value) => value === undefined ? null : value);
}

/**
 * Checked, named arguments. A `null` stands for an absent argument where the parameter does not take `null` itself.
 *
 * @throws {JumpstarterError} `invalid_argument`, naming the method, the parameter, what was expected and what came.
 */
export function fromPositions(name: string, method: Method, positions: readonly unknown[]): Record<string, unknown> {
  const names = Object.keys(method.params);
  if (names.length === 0 && positions.length === 0) return {};
  if (!method.rest && positions.length > names.length) {
    throw new JumpstarterError(
      "invalid_argument",
      `${name}: Expected ${atMost(names.length)}, got ${positions.length}`,
    );
  }
  const given: Record<string, unknown> = {};
  names.forEach((param, index) => {
    const isRest = method.rest && index === names.length - 1;
    const value = isRest ? positions.slice(index) : positions[index];
    if (value !== undefined && !(value === null && !takesNull(method.params[param]))) given[param] = value;
  });
  return check(schemaOf(method.params), given, name);
}

function atMost(count: number): string {
  if (count === 0) return "no arguments";
  return count === 1 ? "at most one argument" : `at most ${count} arguments`;
}

/**
 * Checks a value against a schema.
 *
 * @throws {JumpstarterError} with every complaint, each with its place below `name`.
 */
export function check<S extends z.core.$ZodType>(
  schema: S,
  value: unknown,
  name: string,
  code: Code = "invalid_argument",
): z.output<S> {
  const outcome = z.safeParse(schema, value, tellIntegers);
  if (outcome.success) return outcome.data;
  const complaints = explainIssues(outcome.error, value, keysOf(schema)).map((issue) =>
    `${[name, renderPath(issue.path)].filter(Boolean).join(": ")}: ${issue.message}`
  );
  throw new JumpstarterError(code, complaints.join("; "));
}

/**
 * Checks a method's result, or one value of its stream. A method without a result has none, whatever came; an absent one
 * is `null` on the wire.
 *
 * @throws {JumpstarterError} `internal`: whoever called is not to blame.
 */
export function checkResult({ result }: Method, value: unknown, name: string): unknown {
  if (result._zod.def.type === "void") return undefined;
  return check(result, value ?? (takesNull(result) ? null : undefined), `${name}: result`, "internal");
}

const nullTakers = new WeakMap<z.core.$ZodType, boolean>();

function takesNull(schema: z.core.$ZodType): boolean {
  let takes = nullTakers.get(schema);
  if (takes === undefined) nullTakers.set(schema, takes = z.safeParse(schema, null).success);
  return takes;
}

const schemas = new WeakMap<Shape, z.ZodMiniObject>();

function schemaOf(params: Shape): z.ZodMiniObject {
  let schema = schemas.get(params);
  if (!schema) schemas.set(params, schema = z.strictObject(params));
  return schema;
}
