/** Files of a web server, which can be read only. @module */
import {
  type Backend,
  metadataOf,
  notFound,
  type ReadFile,
  storageError,
} from "../../lib/interfaces/storage_service/backend.ts";
import { isFolder } from "../../lib/interfaces/storage_service/path.ts";

/** Where the files are, and what is sent along. */
export interface HttpOptions {
  /** Scheme, host and port. */
  readonly endpoint: string;
  /** Goes before every path. */
  readonly root?: string;
  readonly username?: string;
  readonly password?: string;
  readonly token?: string;
}

/** Serves the files of a web server. */
export function openHttp({ endpoint, root = "/", username, password, token }: HttpOptions): Backend {
  const base = endpoint.replace(/\/+$/, "") + `/${root}/`.replace(/\/+/g, "/");
  const headers: Record<string, string> = {};
  if (token !== undefined) headers.authorization = `Bearer ${token}`;
  else if (username !== undefined) headers.authorization = `Basic ${btoa(`${username}:${password ?? ""}`)}`;
  const urlOf = (path: string) => base + path.split("/").map(encodeURIComponent).join("/");
  const ask = async (method: string, path: string, more: Record<string, string> = {}) => {
    let response: Response;
    try {
      response = await fetch(urlOf(path), { method, headers: { "accept-encoding": "identity", ...headers, ...more } });
    } catch (error) {
      throw storageError("Unexpected", `${method} of ${urlOf(path)}: ${(error as Error).message}`, error);
    }
    if (response.ok) return response;
    await response.body?.cancel();
    if (response.status === 404) throw notFound(path);
    throw storageError("Unexpected", `${method} of ${urlOf(path)}: ${response.status} ${response.statusText}`);
  };
  const stat = async (path: string) => {
    if (path === "") return metadataOf("folder", 0);
    const response = await ask("HEAD", path);
    const { headers } = response;
    const of = (name: string) => headers.get(name);
    await response.body?.cancel();
    const kind = isFolder(path) ? "folder" : "file";
    return {
      ...metadataOf(kind, Number(of("content-length") ?? 0), of("content-type")),
      content_disposition: of("content-disposition"),
      content_md5: of("content-md5"),
      etag: of("etag"),
    };
  };
  return {
    name: "http",
    abilities: [
      ...["stat", "stat_with_if_match", "stat_with_if_none_match"] as const,
      ...["read", "read_with_if_match", "read_with_if_none_match"] as const,
      ...["presign", "presign_read", "presign_stat", "shared", "blocking"] as const,
    ],
    stat: (path) =>
      stat(path).catch((error) => {
        if (error.message.startsWith("NotFound")) return undefined;
        throw error;
      }),
    async read(path) {
      const { content_length } = await stat(path);
      return new HttpFile((from) => ask("GET", path, from > 0 ? { range: `bytes=${from}-` } : {}), content_length);
    },
    presign: (what, path) => ({ url: urlOf(path), method: what === "stat" ? "HEAD" : "GET", headers: {} }),
  };
}

/** A file of which one request reads from where it stands. */
export class HttpFile implements ReadFile {
  readonly #ask: (from: number) => Promise<Response>;
  readonly #size: number;
  #reader?: ReadableStreamDefaultReader<Uint8Array>;
  position = 0;

  constructor(ask: (from: number) => Promise<Response>, size: number) {
    this.#ask = ask;
    this.#size = size;
  }

  async read(): Promise<Uint8Array | undefined> {
    this.#reader ??= await this.#begin();
    const { value } = await this.#reader.read();
    this.position += value?.length ?? 0;
    return value;
  }

  async seek(position: number): Promise<void> {
    await this.close();
    this.position = position;
  }

  size(): number {
    return this.#size;
  }

  async close(): Promise<void> {
    const reader = this.#reader;
    this.#reader = undefined;
    await reader?.cancel().catch(() => {});
  }

  async #begin(): Promise<ReadableStreamDefaultReader<Uint8Array>> {
    const response = await this.#ask(this.position);
    const reader = (response.body ?? new Blob().stream()).getReader();
    if (this.position === 0 || response.status === 206) return reader;
    // A server without ranges sends it from the start.
    await reader.cancel();
    throw storageError("Unsupported", "The server cannot send a file from the middle");
  }
}
