/** What is wrong in a file, and where. @module */
import { JumpstarterError } from "../core/errors.ts";

/** A place in a file; line and column count from 1. */
export interface Place {
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

/** One complaint about a file. */
export interface Problem {
  readonly severity: "error" | "warning";
  readonly place: Place;
  /** Dotted path of the value, empty for the whole file. */
  readonly path: string;
  readonly message: string;
}

/** `bench.yaml:12:3`. */
export function renderPlace({ file, line, column }: Place): string {
  return `${file}:${line}:${column}`;
}

/** `bench.yaml:12:3: error: export.relay.config.line: Expected an integer, got "twelve"`, the severity on request. */
export function renderProblem({ severity, place, path, message }: Problem, withSeverity = false): string {
  return [renderPlace(place), withSeverity && severity, path, message].filter(Boolean).join(": ");
}

/** Makes one error of all the errors among the problems, or returns when there is none. */
export function throwProblems(problems: readonly Problem[]): void {
  const errors = problems.filter((problem) => problem.severity === "error");
  if (errors.length === 0) return;
  throw new JumpstarterError("invalid_argument", errors.map((problem) => renderProblem(problem)).join("\n"), {
    phase: "config",
  });
}
