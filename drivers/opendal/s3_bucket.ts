/** A bucket of S3 by its requests, each with a signature. @module */
import { createHash } from "node:crypto";
import { AwsV4Signer } from "aws4fetch";
import { notFound, type PresignedRequest, storageError } from "../../lib/interfaces/storage_service/backend.ts";
import type { ByteSource } from "../../lib/core/byte_stream.ts";
import { JumpstarterError } from "../../lib/core/errors.ts";
import { pause } from "../../lib/core/limit.ts";
import { type Answer, refusal } from "../../lib/streams/http1/request.ts";
import { answerOf } from "./http.ts";
import { parseListing, rootOf, textsOf } from "./s3_xml.ts";

/** Where the files are, and who reads and writes them. */
export interface BucketOptions {
  readonly bucket: string;
  readonly region: string;
  /** Scheme, host and port of the service. */
  readonly endpoint?: string;
  /** Goes before every path. */
  readonly root?: string;
  readonly access_key_id: string;
  readonly secret_access_key: string;
  readonly session_token?: string;
  /** `true` puts the bucket into the host's name instead of the path. */
  readonly enable_virtual_host_style?: string;
}

/** How long the service may be silent, in milliseconds: by itself, and for each byte that it is sent before it answers. */
const limitMs = { itself: 120_000, byte: 0.01 };

/** Statuses of a service that wants to be asked again later. */
const busy = [429, 500, 503];

/** Pauses before a service that is busy is asked again, in milliseconds. */
const pausesMs = [200, 500, 1_000];

/** The longest document that is read, in bytes; a listing has a thousand keys of 1 KiB at most. */
const maxDocumentBytes = 16 * 1024 * 1024;

type Query = Readonly<Record<string, string>>;

/** What is sent along with a request. */
interface More {
  readonly query?: Query;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array<ArrayBuffer> | string;
}

/** The files of a bucket, or those below its root. */
export class Bucket {
  readonly #options: BucketOptions;
  readonly #base: string;
  /** Before every key, without a slash at its start. */
  readonly #root: string;
  /** Keys that were made for signing. */
  readonly #keys = new Map<string, ArrayBuffer>();

  constructor(options: BucketOptions) {
    const { bucket, region, root = "", endpoint = `https://s3.${region}.amazonaws.com` } = options;
    this.#options = options;
    const [, scheme, host] = /^(https?:\/\/)([^/]*)/i.exec(endpoint)!;
    const isHost = options.enable_virtual_host_style === "true";
    this.#base = isHost ? `${scheme}${bucket}.${host}` : `${scheme}${host}/${bucket}`;
    this.#root = `${root}/`.replace(/\/+/g, "/").replace(/^\//, "");
  }

