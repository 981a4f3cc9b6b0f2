/** The commands of a storage service: short ones, and those that upstream's client means to have. @module */
import { basename } from "node:path";
import * as z from "zod/mini";
import { type Command, command, type CommandIo } from "../contract/command.ts";
import type { CallOptions } from "../contract/method.ts";
import type { ResourceSink, ResourceSource } from "../contract/resource.ts";
import { sourceOfReadable } from "../core/byte_stream.ts";
import { JumpstarterError, usageError } from "../core/errors.ts";
import { dumpFile, imageFile, imageOptions } from "./image_options.ts";
import type { PresignedRequest, StorageCapability, StorageMetadata } from "./storage.ts";

/** What the commands need of a client. */
interface StorageCalls {
  put(given: { path: string; source: ResourceSource }, options?: CallOptions): Promise<void>;
  get(given: { path: string; target: ResourceSink }, options?: CallOptions): Promise<void>;
  stat(given: { path: string }, options?: CallOptions): Promise<StorageMetadata>;
  hash(given: { path: string; algo?: Algorithm }, options?: CallOptions): Promise<string>;
  copy(given: { source: string; target: string }, options?: CallOptions): Promise<void>;
  rename(given: { source: string; target: string }, options?: CallOptions): Promise<void>;
  removeAll(given: { path: string }, options?: CallOptions): Promise<void>;
  createDir(given: { path: string }, options?: CallOptions): Promise<void>;
  delete(given: { path: string }, options?: CallOptions): Promise<void>;
  exists(given: { path: string }, options?: CallOptions): Promise<boolean>;
  list(given: { path: string }, options?: CallOptions): AsyncIterable<string>;
  scan(given: { path: string }, options?: CallOptions): AsyncIterable<string>;
  presignStat(given: Presigning, options?: CallOptions): Promise<PresignedRequest>;
  presignRead(given: Presigning, options?: CallOptions): Promise<PresignedRequest>;
  presignWrite(given: Presigning, options?: CallOptions): Promise<PresignedRequest>;
  capability(options?: CallOptions): Promise<StorageCapability>;
}

type Algorithm = "sha256" | "md5";

interface Presigning {
  path: string;
  expireSecond: number;
}

const path = z.string().check(z.describe("A path below the storage's root; a folder's ends in /"));
const target = z.string().check(z.describe("The other path below the storage's root"));

const verify = z._default(z.boolean(), false).check(
  z.describe("Do not compare the SHA-256 with the one that the storage has"),
);

/** What a file of this machine is called in the storage, where nobody says. */
function nameOf(local: string): string {
  if (local !== "-" && !local.includes("://")) return basename(local);
  throw usageError("Expected a path in the storage as well: only a file of this machine has a name of its own");
}

