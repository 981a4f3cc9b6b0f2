/**
 * Private places for sockets, and the socket by which an exporter is found from its config file.
 *
 * @module
 */
import { createHash } from "node:crypto";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { makeOwnFolder } from "../core/own_folder.ts";

/** A folder that only this user can enter, with room for one socket. It is removed when disposed. */
export function privateFolder(): { readonly path: string } & Disposable {
  const path = Deno.makeTempDirSync({ dir: runtimeFolder(), prefix: "jumpstarter-" });
  return { path, [Symbol.dispose]: () => removeQuietly(path) };
}

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

/** Logins that a session was not made for (some of ssh, `su`, a cron job) lack the variable, not the folder. */
function runtimeFolder(): string {
  const usual = `/run/user/${Deno.uid()}`;
  return Deno.env.get("XDG_RUNTIME_DIR") || (isFolder(usual) ? usual : tmpdir());
}

function isFolder(path: string): boolean {
  try {
    return Deno.statSync(path).isDirectory;
  } catch {
    return false;
  }
}

function removeQuietly(path: string): void {
  try {
    Deno.removeSync(path, { recursive: true });
  } catch { /* gone already */ }
}
