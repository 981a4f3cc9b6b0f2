/** The socket by which an exporter is found from its config file. @module */
import { createHash } from "node:crypto";
import { join } from "node:path";
import { makeOwnFolder, runtimeFolder } from "../core/own_folder.ts";

/**
 * The socket of the exporter that serves a config file, whether it runs or not. It lies in a folder of this user's that
 * nobody else can enter; where that cannot be had, there is none.
 */
export function socketOf(configFile: string): string | undefined {
  const folder = join(runtimeFolder(), `jumpstarter-${Deno.uid() ?? "user"}`);
  if (!makeOwnFolder(folder)) return undefined;
  let path: string;
  try {
    path = Deno.realPathSync(configFile);
  } catch (error) {
    // Nobody else can name what comes through a pipe.
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
  const digest = createHash("sha256").update(path).digest("hex");
  return join(folder, digest.slice(0, 16));
}
