/**
 * The program itself: what it is called, how to start it again, and its short names on a child's PATH.
 *
 * @module
 */
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { shellWord } from "../core/words.ts";

/** Version of the program, as the manifest has it. */
export const version = "0.1.0";

/** The names that the program answers to; `j` stands for `jumpstarter client`. */
export const programNames = ["jumpstarter", "jmp", "j"] as const;
export type ProgramName = (typeof programNames)[number];

/** The name that the program was started by. */
export function programName(): ProgramName {
  const name = process.argv0.split(/[\\/]/).at(-1)?.replace(/\.exe$/, "");
  return programNames.find((known) => known === name) ?? "jumpstarter";
}

/** The words that start this program again: the executable, or Deno with the checkout's entry. */
export function selfCommand(): [string, ...string[]] {
  if (Deno.build.standalone) return [Deno.execPath()];
  return [Deno.execPath(), "run", "-A", fileURLToPath(new URL("../../cli.ts", import.meta.url))];
}

/** Puts the program's names into a folder. */
export function linkNames(folder: string): void {
  for (const name of programNames) {
    if (Deno.build.standalone && Deno.build.os !== "windows") Deno.symlinkSync(Deno.execPath(), join(folder, name));
    else writeScript(folder, name);
  }
}

function writeScript(folder: string, name: ProgramName): void {
  const words = [...selfCommand(), ...(name === "j" ? ["client"] : [])];
  if (Deno.build.os === "windows") {
    const line = words.map((word) => `"${word}"`).join(" ");
    return Deno.writeTextFileSync(join(folder, `${name}.cmd`), `@${line} %*\r\n`);
  }
  const line = words.map(shellWord).join(" ");
  Deno.writeTextFileSync(join(folder, name), `#!/bin/sh\nexec ${line} "$@"\n`, { mode: 0o700 });
}
