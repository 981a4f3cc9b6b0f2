/** A folder out of which files are handed to strangers: nothing outside it, whatever they ask for. @module */

/** A file of a folder, open for reading. */
export interface FoundFile extends Disposable {
  readonly file: Deno.FsFile;
  readonly info: Deno.FileInfo;
  /** Its path in the folder. */
  readonly name: string;
}

/** Why there is none: nothing is there, or what is there is not to be read: a folder, a device, something outside. */
export type NoFile = "missing" | "refused";

/**
 * Opens a file of a folder. The path is relative to the folder, a slash at its beginning included; links may lead to
 * places inside the folder.
 */
export async function openInside(root: string, path: string): Promise<FoundFile | NoFile> {
  const steps = path.split("/").filter((step) => step !== "" && step !== ".");
  if (steps.includes("..") || path.includes("\0")) return "refused";
  const name = steps.join("/");
  try {
    const [inside, real] = await Promise.all([Deno.realPath(root), Deno.realPath(`${root}/${name}`)]);
    if (!real.startsWith(inside === "/" ? inside : `${inside}/`)) return "refused";
    // Opening a pipe would wait for somebody who writes to it.
    if (!(await Deno.stat(real)).isFile) return "refused";
    if (path.endsWith("/")) return "missing";
    const file = await Deno.open(real);
    return { file, info: await file.stat(), name, [Symbol.dispose]: () => file.close() };
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) return "missing";
    if (error instanceof Deno.errors.PermissionDenied) return "refused";
    throw error;
  }
}
