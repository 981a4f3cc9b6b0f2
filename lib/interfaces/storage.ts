/** Storage services on the exporter: files by paths, in Apache OpenDAL's terms. @module */
import * as z from "zod/mini";
import { isJumpstarterError } from "../core/errors.ts";
import { type Client, defineInterface } from "../contract/interface.ts";
import { neverLent } from "../contract/lending.ts";
import { type CallOptions, serverStreaming, unary } from "../contract/method.ts";
import { resource, type ResourceSink, type ResourceSource } from "../contract/resource.ts";
import { storageCommands } from "./storage_commands.ts";

/** What upstream's native service has no type for. */
const untyped = <S extends z.ZodMiniType>(schema: S): S => schema.check(z.meta({ type: "value" }));

/** What there is to know of a file or folder. */
export const StorageMetadata = z.object({
  content_disposition: z.nullable(z.string()),
  content_length: z.int(),
  content_md5: z.nullable(z.string()),
  content_type: z.nullable(z.string()),
  etag: z.nullable(z.string()),
  mode: z.object({ entry_is_file: z.boolean(), entry_is_dir: z.boolean() }),
});
export type StorageMetadata = z.infer<typeof StorageMetadata>;

/** A request of HTTP that gives access to one file for some time. */
export const PresignedRequest = z.object({
  url: z.string(),
  method: z.string(),
  headers: z.record(z.string(), z.string()),
});
export type PresignedRequest = z.infer<typeof PresignedRequest>;

/** What a service may be able to do. */
export const storageAbilities = [
  ...["stat", "stat_with_if_match", "stat_with_if_none_match"],
  ...["read", "read_with_if_match", "read_with_if_none_match", "read_with_override_cache_control"],
  ...["read_with_override_content_disposition", "read_with_override_content_type"],
  ...["write", "write_can_multi", "write_can_empty", "write_can_append", "write_with_content_type"],
  ...["write_with_content_disposition", "write_with_cache_control"],
  ...["create_dir", "delete", "copy", "rename"],
  ...["list", "list_with_limit", "list_with_start_after", "list_with_recursive"],
  ...["presign", "presign_read", "presign_stat", "presign_write", "shared", "blocking"],
] as const;

export type StorageAbility = typeof storageAbilities[number];

/** What a service can do. All keys are there; sizes are in bytes. */
export const StorageCapability = z.object({
  ...Object.fromEntries(storageAbilities.map((name) => [name, z.boolean()])) as Record<
    StorageAbility,
    z.ZodMiniBoolean
  >,
  write_multi_max_size: z.nullable(z.int()),
  write_multi_min_size: z.nullable(z.int()),
  write_total_max_size: z.nullable(z.int()),
});
export type StorageCapability = z.infer<typeof StorageCapability>;

const path = z.string().check(z.describe("A path below the storage's root; a folder's ends in /"));
const fd = z.string().check(z.describe("The open file, as open gave it"));
const expireSecond = z.int().check(z.positive(), z.describe("For how many seconds it is good"));

