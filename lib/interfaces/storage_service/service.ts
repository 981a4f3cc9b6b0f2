/** What drivers answer that serve files: the storage interface over any backend. @module */
import { createHash } from "node:crypto";
import type { Implementation } from "../../contract/method.ts";
import { JumpstarterError } from "../../core/errors.ts";
import type { storage } from "../storage.ts";
import { type Backend, capabilityOf, notFound, type Presignable, storageError } from "./backend.ts";
import { CreatedPaths } from "./created.ts";
import { OpenFiles } from "./open_files.ts";
import { isFolder, parentOf, storagePath } from "./path.ts";

/** Serves a backend for one session. `atEnd` is told what was made in it, once all its files are closed. */
export function storageService(
  backend: Backend,
  atEnd: (created: CreatedPaths) => void | Promise<void>,
): Implementation<typeof storage.methods> {
  const files = new OpenFiles();
  const created = new CreatedPaths();
  const able = <K extends keyof Backend>(action: K): NonNullable<Backend[K]> => {
    const act = backend[action];
    if (act) return act as NonNullable<Backend[K]>;
    throw storageError("Unsupported", `The service ${backend.name} has no ${action}`);
  };
  /** Whether what is made there is this session's: nothing else was before. Of folders only anything is removed. */
  const isFree = async (path: string) =>
    backend.name !== "fs" || created.isOwn(path) || await backend.stat(storagePath(path)) === undefined;
  const fileOnly = (path: string, what: string) => {
    if (isFolder(path)) throw storageError("IsADirectory", `${what} ${path || "/"} is a folder`);
    return path;
  };
  /** A path without a slash at its end stands for everything that begins with it, as in OpenDAL. */
  async function* list(given: string, recursive: boolean) {
    const path = storagePath(given);
    if (isFolder(path)) return yield* able("list")(path, recursive);
    const parent = parentOf(path);
    for await (const entry of able("list")(parent, recursive)) {
      if (entry.startsWith(path)) yield entry;
    }
  }
  /** Both ends of a copy or rename. */
  const ends = (given: { source: string; target: string }) => {
    const source = fileOnly(storagePath(given.source), "The source");
    const target = fileOnly(storagePath(given.target), "The target");
    if (source === target) throw storageError("IsSameFile", `Both are ${source}`);
    return [source, target] as const;
  };
  const presign = async (what: Presignable, { path, expireSecond }: { path: string; expireSecond: number }) => {
    const request = able("presign");
    if (!backend.abilities.includes(`presign_${what}`)) {
      throw storageError("Unsupported", `The service ${backend.name} has no requests that ${what}`);
    }
    return await request(what, storagePath(path), expireSecond);
  };
  return {
    async open({ path: given, mode }) {
      const path = fileOnly(storagePath(given), "The path");
      files.checkRoom();
      if (mode === "rb") {
        const there = await backend.stat(path);
        if (!there) throw notFound(path);
        if (there.mode.entry_is_dir) throw storageError("IsADirectory", `The path ${path} is a folder`);
        return files.add({ reads: await backend.read(path) });
      }
      const isNew = await isFree(given);
      return files.add({ writes: await able("write")(path), completed: () => created.add(given, isNew) });
    },
    async fileRead({ fd, dst }) {
      const file = files.reading(fd);
      for (let chunk = await file.read(); chunk; chunk = await file.read()) await dst.bytes.write(chunk);
    },
    async fileWrite({ fd, src }) {
      await files.write(fd, async (file) => {
        for (let chunk = await src.bytes.next(); chunk; chunk = await src.bytes.next()) await file.write(chunk);
      });
    },
    async fileSeek({ fd, pos, whence }) {
      const file = files.reading(fd);
      const from = whence === 0 ? 0 : whence === 1 ? file.position : await file.size();
      if (from + pos < 0) throw new JumpstarterError("out_of_range", "Expected a place after the start of the file");
      await file.seek(from + pos);
      return from + pos;
    },
    fileTell: ({ fd }) => files.reading(fd).position,
    fileAbort: ({ fd }) => files.abort(fd),
    fileClose: ({ fd }) => files.close(fd),
    fileClosed: ({ fd }) => files.isClosedAfterWrite(fd),
    fileReadable: ({ fd }) => files.is("reads", fd),
    fileSeekable: ({ fd }) => files.is("reads", fd),
    fileWritable: ({ fd }) => files.is("writes", fd),
    async stat({ path }) {
      const metadata = await backend.stat(storagePath(path));
      if (!metadata) throw notFound(path);
      return metadata;
    },
    async hash({ path, algo }) {
      const file = await backend.read(fileOnly(storagePath(path), "The path"));
      try {
        const hash = createHash(algo);
        for (let chunk = await file.read(); chunk; chunk = await file.read()) hash.update(chunk);
        return hash.digest("hex");
      } finally {
        await file.close();
      }
    },
    async copy(given) {
      const isNew = await isFree(given.target);
      await able("copy")(...ends(given));
      created.add(given.target, isNew);
    },
    async rename(given) {
      await able("rename")(...ends(given));
      const isOwn = created.isOwn(given.source);
      created.forget(given.source);
      created.add(given.target, isOwn);
    },
    async removeAll({ path }) {
      await able("removeAll")(storagePath(path));
      created.forget(path);
    },
    async createDir({ path: given }) {
      const path = storagePath(given);
      if (!isFolder(path)) throw storageError("NotADirectory", `The path of a folder ends in /, got ${given}`);
      const isNew = await isFree(given);
      if (path !== "") await able("createDir")(path);
      created.add(given, isNew);
    },
    async delete({ path }) {
      await able("delete")(storagePath(path));
      created.forget(path);
    },
    exists: async ({ path }) => await backend.stat(storagePath(path)) !== undefined,
    list: ({ path }) => list(path, false),
    scan: ({ path }) => list(path, true),
    presignStat: (given) => presign("stat", given),
    presignRead: (given) => presign("read", given),
    presignWrite: (given) => presign("write", given),
    capability: () => capabilityOf(backend),
    getCreatedResources: () => created.all,
    // It may come from Windows. Whoever names it says that it is theirs to remove.
    registerPath: ({ path }) => created.add(path.replaceAll("\\", "/"), true),
    async [Symbol.asyncDispose]() {
      await files[Symbol.asyncDispose]();
      await atEnd(created);
    },
  };
}
