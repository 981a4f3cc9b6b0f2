/** Results in upstream's forms: a table, JSON, YAML or names with `-o`, and one line of JSON with `--json`. @module */
import { type Command as Commander, Option } from "commander";
import { dumpYaml } from "../config/python_yaml.ts";
import { JumpstarterError } from "../core/errors.ts";
import { printLine, writeOut } from "./output.ts";

/** The flags that choose a form. */
export interface OutputFlags {
  output?: "json" | "yaml" | "name" | "path";
  json?: boolean;
}

/** Some objects of one kind, in all forms. */
export interface Listing {
  /** What JSON and YAML show. */
  readonly model: Readonly<Record<string, unknown>>;
  readonly names: readonly string[];
  readonly columns: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

/** Adds the flags of a command that lists something. */
export function addListOptions(command: Commander): Commander {
  const forms = ["json", "yaml", "name"];
  return command
    .addOption(new Option("-o, --output <form>", "print JSON, YAML or names instead of a table").choices(forms))
    .option("--json", "print one line of JSON");
}

/** Adds the flags of a command that changes a file. */
export function addPathOptions(command: Commander): Commander {
  return command
    .addOption(new Option("-o, --output <form>", "print the file's path").choices(["path"]))
    .option("--json", "print the file's path as JSON");
}

/** Prints a listing. */
export function printListing({ model, names, columns, rows }: Listing, { output, json }: OutputFlags): void {
  if (json) printLine(JSON.stringify(model));
  else if (output === "json") printLine(JSON.stringify(model, null, 4));
  else if (output === "yaml") writeOut(dumpYaml(model, { sortKeys: true }));
  else if (output === "name") writeOut(names.map((name) => `${name}\n`).join(""));
  else if (rows.length === 0) printLine("No resources found.");
  else writeOut(table([columns, ...rows]));
}

/** Fails with what is wrong with some files, after the others were listed. */
export function throwAll(errors: readonly JumpstarterError[]): void {
  if (errors.length === 0) return;
  throw new JumpstarterError("invalid_argument", errors.map(({ message }) => message).join("\n"), { phase: "config" });
}

/** Prints the path of a file that was changed, for those who asked. */
export function printPath(path: string, { output, json }: OutputFlags): void {
  if (json) printLine(JSON.stringify({ path }));
  else if (output === "path") printLine(path);
}

function table(rows: readonly (readonly string[])[]): string {
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)));
  const line = (row: readonly string[]) => row.map((cell, column) => cell.padEnd(widths[column])).join("  ").trimEnd();
  return rows.map((row) => `${line(row)}\n`).join("");
}
