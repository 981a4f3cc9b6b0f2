/** Folders where others may write as well. @module */

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
