/** The board that `board use` chose, found without a YAML parser: completion asks for it at every TAB. @module */
import { join } from "node:path";
import { configFolder } from "./places.ts";

/** Its name, if one was chosen. */
export function currentBoard(): string | undefined {
  try {
    const text = Deno.readTextFileSync(join(configFolder(), "boards.yaml"));
    // `board add` accepts no name with other characters.
    return /^current:[ \t]*(["']?)([A-Za-z0-9][\w.-]*)\1[ \t]*$/m.exec(text)?.[2];
  } catch {
    return undefined;
  }
}