  /**
   * Sends a request of whose answer only the head matters.
   *
   * @throws {JumpstarterError} `unknown`, as all failures of a storage.
   */
  async act(method: string, path: string, more: More = {}): Promise<Headers> {
    return (await this.#send(method, this.#root + path, more)).headers;
  }

  /** What the service tells of a file, or nothing where there is none. */
  async head(path: string): Promise<Answer["response"] | undefined> {
    const { connection, response } = await this.#look("HEAD", path, {});
    connection.close();
    const { status, reason } = response;
    if (status === 404) return undefined;
    if (!refusal(response)) return response;
    throw refused(`HEAD of ${this.#root + path}`, status, reason);
  }

  /** Asks for a file from there on. */
  async read(path: string, from: number): Promise<Answer> {
    const answer = await this.#look("GET", path, from > 0 ? { range: `bytes=${from}-` } : {});
    const { status, reason, body } = answer.response;
    if (!refusal(answer.response)) return answer;
    try {
      if (status === 404) throw notFound(path);
      throw refused(`GET of ${this.#root + path}`, status, reason, await textOf(piecesOf(body)));
    } finally {
      answer.connection.close();
    }
  }

  /** What is in a folder, a thousand paths at a time; with a delimiter nothing of the folders in it. */
  async list(folder: string, delimiter: string | undefined, after: string | undefined, limit = 1_000) {
    const query = {
      "list-type": "2",
      prefix: this.#root + folder,
      "max-keys": `${limit}`,
      ...delimiter !== undefined && { delimiter },
      ...after !== undefined && { "continuation-token": after },
    };
    const { text } = await this.#send("GET", "", { query });
    const { keys, folders, next } = parseListing(text);
    const relative = (key: string) => key.slice(this.#root.length);
    return { keys: keys.map(relative), folders: folders.map(relative), next };
  }

  /** Sends a request whose answer is a document, which may be an error in spite of the status. */
  async document(method: string, path: string, more: More): Promise<string> {
    const { text } = await this.#send(method, this.#root + path, more);
    const root = rootOf(text);
    if (root !== undefined && root !== "Error") return text;
    throw storageError("Unexpected", `${method} of ${path}: ${why(text) ?? "no answer that is known"}`);
  }

  copySource(path: string): string {
    return `/${this.#options.bucket}/${encoded(this.#root + path)}`;
  }

  async presign(method: string, path: string, expireSecond: number): Promise<PresignedRequest> {
    const url = this.#url(this.#root + path, { "X-Amz-Expires": `${expireSecond}` });
    const signed = await this.#sign({ method, url, signQuery: true });
    return { url: signed.url.href, method, headers: {} };
  }

  /** Files are read as they are stored, also those that are labelled as encoded, which `fetch` would unpack. */
  async #look(method: "GET" | "HEAD", path: string, headers: Readonly<Record<string, string>>): Promise<Answer> {
    const ask = async () => {
      const signed = await this.#signed(method, this.#root + path, { headers });
      const answer = await answerOf(method, signed.url.href, Object.fromEntries(signed.headers));
      return { ...answer, status: answer.response.status };
    };
    return await askedAgain(ask, ({ connection }) => connection.close());
  }

  async #signed(method: string, key: string, { query = {}, headers = {}, body }: More) {
    return await this.#sign({
      method,
      url: this.#url(key, query),
      headers: { ...headers, "x-amz-content-sha256": createHash("sha256").update(body ?? "").digest("hex") },
    });
  }

  async #send(method: string, key: string, more: More): Promise<{ headers: Headers; text: string }> {
    const what = `${method} of ${key || "the bucket"}`;
    const { ok, status, statusText, headers, text } = await askedAgain(() => this.#exchange(method, key, more, what));
    if (ok) return { headers, text };
    throw refused(what, status, statusText, text);
  }

  async #exchange(method: string, key: string, more: More, what: string) {
    const signed = await this.#signed(method, key, more);
    const { body } = more;
    const limit = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const wait = (ms: number) => {
      clearTimeout(timer);
      timer = setTimeout(() => limit.abort(new Error("It does not answer")), ms);
    };
    // The body of a large file takes longer than the answer.
    wait(limitMs.itself + limitMs.byte * (body?.length ?? 0));
    try {
      const response = await fetch(signed.url, { method, headers: signed.headers, body, signal: limit.signal });
      const { ok, status, statusText, headers } = response;
      return { ok, status, statusText, headers, text: await textOf(response.body ?? [], () => wait(limitMs.itself)) };
    } catch (error) {
      if (error instanceof JumpstarterError) throw error;
      throw storageError("Unexpected", `${what}: ${(error as Error).message}`, error);
    } finally {
      clearTimeout(timer);
    }
  }

  #url(key: string, query: Query): string {
    const words = Object.entries(query).map((pair) => pair.map(encodeURIComponent).join("="));
    return `${this.#base}/${encoded(key)}${words.length > 0 ? `?${words.join("&")}` : ""}`;
  }

  #sign(request: { method: string; url: string; headers?: Record<string, string>; signQuery?: boolean }) {
    const { access_key_id, secret_access_key, session_token, region } = this.#options;
    return new AwsV4Signer({
      ...request,
      accessKeyId: access_key_id,
      secretAccessKey: secret_access_key,
      sessionToken: session_token,
      region,
      service: "s3",
      cache: this.#keys,
    }).sign();
  }
}

/** Asks until the service is not busy, a few times. Whatever is asked of it may be asked twice. */
async function askedAgain<T extends { status: number }>(
  ask: () => Promise<T>,
  drop: (answer: T) => void = () => {},
): Promise<T> {
  for (const pauseMs of pausesMs) {
    const answer = await ask();
    if (!busy.includes(answer.status)) return answer;
    drop(answer);
    await pause(pauseMs);
  }
  return await ask();
}

async function* piecesOf(source: ByteSource): AsyncGenerator<Uint8Array> {
  for (let piece = await source.next(); piece; piece = await source.next()) yield piece;
}

async function textOf(
  pieces: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  onPiece?: () => void,
): Promise<string> {
  let size = 0;
  const decoder = new TextDecoder();
  let text = "";
  for await (const chunk of pieces) {
    onPiece?.();
    size += chunk.length;
    if (size > maxDocumentBytes) {
      throw storageError("Unexpected", `The service answers with over ${maxDocumentBytes} bytes`);
    }
    text += decoder.decode(chunk, { stream: true });
  }
  return text;
}

/** A path as S3's signatures have it. */
function encoded(key: string): string {
  const hex = (character: string) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`;
  return key.split("/").map((one) => encodeURIComponent(one).replace(/[!'()*]/g, hex)).join("/");
}

function refused(what: string, status: number, reason: string, text = ""): JumpstarterError {
  const kind = status === 401 || status === 403 ? "PermissionDenied" : "Unexpected";
  return storageError(kind, `${what}: ${why(text) ?? `${status} ${reason}`}`);
}

/** What an error of S3 says, if it is one. */
function why(text: string): string | undefined {
  if (rootOf(text) !== "Error") return undefined;
  const [code] = textsOf(text, "Code");
  const [message] = textsOf(text, "Message");
  return [code, message].filter(Boolean).join(": ");
}
