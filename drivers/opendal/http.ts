/**
 * Files of a web server, which can be read only. They are read as they are stored, also those that the server labels as
 * encoded, which `fetch` would unpack.
 *
 * @module
 */
import { messageOf } from "../../lib/core/errors.ts";
import {
  type Backend,
  metadataOf,
  notFound,
  type ReadFile,
  storageError,
} from "../../lib/interfaces/storage_service/backend.ts";
import { isFolder } from "../../lib/interfaces/storage_service/path.ts";
import { type Answer, get, refusal } from "../../lib/streams/http1/request.ts";
import { basicAuthorization } from "../../lib/streams/http1/url.ts";

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
  else if (username !== undefined) headers.authorization = basicAuthorization(`${username}:${password ?? ""}`);
  const urlOf = (path: string) => base + path.split("/").map(encodeURIComponent).join("/");
  /** The answer to a request, or nothing where nothing is there. */
  const ask = async (method: "GET" | "HEAD", path: string, more: Record<string, string> = {}) => {
    const answer = await answerOf(method, urlOf(path), { ...headers, ...more });
    const refused = refusal(answer.response);
    if (!refused) return answer;
    answer.connection.close();
    if (answer.response.status === 404) return undefined;
    throw storageError("Unexpected", `${method} of ${urlOf(path)}: ${refused}`);
  };
  const stat = async (path: string) => {
    if (path === "") return metadataOf("folder", 0);
    const answer = await ask("HEAD", path);
    if (!answer) return undefined;
    const { connection, response } = answer;
    connection.close();
    const of = (name: string) => response.headers.get(name) ?? null;
    const kind = isFolder(path) ? "folder" : "file";
    return {
      ...metadataOf(kind, response.size ?? 0, of("content-type")),
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
    stat,
    async read(path) {
      const there = await stat(path);
      if (!there) throw notFound(path);
      const from = async (start: number) => {
        const answer = await ask("GET", path, start > 0 ? { range: `bytes=${start}-` } : {});
        if (!answer) throw notFound(path);
        return answer;
      };
      return new HttpFile(from, there.content_length);
    },
    presign: (what, path) => ({ url: urlOf(path), method: what === "stat" ? "HEAD" : "GET", headers: {} }),
  };
}

/** Asks for a file as it is stored, or for its head. @throws {JumpstarterError} `unknown`, as all failures of a storage. */
export async function answerOf(
  method: "GET" | "HEAD",
  url: string,
  headers: Readonly<Record<string, string>>,
): Promise<Answer> {
  try {
    return await get(url, headers, new AbortController().signal, method);
  } catch (error) {
    throw storageError("Unexpected", messageOf(error), error);
  }
}

/** A file of which one request reads from where it stands. */
export class HttpFile implements ReadFile {
  readonly #ask: (from: number) => Promise<Answer>;
  readonly #size: number;
  #answer?: Answer;
  position = 0;

  constructor(ask: (from: number) => Promise<Answer>, size: number) {
    this.#ask = ask;
    this.#size = size;
  }

  async read(): Promise<Uint8Array | undefined> {
    // There is no range behind the end.
    if (!this.#answer && this.position > 0 && this.position >= this.#size) return undefined;
    this.#answer ??= await this.#begin();
    const chunk = await this.#answer.response.body.next().catch((error) => {
      throw storageError("Unexpected", messageOf(error), error);
    });
    this.position += chunk?.length ?? 0;
    return chunk;
  }

  seek(position: number): void {
    this.close();
    this.position = position;
  }

  size(): number {
    return this.#size;
  }

  close(): void {
    this.#answer?.connection.close();
    this.#answer = undefined;
  }

  async #begin(): Promise<Answer> {
    const answer = await this.#ask(this.position);
    if (this.position === 0 || answer.response.status === 206) return answer;
    // A server without ranges sends it from the start.
    answer.connection.close();
    throw storageError("Unsupported", "The server cannot send a file from the middle");
  }
}