/** All commands. */
export function storageCommands(client: StorageCalls): Record<string, Command> {
  const put = (local: string, path: string, options: PutOptions, io: CommandIo) =>
    putFile(client, local, path, options, io);
  const get = (path: string, local: string, io: CommandIo) => getFile(client, path, local, io);
  const copy = between("Copy a file", client.copy);
  const rename = between("Rename a file", client.rename);
  const makeFolder = command(
    "Make a folder, and those that it is in",
    ({ path }, { signal }) => client.createDir({ path: path.endsWith("/") ? path : `${path}/` }, { signal }),
    { args: { path } },
  );
  return {
    ls: command("List what is in a folder", ({ path, recursive }, io) => listFolder(client, path, recursive, io), {
      args: { path: z._default(z.string(), "/").check(z.describe("The folder")) },
      options: { recursive: z._default(z.boolean(), false).check(z.describe("The folders in it as well")) },
      short: { recursive: "r" },
    }),
    stat: command("Tell what there is to know of a file or folder", async ({ path }, { signal, print }) => {
      const { mode, ...rest } = await client.stat({ path }, { signal });
      const value = { ...rest, mode: { is_file: mode.entry_is_file, is_dir: mode.entry_is_dir } };
      print(value, JSON.stringify(value, undefined, 2));
    }, { args: { path } }),
    cat: command("Print a file as it is", ({ path }, io) => get(path, "-", io), { args: { path } }),
    put: command(
      "Write a file of this machine to the storage",
      ({ local, remote = nameOf(local), ...options }, io) => put(local, remote, options, io),
      {
        args: {
          local: imageFile.check(
            z.describe("The file: a path, - for standard input, a URL, or oci://REGISTRY/NAME:TAG"),
          ),
          remote: z.optional(path).check(
            z.describe("Path below the storage's root; left out, the name of the file"),
          ),
        },
        options: { noVerify: verify, sha256: imageOptions.sha256 },
      },
    ),
    get: command(
      "Read a file of the storage into one of this machine",
      ({ remote, local = basename(remote) }, io) => get(remote, local, io),
      {
        args: {
          remote: path,
          local: z.optional(dumpFile).check(
            z.describe("A file, - for standard output, or a URL to upload to; left out, a file of the same name"),
          ),
        },
      },
    ),
    rm: command(
      "Remove a file or an empty folder",
      ({ path, recursive }, { signal }) =>
        recursive ? client.removeAll({ path: notTheRoot(path) }, { signal }) : client.delete({ path }, { signal }),
      {
        args: { path },
        options: { recursive: z._default(z.boolean(), false).check(z.describe("A folder with all that is in it")) },
        short: { recursive: "r" },
      },
    ),
    hash: command("Print the hash of a file", async ({ path, algo }, { signal, print }) => {
      const hash = await client.hash({ path, algo }, { signal });
      print({ path, algo, hash }, hash);
    }, {
      args: { path },
      options: { algo: z._default(z.enum(["sha256", "md5"]), "sha256").check(z.describe("Which one")) },
    }),
    mkdir: makeFolder,
    cp: copy,
    mv: rename,
    exists: command("End with 1 where there is no such file or folder", async ({ path }, { signal, print }) => {
      const exists = await client.exists({ path }, { signal });
      if (!exists) throw new JumpstarterError("not_found", `path ${path} does not exist`, { phase: "driver" });
      print({ path, exists });
    }, { args: { path } }),
    "write-bytes": command("Write standard input to a file of the storage", async ({ path }, io) => {
      if (io.stdinIsTerminal) throw usageError("Expected bytes on standard input, got a terminal");
      const bytes = sourceOfReadable(io.stdin);
      await client.put({ path, source: { bytes, close: () => bytes.close() } }, { signal: io.signal });
    }, { args: { path } }),
    "read-bytes": command("Print a file as it is", ({ path }, io) => get(path, "-", io), { args: { path } }),
    "write-from-path": command(
      "Write a file of this machine to the storage",
      ({ dst, src }, io) => put(src, dst, { noVerify: true }, io),
      { args: { dst: path, src: imageFile } },
    ),
    "read-into-path": command(
      "Read a file of the storage into one of this machine",
      ({ src, dst }, io) => get(src, dst, io),
      { args: { src: path, dst: dumpFile } },
    ),
    copy,
    rename,
    "remove-all": command(
      "Remove a file, or a folder with all that is in it",
      ({ path }, { signal }) => client.removeAll({ path }, { signal }),
      { args: { path } },
    ),
    "create-dir": makeFolder,
    delete: command("Remove a file or an empty folder", ({ path }, { signal }) => client.delete({ path }, { signal }), {
      args: { path },
    }),
    list: listing("List a folder", client.list),
    scan: listing("List a folder and the folders in it", client.scan),
    "presign-stat": presigning("Make a request that tells of a file", client.presignStat),
    "presign-read": presigning("Make a request that reads a file", client.presignRead),
    "presign-write": presigning("Make a request that writes a file", client.presignWrite),
    capability: command("Tell what the storage can do", async (_, { signal, print }) => {
      const value = await client.capability({ signal });
      print(value, JSON.stringify(value, undefined, 2));
    }),
  };
}

