/** `jumpstarter version`. @module */
import { Command as Commander } from "commander";
import { printLine } from "./output.ts";
import { version } from "./self.ts";

/** The command. */
export function versionCommand(): Commander {
  return new Commander("version")
    .description("Print the version of the program and of its runtime.")
    .option("--json", "print JSON")
    .action(({ json }: { json?: boolean }) => {
      const { deno, v8 } = Deno.version;
      const { target } = Deno.build;
      printLine(
        json ? JSON.stringify({ version, deno, v8, target }) : `jumpstarter ${version} (Deno ${deno}, ${target})`,
      );
    });
}