const methods = {
  open: unary("Open a file", {
    params: {
      path,
      mode: untyped(z.enum(["rb", "wb"]).check(z.describe("rb reads; wb writes the file anew"))),
    },
    result: z.string(),
  }),
  fileRead: unary("Read from where an open file stands to its end", {
    params: { fd, dst: resource("write", "Where the bytes go") },
  }),
  fileWrite: unary("Write to where an open file stands", { params: { fd, src: resource("read", "The bytes") } }),
  fileSeek: unary("Move to another place of an open file", {
    params: {
      fd,
      pos: z.int().check(z.describe("Bytes, from where whence says")),
      whence: z._default(z.int().check(z.minimum(0), z.maximum(2)), 0).check(
        z.describe("0: the start; 1: where it stands; 2: the end"),
      ),
    },
    result: z.int(),
  }),
  fileTell: unary("Where an open file stands", { params: { fd }, result: z.int() }),
  fileClose: unary("Close an open file", { params: { fd } }),
  fileAbort: unary("Give up a file that is being written: what was there before stays", {
    params: { fd },
    optional: true,
  }),
  fileClosed: unary("Whether a file was closed", { params: { fd }, result: z.boolean() }),
  fileReadable: unary("Whether an open file can be read", { params: { fd }, result: z.boolean() }),
  fileSeekable: unary("Whether an open file can be moved in", { params: { fd }, result: z.boolean() }),
  fileWritable: unary("Whether an open file can be written", { params: { fd }, result: z.boolean() }),
  stat: unary("What there is to know of a file or folder", { params: { path }, result: untyped(StorageMetadata) }),
  hash: unary("The hash of a file, in hexadecimal digits", {
    params: { path, algo: z._default(untyped(z.enum(["sha256", "md5"]).check(z.describe("Which one"))), "sha256") },
    result: z.string(),
  }),
  copy: unary("Copy a file", { params: { source: path, target: path } }),
  rename: unary("Rename a file", { params: { source: path, target: path } }),
  removeAll: unary("Remove a file, or a folder with all that is in it", { params: { path } }),
  createDir: unary("Make a folder, and those that it is in", { params: { path } }),
  delete: unary("Remove a file or an empty folder; one that is not there is removed already", { params: { path } }),
  exists: unary("Whether there is a file or folder", { params: { path }, result: z.boolean() }),
  list: serverStreaming("What is in a folder", { params: { path }, result: untyped(z.string()) }),
  scan: serverStreaming("What is in a folder and the folders in it", { params: { path }, result: untyped(z.string()) }),
  presignStat: unary("A request that tells of a file", {
    params: { path, expireSecond },
    result: untyped(PresignedRequest),
  }),
  presignRead: unary("A request that reads a file", {
    params: { path, expireSecond },
    result: untyped(PresignedRequest),
  }),
  presignWrite: unary("A request that writes a file", {
    params: { path, expireSecond },
    result: untyped(PresignedRequest),
  }),
  capability: unary("What the storage can do", { result: untyped(StorageCapability) }),
  getCreatedResources: unary("Paths that were made in this session", { result: z.array(z.string()) }),
  registerPath: unary("Count a path among those that were made in this session", { params: { path } }),
};

/** Reads and writes files of a storage service. */
export const storage = defineInterface({
  name: "storage",
  summary: "Files of a storage service, such as a folder of the exporter",
  pythonClients: ["jumpstarter_driver_opendal.client.OpendalClient"],
  native: { package: "opendal", service: "Opendal" },
  methods,
  extend: (calls) => ({
    /** Writes a file from a source. What failed in the middle is removed. */
    async put(given: { path: string; source: ResourceSource }, options: CallOptions = {}): Promise<void> {
      const opening = calls.open({ path: given.path, mode: "wb" }, options);
      const fd = await opening.catch((error) => neverLent("read", given.source, error));
      try {
        await calls.fileWrite({ fd, src: given.source }, options);
        await calls.fileClose({ fd }, options);
      } catch (error) {
        await calls.fileAbort({ fd }).catch(async (refused) => {
          // Python's exporters cannot, and have nothing of what was there before.
          if (!isJumpstarterError(refused, "not_found", "unimplemented")) return;
          await calls.fileClose({ fd }).catch(() => {});
          await calls.delete({ path: given.path }).catch(() => {});
        });
        throw error;
      }
    },
    /** Reads a file into a sink. */
    async get(given: { path: string; target: ResourceSink }, options: CallOptions = {}): Promise<void> {
      const opening = calls.open({ path: given.path, mode: "rb" }, options);
      const fd = await opening.catch((error) => neverLent("write", given.target, error));
      try {
        await calls.fileRead({ fd, dst: given.target }, options);
      } finally {
        await calls.fileClose({ fd }).catch(() => {});
      }
    },
  }),
  commands: (client) => storageCommands(client),
});

export type StorageClient = Client<typeof storage>;
