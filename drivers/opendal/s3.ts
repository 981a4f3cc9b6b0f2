/** Files of a bucket of S3, or of a service that speaks its protocol. @module */
import {
  type Backend,
  metadataOf,
  notFound,
  storageError,
  type WriteFile,
} from "../../lib/interfaces/storage_service/backend.ts";
import { isFolder } from "../../lib/interfaces/storage_service/path.ts";
import { HttpFile } from "./http.ts";
import { Bucket, type BucketOptions } from "./s3_bucket.ts";
import { textsOf } from "./s3_xml.ts";

/** How much of a file is sent at once, in bytes; S3 takes at most 10 000 parts. */
const partBytes = 8 * 1024 * 1024;

/** Parts of which one is sent in that size before the size grows, so that a file may have 440 GB. */
const partsOfOneSize = 1_000;

/** How many files may be written at once: each holds a part in memory. */
const maxWriters = 16;

/** Serves the files of a bucket. As in OpenDAL's, folders are there when something is in them, or when they were made. */
export function openS3(options: BucketOptions): Backend {
  const bucket = new Bucket(options);
  let writers = 0;
  const keysBelow = async function* (folder: string, delimiter?: string) {
    let after: string | undefined;
    do {
      const { keys, folders, next } = await bucket.list(folder, delimiter, after);
      yield* [...keys, ...folders].sort();
      after = next;
    } while (after !== undefined);
  };
  const isThere = async (folder: string) => {
    const { keys, folders } = await bucket.list(folder, undefined, undefined, 1);
    return folder === "" || keys.length + folders.length > 0;
  };
  const remove = (path: string) => bucket.act("DELETE", path).then(() => {});
  return {
    name: "s3",
    abilities: [
      ...["stat", "stat_with_if_match", "stat_with_if_none_match"] as const,
      ...["read", "read_with_if_match", "read_with_if_none_match", "read_with_override_cache_control"] as const,
      ...["read_with_override_content_disposition", "read_with_override_content_type"] as const,
      ...["write", "write_can_empty", "write_can_multi"] as const,
      ...["write_with_cache_control", "write_with_content_type", "create_dir", "delete", "copy"] as const,
      ...["list", "list_with_limit", "list_with_start_after", "list_with_recursive"] as const,
      ...["presign", "presign_stat", "presign_read", "presign_write", "shared", "blocking"] as const,
    ],
    partBytes: { min: 5 * 1024 ** 2, max: 5 * 1024 ** 3 },
    async stat(path) {
      if (isFolder(path)) return await isThere(path) ? metadataOf("folder", 0) : undefined;
      const head = await bucket.head(path);
      if (!head) return undefined;
      const of = (name: string) => head.headers.get(name) ?? null;
      return {
        ...metadataOf("file", head.size ?? 0, of("content-type")),
        content_disposition: of("content-disposition"),
        etag: of("etag"),
      };
    },
    async read(path) {
      const head = await bucket.head(path);
      if (!head) throw notFound(path);
      return new HttpFile((from) => bucket.read(path, from), head.size ?? 0);
    },
    write(path) {
      if (writers >= maxWriters) throw storageError("RateLimited", `${maxWriters} files are being written already`);
      writers += 1;
      return new S3File(bucket, path, () => writers -= 1);
    },
    list: (folder, recursive) => keysBelow(folder, recursive ? undefined : "/"),
    createDir: (path) => bucket.act("PUT", path, { body: "" }).then(() => {}),
    delete: remove,
    async removeAll(path) {
      const folder = isFolder(path) ? path : `${path}/`;
      for await (const key of keysBelow(folder)) await remove(key);
      if (!isFolder(path)) await remove(path);
    },
    async copy(source, target) {
      const headers = { "x-amz-copy-source": bucket.copySource(source) };
      await bucket.document("PUT", target, { headers });
    },
    presign: (what, path, expireSecond) =>
      bucket.presign(({ stat: "HEAD", read: "GET", write: "PUT" } as const)[what], path, expireSecond),
  };
}

/** A file that is sent whole where it is small, and in parts where it is not. It is there when it is complete. */
class S3File implements WriteFile {
  readonly #bucket: Bucket;
  readonly #path: string;
  readonly #done: () => void;
  #part = new Uint8Array();
  #size = 0;
  #upload?: string;
  #tags: string[] = [];
  #failure?: { error: unknown };

  constructor(bucket: Bucket, path: string, done: () => void) {
    this.#bucket = bucket;
    this.#path = path;
    this.#done = done;
  }

  async write(chunk: Uint8Array): Promise<void> {
    if (this.#failure) throw this.#failure.error;
    for (let rest = chunk; rest.length > 0;) {
      // Only what has more behind it is a part.
      if (this.#size > 0 && this.#size === this.#part.length) await this.#sendPart();
      if (this.#part.length === 0) this.#part = new Uint8Array(this.#nextPartBytes());
      const fits = rest.subarray(0, this.#part.length - this.#size);
      this.#part.set(fits, this.#size);
      this.#size += fits.length;
      rest = rest.subarray(fits.length);
    }
  }

  async close(): Promise<void> {
    this.#done();
    if (this.#failure) return await this.#giveUp();
    const body = this.#part.subarray(0, this.#size);
    if (this.#upload === undefined) return void await this.#bucket.act("PUT", this.#path, { body });
    if (this.#size > 0) await this.#sendPart();
    const parts = this.#tags.map((tag, at) => `<Part><PartNumber>${at + 1}</PartNumber><ETag>${tag}</ETag></Part>`);
    const query = { uploadId: this.#upload };
    const xml = `<CompleteMultipartUpload>${parts.join("")}</CompleteMultipartUpload>`;
    const complete = this.#bucket.document("POST", this.#path, { query, body: xml });
    await complete.catch((error) => this.#fail(error));
  }

  async abort(): Promise<void> {
    this.#done();
    await this.#giveUp();
  }

  #nextPartBytes(): number {
    return partBytes * (1 + Math.floor(this.#tags.length / partsOfOneSize));
  }

  async #sendPart(): Promise<void> {
    try {
      if (this.#upload === undefined) {
        const text = await this.#bucket.document("POST", this.#path, { query: { uploads: "" } });
        [this.#upload] = textsOf(text, "UploadId");
      }
      const query = { partNumber: `${this.#tags.length + 1}`, uploadId: this.#upload };
      const body = this.#part.subarray(0, this.#size);
      const headers = await this.#bucket.act("PUT", this.#path, { query, body });
      this.#tags.push((headers.get("etag") ?? "").replaceAll('"', "&quot;"));
      this.#size = 0;
      if (this.#nextPartBytes() !== this.#part.length) this.#part = new Uint8Array();
    } catch (error) {
      await this.#fail(error);
    }
  }

  async #fail(error: unknown): Promise<never> {
    this.#failure = { error };
    await this.#giveUp();
    throw error;
  }

  /** Parts of a file that is never completed would be paid for. */
  async #giveUp(): Promise<void> {
    this.#part = new Uint8Array();
    if (this.#upload === undefined) return;
    const query = { uploadId: this.#upload };
    this.#upload = undefined;
    await this.#bucket.act("DELETE", this.#path, { query }).catch(() => {});
  }
}
