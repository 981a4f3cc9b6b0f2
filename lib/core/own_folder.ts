/** Folders that are this user's alone. @module */
import { tmpdir } from "node:os";

/**
 * Where what only this user can reach is kept for as long as somebody is logged in. Logins that a session was not made
 * for (some of ssh, `su`, a cron job) lack the variable, not the folder, or have that of somebody else.
 */
export function runtimeFolder(): string {
  return [Deno.env.get("XDG_RUNTIME_DIR"), `/run/user/${Deno.uid()}`].find(isOwn) ?? tmpdir();
}

/** A new folder that only this user can enter. It is removed when disposed. */
export function privateFolder(): { readonly path: string } & Disposable {
  const path = Deno.makeTempDirSync({ dir: runtimeFolder(), prefix: "jumpstarter-" });
  return { path, [Symbol.dispose]: () => removeQuietly(path) };
}

/** Makes a folder, or makes sure that the one that is there is this user's alone: anybody could have put it there. */
export function makeOwnFolder(path: string): boolean {
  try {
    Deno.mkdirSync(path, { mode: 0o700 });
  } catch (error) {
    if (!(error instanceof Deno.errors.AlreadyExists)) return false;
  }
  const { isDirectory, uid, mode } = Deno.lstatSync(path);
  return isDirectory && (Deno.build.os === "windows" || (uid === Deno.uid() && ((mode ?? 0) & 0o077) === 0));
}

function isOwn(path: string | undefined): boolean {
  try {
    if (!path) return false;
    const { isDirectory, uid } = Deno.statSync(path);
    return isDirectory && uid === Deno.uid();
  } catch {
    return false;
  }
}

function removeQuietly(path: string): void {
  try {
    Deno.removeSync(path, { recursive: true });
  } catch { /* gone already */ }
}
