/**
 * Files from and to web servers, by the rules that presigned requests have: redirects are followed by hand, URLs leave as
 * they are written, and secrets do not follow to another origin.
 *
 * @module
 */
import type { OwnedSink, OwnedSource } from "../../core/byte_stream.ts";
import { isJumpstarterError, JumpstarterError, messageOf } from "../../core/errors.ts";
import { HttpConnection, ownedBody, type Response } from "./connection.ts";
import { redact, redirected, sameOrigin, splitUrl } from "./url.ts";

type Headers = Readonly<Record<string, string>>;

/** How often a GET is sent elsewhere. */
const maxRedirects = 10;
const redirects = [301, 302, 303, 307, 308];

/** Headers that are for the first origin only, by the beginnings of their names. */
const secrets = ["authorization", "cookie", "proxy-authorization", "x-amz-", "x-ms-", "x-goog-"];

/** A file that comes from a web server. */
export interface Download extends OwnedSource {
  /** How long it is, where the server says so. */
  readonly size?: number;
}

/**
 * Begins to read a file, or its `first` bytes only where the server can do that.
 *
 * @throws {JumpstarterError} `unknown` for a server that cannot be reached or refuses, with the URL but without its query.
 */
export async function download(
  url: string,
  headers: Headers,
  signal: AbortSignal,
  first?: number,
): Promise<Download> {
  let current = url;
  let sent = withDefault(headers, "accept-encoding", "identity");
  if (first !== undefined) sent = withDefault(sent, "range", `bytes=0-${first - 1}`);
  for (let count = 0; count <= maxRedirects; count++) {
    const { connection, response } = await ask("GET", current, sent, signal);
    if (!redirects.includes(response.status)) {
      const body = ownedBody(connection, response);
      return {
        size: response.size,
        next: () => body.next().catch((error) => Promise.reject(failed("GET", current, error, signal))),
        close: () => body.close(),
      };
    }
    connection.close();
    const location = response.headers.get("location");
    if (!location) throw failed("GET", current, "It redirects without saying where to", signal);
    const next = redirected(current, location);
    if (!sameOrigin(current, next)) sent = withoutSecrets(sent);
    current = next;
  }
  throw failed("GET", url, `It redirects more than ${maxRedirects} times`, signal);
}

/**
 * Begins to write a file. Its end waits for the server's word.
 *
 * @throws {JumpstarterError} as {@linkcode download}, from each of its methods.
 */
export async function upload(url: string, headers: Headers, signal: AbortSignal): Promise<OwnedSink> {
  const connection = await begin("PUT", url, { ...headers, "Transfer-Encoding": "chunked" }, signal);
  const response = connection.response().then((response) => accepted("PUT", url, response, signal));
  response.catch(() => {});
  // A server that refuses says why, and need not read the rest.
  const send = async (bytes: Uint8Array) => {
    try {
      await connection.write(bytes);
    } catch (error) {
      await response;
      throw failed("PUT", url, error, signal);
    }
  };
  const encoder = new TextEncoder();
  return {
    async write(chunk) {
      if (chunk.length === 0) return;
      await send(encoder.encode(`${chunk.length.toString(16)}\r\n`));
      await send(chunk);
      await send(encoder.encode("\r\n"));
    },
    async end() {
      try {
        await send(encoder.encode("0\r\n\r\n"));
        await response.catch((error) => Promise.reject(failed("PUT", url, error, signal)));
      } finally {
        connection.close();
      }
    },
    abort: () => connection.close(),
  };
}

async function ask(
  method: string,
  url: string,
  headers: Headers,
  signal: AbortSignal,
): Promise<{ connection: HttpConnection; response: Response }> {
  const connection = await begin(method, url, headers, signal);
  try {
    return { connection, response: accepted(method, url, await connection.response(), signal) };
  } catch (error) {
    connection.close();
    throw failed(method, url, error, signal);
  }
}

async function begin(method: string, url: string, headers: Headers, signal: AbortSignal): Promise<HttpConnection> {
  const target = splitUrl(url);
  let connection: HttpConnection | undefined;
  try {
    connection = await HttpConnection.open(target, signal);
    await connection.sendHead(method, target, headers);
    return connection;
  } catch (error) {
    connection?.close();
    throw failed(method, url, error, signal);
  }
}

function accepted(method: string, url: string, response: Response, signal: AbortSignal): Response {
  const { status, reason } = response;
  if (status < 400) return response;
  throw failed(method, url, `The server answers ${[status, reason].filter(Boolean).join(" ")}`, signal);
}

/** Failures that name their request already. */
const told = new WeakSet<object>();

function failed(method: string, url: string, why: unknown, signal: AbortSignal): unknown {
  if (told.has(why as object) || isJumpstarterError(why, "invalid_argument")) return why;
  if (signal.aborted) return signal.reason;
  const text = typeof why === "string" ? why : messageOf(why);
  const failure = new JumpstarterError("unknown", `HTTP ${method} of ${redact(url)} failed: ${text}`, { cause: why });
  told.add(failure);
  return failure;
}

function withDefault(headers: Headers, name: string, value: string): Headers {
  return Object.keys(headers).some((key) => key.toLowerCase() === name) ? headers : { ...headers, [name]: value };
}

function withoutSecrets(headers: Headers): Headers {
  const isSecret = (name: string) => secrets.some((secret) => name.toLowerCase().startsWith(secret));
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !isSecret(name)));
}
