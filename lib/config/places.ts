/** Where configs are kept, and how files are named after aliases. @module */
import { homedir } from "node:os";
import { isAbsolute, join } from "node:path";
import { JumpstarterError } from "../core/errors.ts";

/** The folder of this user's configs: `JMP_CLIENT_CONFIG_HOME`, else `jumpstarter` in the XDG config folder. */
export function configFolder(): string {
  const own = Deno.env.get("JMP_CLIENT_CONFIG_HOME");
  const xdg = Deno.env.get("XDG_CONFIG_HOME");
  return own || join(xdg && isAbsolute(xdg) ? xdg : join(homedir(), ".config"), "jumpstarter");
}

/** The folder of what this user's programs keep for themselves: `jumpstarter` in the XDG state folder. */
export function stateFolder(): string {
  const xdg = Deno.env.get("XDG_STATE_HOME");
  return join(xdg && isAbsolute(xdg) ? xdg : join(homedir(), ".local", "state"), "jumpstarter");
}

/** The user's file, which names the current client. */
export function userFile(): string {
  return join(configFolder(), "config.yaml");
}

/** The folder of clients' files. */
export function clientsFolder(): string {
  return join(configFolder(), "clients");
}

/** The folders of exporters' files: the user's own, whose files win, and the machine's. */
export function exporterFolders(): [own: string, system: string] {
  return [join(configFolder(), "exporters"), join("/etc/jumpstarter", "exporters")];
}

/**
 * The file of a client by its alias, whether it is there or not.
 *
 * @throws {JumpstarterError} `invalid_argument` for an alias that cannot name a file of the folder.
 */
export function clientFile(alias: string): string {
  checkAlias(alias, "client");
  return join(clientsFolder(), `${alias}.yaml`);
}

/** Whether a word can name a file: it cannot lead out of its folder. */
export function isAlias(word: string): boolean {
  return word !== "" && word !== "." && word !== ".." && !/[/\\\0]/.test(word);
}

/** Refuses an alias that could lead out of its folder. */
export function checkAlias(alias: string, kind: "client" | "exporter"): void {
  if (isAlias(alias)) return;
  throw new JumpstarterError(
    "invalid_argument",
    `Invalid ${kind} alias ${JSON.stringify(alias)}: Expected a name without path separators`,
    { phase: "usage" },
  );
}

/** The `.yaml` files of a folder, hidden ones aside, sorted. A folder that is not there has none. */
export function yamlFilesIn(folder: string): string[] {
  try {
    const names = [...Deno.readDirSync(folder)].map(({ name }) => name);
    return names.filter((name) => /^[^.].*\.yaml$/.test(name)).sort().map((name) => join(folder, name));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}

/**
 * The file of an exporter by its alias: the user's own, else the machine's.
 *
 * @throws {JumpstarterError} `invalid_argument` for an alias that could leave the folder, `not_found` without a file.
 */
export function exporterFile(alias: string): string {
  checkAlias(alias, "exporter");
  const candidates = exporterFolders().map((folder) => join(folder, `${alias}.yaml`));
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
