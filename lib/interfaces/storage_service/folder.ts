/** A folder of the exporter. @module */
import { dirname, join, resolve } from "node:path";
import { isJumpstarterError, type JumpstarterError, messageOf } from "../../core/errors.ts";
import { createFile, statOf } from "../../streams/file.ts";
import { type Backend, metadataOf, notFound, type ReadFile, storageError } from "./backend.ts";
import { isFolder } from "./path.ts";

/** How much one read asks for, in bytes. */
const readBytes = 256 * 1024;

/** Serves a folder, which is made where it is missing. */
export async function openFolder(root: string): Promise<Backend> {
  const folder = resolve(root);
  await Deno.mkdir(folder, { recursive: true });
  const at = (path: string) => join(folder, path);
  const failing = async <T>(path: string, act: () => Promise<T>): Promise<T> => {
    try {
      return await act();
    } catch (error) {
      throw failureOf(path, error);
    }
  };
  /** Refuses a path at which something is that no file may take the place of. */
  const refuseTaken = async (path: string) => {
    const before = await statOf(at(path));
    if (before) refuseOther(path, before);
  };
  const inside = (target: string) => Deno.mkdir(dirname(at(target)), { recursive: true });

  async function* list(path: string, recursive: boolean): AsyncGenerator<string, void, undefined> {
    const entries = await entriesOf(at(path));
    if (!entries) return;
    yield path || "/";
    for (const { name, isDirectory } of entries) {
      const child = path + name;
      if (!isDirectory) yield child;
      else if (recursive) yield* list(`${child}/`, true);
      else yield `${child}/`;
    }
  }

  return {
    name: "fs",
    abilities: [
      ...["stat", "read", "write", "write_can_multi", "write_can_empty", "write_can_append"] as const,
      ...["create_dir", "delete", "copy", "rename", "list", "shared", "blocking"] as const,
    ],
    async stat(path) {
      try {
        const { isDirectory, size } = await Deno.stat(at(path));
        if (isDirectory) return metadataOf("folder", path === "" ? 0 : size);
        return isFolder(path) ? undefined : metadataOf("file", size);
      } catch (error) {
        if (isMissing(error)) return undefined;
        throw storageError("Unexpected", String(error), error);
      }
    },
    read: (path) =>
      failing(path, async () => {
        refuseOther(path, await Deno.stat(at(path)));
        return new FolderFile(await Deno.open(at(path)));
      }),
    write: (path) =>
      failing(path, async () => {
        await inside(path);
        await refuseTaken(path);
        const { write, end, abort } = await createFile(at(path));
        const close = async () => {
          try {
            await end();
          } catch (error) {
            await abort(error);
            throw error;
          }
        };
        return { write, close, abort: () => abort(undefined) };
      }),
    list,
    createDir: (path) => failing(path, () => Deno.mkdir(at(path), { recursive: true })),
    async delete(path) {
      try {
        await Deno.remove(at(path));
      } catch (error) {
        if ((error as { code?: string }).code === "ENOTEMPTY") {
          throw storageError("Unexpected", `The folder ${path} is not empty`, error);
        }
        if (!isMissing(error)) throw storageError("Unexpected", String(error), error);
      }
    },
    async removeAll(path) {
      if (path !== "") return await removeIfThere(at(path));
      for (const { name } of await entriesOf(folder) ?? []) await removeIfThere(join(folder, name));
    },
    copy: (source, target) =>
      failing(source, async () => {
        if (await isSameFile(at(source), at(target))) return;
        refuseOther(source, await Deno.stat(at(source)));
        await refuseTaken(target);
        await inside(target);
        await Deno.copyFile(at(source), at(target));
      }),
    rename: (source, target) =>
      failing(source, async () => {
        await refuseTaken(target);
        await inside(target);
        await Deno.rename(at(source), at(target));
      }),
  };
}

/** What has failed, by the storage's path: the exporter's own paths say nothing to its clients. */
function failureOf(path: string, error: unknown): JumpstarterError {
  if (isJumpstarterError(error, "unknown")) return error;
  const cause = (error as Error).cause ?? error;
  if (cause instanceof Deno.errors.NotFound) return notFound(path, cause);
  if (cause instanceof Deno.errors.PermissionDenied) {
    return storageError("PermissionDenied", `${path} may not be read or written`, cause);
  }
  const { code } = cause as { code?: string };
  if (code === "EISDIR") return storageError("IsADirectory", `${path} is a folder`, cause);
  if (code === "ENOTDIR" || code === "EEXIST") {
    return storageError("NotADirectory", `${path} is not in a folder`, cause);
  }
  // Behind the number the runtime says which file it was.
  return storageError("Unexpected", `${path}: ${messageOf(cause).replace(/ \(os error \d+\).*$/s, "")}`, cause);
}

/** Refuses what is no file before it is opened: opening a pipe would wait for somebody at its other end. */
function refuseOther(path: string, { isFile, isDirectory }: Deno.FileInfo): void {
  if (isDirectory) throw storageError("IsADirectory", `${path} is a folder`);
  if (!isFile) throw storageError("Unexpected", `${path} is no file`);
}

async function removeIfThere(path: string): Promise<void> {
  const bare = path.replace(/\/+$/, "");
  try {
    // What a link leads to is not in this folder.
    const { isSymlink } = await Deno.lstat(bare);
    await Deno.remove(isSymlink ? bare : path, { recursive: true });
  } catch (error) {
    if (!isMissing(error)) throw storageError("Unexpected", String(error), error);
  }
}

/** Whether two paths lead to one file, which a copy would empty. */
async function isSameFile(one: string, other: string): Promise<boolean> {
  try {
    const [a, b] = await Promise.all([Deno.stat(one), Deno.stat(other)]);
    return a.ino !== null && a.dev === b.dev && a.ino === b.ino;
  } catch {
    return false; // One of them is not there.
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory;
}

/** What is in a folder, by name; `undefined` where there is none. */
async function entriesOf(path: string): Promise<{ name: string; isDirectory: boolean }[] | undefined> {
  try {
    const entries = await Array.fromAsync(Deno.readDir(path));
    return entries.map(({ name, isDirectory }) => ({ name, isDirectory })).sort((a, b) => a.name < b.name ? -1 : 1);
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw storageError("Unexpected", String(error), error);
  }
}

class FolderFile implements ReadFile {
  readonly #file: Deno.FsFile;
  readonly #buffer = new Uint8Array(readBytes);
  position = 0;

  constructor(file: Deno.FsFile) {
    this.#file = file;
  }

  async read(): Promise<Uint8Array | undefined> {
    const count = await this.#file.read(this.#buffer);
    if (count === null) return undefined;
    this.position += count;
    return this.#buffer.subarray(0, count);
  }

  async seek(position: number): Promise<void> {
    this.position = await this.#file.seek(position, Deno.SeekMode.Start);
  }

  async size(): Promise<number> {
    return (await this.#file.stat()).size;
  }

  close(): void {
    this.#file.close();
  }
}
