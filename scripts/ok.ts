/**
 * The gate: everything that has to hold before a commit.
 *
 *     deno task ok                     all of it
 *     deno task ok --except tests      all but the named steps
 *
 * A step's output is shown when it fails.
 *
 * @module
 */
import { dirname } from "node:path";
import { parseArgs } from "node:util";
import { foldersOfTests } from "./test.ts";

const root = dirname(import.meta.dirname!);
const sources = ["cli.ts", "mod.ts", "drivers", "lib", "scripts", "tests"];

/** The steps by name, cheap ones first: arguments for Deno. */
const steps: Record<string, string[]> = {
  format: ["fmt", "--check", "--quiet"],
  lint: ["lint", "--quiet"],
  types: ["check", "--quiet", ...sources],
  house: ["test", "-A", "--quiet", "--no-check", "tests/house"],
  generated: ["run", "-A", "scripts/generate.ts", "--check"],
  tests: ["run", "-A", "scripts/test.ts", ...foldersOfTests().filter((folder) => folder !== "tests/house")],
};

const { except = [] } = parseArgs({ options: { except: { type: "string", multiple: true } } }).values;
const unknown = except.filter((name) => !Object.hasOwn(steps, name));
if (unknown.length > 0) {
  console.error(`Unknown step ${unknown.join(", ")}; expected ${Object.keys(steps).join(", ")}`);
  Deno.exit(2);
}

let failed = false;
for (const [name, args] of Object.entries(steps)) {
  if (except.includes(name)) continue;
  const started = performance.now();
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), { args, cwd: root }).output();
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  console.log(`${success ? "ok    " : "FAILED"}  ${name.padEnd(9)}  ${seconds.padStart(6)} s`);
  if (success) continue;
  failed = true;
  Deno.stdout.writeSync(stdout);
  Deno.stderr.writeSync(stderr);
}
Deno.exit(failed ? 1 : 0);
