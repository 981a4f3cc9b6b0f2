/** Files in the exporter's memory, until the session's end. @module */
import {
  type Backend,
  metadataOf,
  notFound,
  type ReadFile,
  storageError,
} from "../../lib/interfaces/storage_service/backend.ts";
import { isFolder } from "../../lib/interfaces/storage_service/path.ts";

/** How much all files together may take, in bytes: it is the exporter's own memory. */
const maxBytes = 256 * 1024 * 1024;

/** What a path costs besides its content, in bytes. */
const entryBytes = 1024;

/** How much one read gives, in bytes. */
const readBytes = 256 * 1024;

/** A storage in memory. As in OpenDAL's, folders are there when something is in them, or when they were made. */
export function openMemory(): Backend {
  // What was made as a folder is there under its path as well, without content.
  const files = new Map<string, Uint8Array>();
  // With what is being written, and what each path costs.
  let total = 0;
  const charge = (bytes: number) => {
    if (total + bytes > maxBytes) {
      throw storageError("RateLimited", `Files in memory may take ${maxBytes} bytes together`);
    }
    total += bytes;
  };
  const remove = (path: string) => {
    const content = files.get(path);
    if (content) total -= content.length + entryBytes;
    files.delete(path);
  };
  const below = (folder: string) => [...files.keys()].filter((path) => path.startsWith(folder)).sort();
  return {
    name: "memory",
    abilities: [
      ...["stat", "read", "write", "write_can_empty", "create_dir", "delete", "list"] as const,
      ...["list_with_recursive", "blocking"] as const,
    ],
    stat(path) {
      if (isFolder(path)) return path === "" || below(path).length > 0 ? metadataOf("folder", 0) : undefined;
      const content = files.get(path);
      return content && metadataOf("file", content.length);
    },
    read(path) {
      const content = files.get(path);
      if (!content) throw notFound(path);
      return new MemoryFile(content);
    },
    write(path) {
      const chunks: Uint8Array[] = [];
      let size = 0;
      charge(entryBytes);
      return {
        write(chunk) {
          charge(chunk.length);
          size += chunk.length;
          // The sender goes on using its buffer.
          chunks.push(chunk.slice());
        },
        abort() {
          total -= size + entryBytes;
        },
        // As in OpenDAL's, the file is there when it is complete.
        close() {
          const content = new Uint8Array(size);
          let at = 0;
          for (const chunk of chunks) {
            content.set(chunk, at);
            at += chunk.length;
          }
          remove(path);
          files.set(path, content);
        },
      };
    },
    async *list(folder, recursive) {
      const seen = new Set<string>();
      for (const path of below(folder)) {
        const rest = path.slice(folder.length);
        const slash = rest.indexOf("/");
        const entry = recursive || slash < 0 ? path : folder + rest.slice(0, slash + 1);
        if (!seen.has(entry)) yield entry;
        seen.add(entry);
      }
    },
    createDir(path) {
      if (files.has(path)) return;
      charge(entryBytes);
      files.set(path, new Uint8Array());
    },
    delete: remove,
    removeAll(path) {
      const folder = isFolder(path) ? path : `${path}/`;
      for (const one of below(folder)) remove(one);
      remove(path);
    },
  };
}

class MemoryFile implements ReadFile {
  readonly #content: Uint8Array;
  position = 0;

  constructor(content: Uint8Array) {
    this.#content = content;
  }

  read(): Promise<Uint8Array | undefined> {
    const chunk = this.#content.subarray(this.position, this.position + readBytes);
    this.position += chunk.length;
    return Promise.resolve(chunk.length > 0 ? chunk : undefined);
  }

  seek(position: number): void {
    this.position = position;
  }

  size(): number {
    return this.#content.length;
  }

  close(): void {}
}
