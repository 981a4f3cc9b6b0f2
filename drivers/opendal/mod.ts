/** Storage services by the names that Apache OpenDAL has for them. @module */
import { createHash } from "node:crypto";
import * as z from "zod";
import { defineDriver } from "../../lib/contract/driver.ts";
import { JumpstarterError } from "../../lib/core/errors.ts";
import { storage } from "../../lib/interfaces/storage.ts";
import { type Backend, capabilityOf, notFound, storageError } from "./backend.ts";
import { CreatedPaths } from "./created.ts";
import { openFolder } from "./fs.ts";
import { openHttp } from "./http.ts";
import { openMemory } from "./memory.ts";
import { OpenFiles } from "./open_files.ts";
import { isFolder, parentOf, storagePath } from "./path.ts";

const schemes = {
  fs: z.strictObject({ root: z.string().min(1).describe("A folder of the exporter, made where it is missing") }),
  memory: z.strictObject({}),
  http: z.strictObject({
    endpoint: z.url({ protocol: /^https?$/ }).describe("Scheme, host and port of the web server"),
    root: z.string().optional().describe("Goes before every path"),
    username: z.string().optional().describe("For basic authentication"),
    password: z.string().optional().describe("For basic authentication"),
    token: z.string().optional().describe("For bearer authentication"),
  }),
};

const config = z.object({
  scheme: z.enum(["fs", "memory", "http"]).describe("The service: a folder, memory, or a web server to read from"),
  kwargs: z.record(z.string(), z.string()).default({}).describe(
    "What the service needs: `root` for fs; `endpoint`, and optionally `root`, `username`, `password`, `token` for http",
  ),
  remove_created_on_close: z.boolean().default(false).describe(
    "Remove what was made in a session at its end (fs only)",
  ),
}).superRefine(({ scheme, kwargs }, context) => {
  for (const issue of schemes[scheme].safeParse(kwargs).error?.issues ?? []) {
    context.issues.push({ ...issue, path: ["kwargs", ...issue.path] } as z.core.$ZodRawIssue);
  }
});

async function open({ scheme, kwargs }: z.output<typeof config>): Promise<Backend> {
  if (scheme === "fs") return await openFolder(kwargs.root);
  return scheme === "memory" ? openMemory() : openHttp(schemes.http.parse(kwargs));
}

/** Reads and writes files of a folder or of memory, and reads those of a web server. */
export default defineDriver({
  name: "opendal",
  summary: "Files of a storage service: a folder of the exporter, its memory, or a web server to read from",
  implements: storage,
  config,
  async open({ config, log }) {
    const backend = await open(config);
    const files = new OpenFiles();
    const created = new CreatedPaths();
    const able = <K extends keyof Backend>(action: K): NonNullable<Backend[K]> => {
      const act = backend[action];
      if (act) return act as NonNullable<Backend[K]>;
      throw storageError("Unsupported", `The service ${backend.name} has no ${action}`);
    };
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
    const presign = (what: "stat" | "read", path: string) => able("presign")(what, storagePath(path));
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
        const fd = files.add({ writes: await able("write")(path) });
        created.add(given);
        return fd;
      },
      async fileRead({ fd, dst }) {
        const file = files.reading(fd);
        for (let chunk = await file.read(); chunk; chunk = await file.read()) await dst.bytes.write(chunk);
      },
      async fileWrite({ fd, src }) {
        const file = files.writing(fd);
        for (let chunk = await src.bytes.next(); chunk; chunk = await src.bytes.next()) await file.write(chunk);
      },
      async fileSeek({ fd, pos, whence }) {
        const file = files.reading(fd);
        const from = whence === 0 ? 0 : whence === 1 ? file.position : await file.size();
        if (from + pos < 0) throw new JumpstarterError("out_of_range", "Expected a place after the start of the file");
        await file.seek(from + pos);
        return from + pos;
      },
      fileTell: ({ fd }) => files.reading(fd).position,
      fileClose: ({ fd }) => files.close(fd),
      fileClosed: ({ fd }) => files.isClosed(fd),
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
        await able("copy")(...ends(given));
        created.add(given.target);
      },
      async rename(given) {
        await able("rename")(...ends(given));
        created.forget(given.source);
        created.add(given.target);
      },
      async removeAll({ path }) {
        await able("removeAll")(storagePath(path));
        created.forget(path);
      },
      async createDir({ path: given }) {
        const path = storagePath(given);
        if (!isFolder(path)) throw storageError("NotADirectory", `The path of a folder ends in /, got ${given}`);
        if (path !== "") await able("createDir")(path);
        created.add(given);
      },
      async delete({ path }) {
        await able("delete")(storagePath(path));
        created.forget(path);
      },
      exists: async ({ path }) => await backend.stat(storagePath(path)) !== undefined,
      list: ({ path }) => list(path, false),
      scan: ({ path }) => list(path, true),
      presignStat: ({ path }) => presign("stat", path),
      presignRead: ({ path }) => presign("read", path),
      presignWrite() {
        throw storageError("Unsupported", `The service ${backend.name} has no requests that write`);
      },
      capability: () => capabilityOf(backend),
      getCreatedResources: () => created.all,
      registerPath: ({ path }) => created.add(path),
      async [Symbol.asyncDispose]() {
        await files[Symbol.asyncDispose]();
        if (!config.remove_created_on_close) return;
        if (backend.name === "fs") await created.removeBelow(config.kwargs.root, log);
        else log.warn("created paths are kept", { scheme: backend.name });
      },
    };
  },
});
