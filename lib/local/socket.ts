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
  const digest = createHash("sha256").update(Deno.realPathSync(configFile)).digest("hex");
  return join(folder, digest.slice(0, 16));
}
