/** Where configs are kept. @module */
import { homedir } from "node:os";
import { join } from "node:path";
import { JumpstarterError } from "../core/errors.ts";

/** The folder of this user's configs: `JMP_CLIENT_CONFIG_HOME`, else `jumpstarter` in the XDG config folder. */
export function configFolder(): string {
  const own = Deno.env.get("JMP_CLIENT_CONFIG_HOME");
  return own || join(Deno.env.get("XDG_CONFIG_HOME") || join(homedir(), ".config"), "jumpstarter");
}

/**
 * The file of an exporter by its alias: the user's own, else the machine's.
 *
 * @throws {JumpstarterError} `invalid_argument` for an alias that could leave the folder, `not_found` without a file.
 */
export function exporterFile(alias: string): string {
  if (alias === "" || alias === "." || alias === ".." || /[/\\]/.test(alias)) {
    throw new JumpstarterError(
      "invalid_argument",
      `Invalid exporter alias ${JSON.stringify(alias)}: Expected a name without path separators`,
      { phase: "usage" },
    );
  }
  const candidates = [configFolder(), "/etc/jumpstarter"].map((folder) => join(folder, "exporters", `${alias}.yaml`));
  const found = candidates.find((file) => {
    try {
      return Deno.statSync(file).isFile;
    } catch {
      return false;
    }
  });
  if (found) return found;
  throw new JumpstarterError("not_found", `There is no exporter "${alias}": looked for ${candidates.join(" and ")}`, {
    phase: "config",
    hint: "jumpstarter exporter init > bench.yaml, then jumpstarter exporter run bench.yaml",
  });
}
