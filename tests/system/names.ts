/** The program's names in a folder, for scripts that call it as a user does. @module */
import { programWords } from "./program.ts";

/** Makes a folder with `jumpstarter`, `jmp` and `j` and returns its path. */
export function linkNamesOf(folder: string): string {
  const names = `${folder}/names`;
  Deno.mkdirSync(names);
  const line = programWords.map((word) => `'${word}'`).join(" ");
  for (const [name, words] of [["jumpstarter", ""], ["jmp", ""], ["j", " client"]]) {
    Deno.writeTextFileSync(`${names}/${name}`, `#!/bin/sh\nexec ${line}${words} "$@"\n`, { mode: 0o700 });
  }
  return names;
}