interface PutOptions {
  readonly noVerify: boolean;
  readonly sha256?: string;
}

/** A path for `rm -r`. One that a script put together from nothing must not empty the storage. */
function notTheRoot(path: string): string {
  if (path.split("/").some((segment) => segment !== "" && segment !== ".")) return path;
  throw usageError("Refused to remove the whole storage", "remove-all does so where it is meant");
}

async function putFile(
  client: StorageCalls,
  local: string,
  path: string,
  { noVerify, sha256 }: PutOptions,
  io: CommandIo,
): Promise<void> {
  const { signal } = io;
  const { giveImage } = await import("./images.ts");
  // Files are stored as they are.
  const { source, sent, ...known } = await giveImage(local, { compression: "none", from: "exporter", sha256 }, io);
  await client.put({ path, source }, { signal });
  const expected = sent?.sha256() ?? known.sha256;
  if (!noVerify) io.advance({ stage: "verify", bytes: 0 });
  const there = noVerify ? undefined : await client.hash({ path }, { signal });
  const verified = there !== undefined && expected !== undefined;
  if (verified && there !== expected) {
    throw new JumpstarterError("data_loss", `${path} has the SHA-256 ${there}, expected ${expected}`, {
      phase: "driver",
    });
  }
  const bytes = sent?.bytes ?? (await client.stat({ path }, { signal })).content_length;
  const digest = expected ?? there;
  const unproven = there === undefined ? "not compared" : "as it is there, with nothing to compare it with";
  const text = `${sent ? "Wrote" : "The exporter fetched"} ${bytes} bytes, SHA-256 ${digest ?? "unknown"}, ` +
    (verified ? "the same there" : unproven);
  io.print({ path, bytes, sha256: digest, verified }, text);
}

async function getFile(client: StorageCalls, path: string, local: string, io: CommandIo): Promise<void> {
  const { fillFile } = await import("./images.ts");
  const { target, got } = await fillFile(local, { compression: "none" }, io);
  await client.get({ path, target }, { signal: io.signal });
  if (local === "-") return;
  const file = got && { bytes: got.bytes, sha256: got.sha256() };
  io.print(
    { file: local, ...file },
    file ? `Read ${file.bytes} bytes, SHA-256 ${file.sha256}` : `Uploaded to ${local}`,
  );
}

async function listFolder(
  client: StorageCalls,
  path: string,
  recursive: boolean,
  { signal, print }: CommandIo,
): Promise<void> {
  const folder = path.endsWith("/") ? path : `${path}/`;
  let isThere = false;
  for await (const entry of client[recursive ? "scan" : "list"]({ path: folder }, { signal })) {
    isThere = true;
    // Its first entry is the folder itself.
    if (entry !== "/" && entry !== folder.replace(/^\/+/, "")) print(entry, entry);
  }
  if (isThere || folder === "/") return;
  if (!await client.exists({ path }, { signal })) {
    throw new JumpstarterError("not_found", `There is nothing at ${path}`, { phase: "driver" });
  }
  if (path !== folder) print(path, path);
}

function between(summary: string, act: StorageCalls["copy"]): Command {
  return command(summary, ({ source, target }, { signal }) => act({ source, target }, { signal }), {
    args: { source: path, target },
  });
}

function listing(summary: string, list: StorageCalls["list"]): Command {
  return command(summary, async ({ path }, { signal, print }) => {
    for await (const entry of list({ path }, { signal })) print(entry, entry);
  }, { args: { path } });
}

function presigning(summary: string, presign: StorageCalls["presignRead"]): Command {
  return command(summary, async ({ path, expireSecond }, { signal, print }) => {
    const request = await presign({ path, expireSecond }, { signal });
    print(request, JSON.stringify(request, undefined, 2));
  }, {
    args: { path },
    options: { expireSecond: z.int().check(z.positive(), z.describe("For how many seconds it is good")) },
  });
}
