/**
 * Writes the program's own commands as completion reads them.
 *
 *     deno run -A scripts/completion.ts            write them
 *     deno run -A scripts/completion.ts --check    write nothing; fail where they are stale
 *
 * @module
 */
import { join } from "node:path";
import { describeCommand } from "../lib/cli/completion/describe.ts";
import { wholeProgram } from "../lib/cli/main.ts";

const file = "lib/cli/completion/program.json";
const path = join(import.meta.dirname!, "..", file);

const text = `${JSON.stringify(describeCommand(await wholeProgram()), null, 2)}\n`;
const present = await Deno.readTextFile(path).catch(() => "");
if (JSON.stringify(JSON.parse(present || "null")) !== JSON.stringify(JSON.parse(text))) {
  if (Deno.args.includes("--check")) {
    console.error(`Stale, run deno task generate: ${file}`);
    Deno.exit(1);
  }
  await Deno.writeTextFile(path, text);
}
