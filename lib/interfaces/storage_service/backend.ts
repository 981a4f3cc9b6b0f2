/** What a storage service does: the part that differs between services. @module */
import { storageAbilities, type StorageAbility, type StorageCapability, type StorageMetadata } from "../storage.ts";
import { JumpstarterError } from "../../core/errors.ts";

/** A file that is read, at a place of its own. */
export interface ReadFile {
  /** Some bytes from where it stands on, good until the next call; `undefined` at the end. */
  read(): Promise<Uint8Array | undefined>;
  /** Where it stands. */
  readonly position: number;
  /** Moves to an offset from the start, which is not negative. */
  seek(position: number): Promise<void> | void;
  /** How long it is. */
  size(): Promise<number> | number;
  close(): Promise<void> | void;
}

/** A file that is written anew. */
export interface WriteFile {
  write(chunk: Uint8Array): Promise<void> | void;
  /** Completes it. */
  close(): Promise<void> | void;
  /** Gives it up: what was there before stays. */
  abort(): Promise<void> | void;
}

/** What others may be let do. */
export type Presignable = "stat" | "read" | "write";

/** A request of HTTP for others to make. */
export interface PresignedRequest {
  url: string;
  method: string;
  headers: Record<string, string>;
}

/** A storage service. Paths are relative to its root, without a slash before them; those of folders end in one. */
export interface Backend {
  readonly name: string;
  /** What it can do; the rest it cannot. */
  readonly abilities: readonly StorageAbility[];
  /** How large the parts may be that a file is sent in, in bytes. */
  readonly partBytes?: { readonly min: number; readonly max: number };
  /** `undefined` where there is nothing of that kind at the path. */
  stat(path: string): Promise<StorageMetadata | undefined> | StorageMetadata | undefined;
  read(path: string): Promise<ReadFile> | ReadFile;
  write?(path: string): Promise<WriteFile> | WriteFile;
  /** A folder's paths as a listing has them, or nothing where there is no folder. */
  list?(folder: string, recursive: boolean): AsyncIterable<string>;
  createDir?(path: string): Promise<void> | void;
  /** Removes a file or an empty folder. Nothing happens where there is none. */
  delete?(path: string): Promise<void> | void;
  /** Removes a file, or a folder with all that is in it. */
  removeAll?(path: string): Promise<void> | void;
  copy?(source: string, target: string): Promise<void> | void;
  rename?(source: string, target: string): Promise<void> | void;
  /** A request for others to make, for that many seconds; one that writes only where it is among the abilities. */
  presign?(what: Presignable, path: string, expireSecond: number): Promise<PresignedRequest> | PresignedRequest;
}

/** Abilities as they travel. */
export function capabilityOf({ abilities, partBytes }: Backend): StorageCapability {
  const booleans = Object.fromEntries(storageAbilities.map((name) => [name, abilities.includes(name)]));
  return {
    ...booleans as Record<StorageAbility, boolean>,
    write_multi_max_size: partBytes?.max ?? null,
    write_multi_min_size: partBytes?.min ?? null,
    write_total_max_size: null,
  };
}

/** The metadata of something of which no more is known. */
export function metadataOf(kind: "file" | "folder", size: number, contentType: string | null = null): StorageMetadata {
  return {
    content_disposition: null,
    content_length: size,
    content_md5: null,
    content_type: contentType,
    etag: null,
    mode: { entry_is_file: kind === "file", entry_is_dir: kind === "folder" },
  };
}

/** A failure of the storage. Python has one status for all of them. */
export function storageError(kind: string, what: string, cause?: unknown): JumpstarterError {
  return new JumpstarterError("unknown", `${kind}: ${what}`, { cause });
}

/** There is nothing at a path. */
export function notFound(path: string, cause?: unknown): JumpstarterError {
  return storageError("NotFound", `There is nothing at ${path || "/"}`, cause);
}
