/**
 * Requests by the rules that presigned ones have: redirects are followed by hand, URLs leave as they are written, and
 * secrets do not follow to another origin.
 *
 * @module
 */
import { isJumpstarterError, JumpstarterError, messageOf } from "../../core/errors.ts";
import { HttpConnection, type Response } from "./connection.ts";
import { redact, redirected, sameOrigin, splitUrl } from "./url.ts";

export type Headers = Readonly<Record<string, string>>;

/** How often a GET is sent elsewhere. */
const maxRedirects = 10;
const redirects = [301, 302, 303, 307, 308];

/** Headers that are for the first origin only, by the beginnings of their names. */
const secrets = ["authorization", "cookie", "proxy-authorization", "x-amz-", "x-ms-", "x-goog-"];

/** A response, and where it came from in the end. */
export interface Answer {
  readonly url: string;
  readonly connection: HttpConnection;
  readonly response: Response;
}

/** Asks for a file, or for its head, and follows where it is sent to. What the server answers is the caller's to judge. */
export async function get(
  url: string,
  headers: Headers,
  signal: AbortSignal,
  method: "GET" | "HEAD" = "GET",
): Promise<Answer> {
  let current = url;
  let sent = withDefault(headers, "accept-encoding", "identity");
  for (let count = 0; count <= maxRedirects; count++) {
    const connection = await begin(method, current, sent, signal);
    try {
      const response = await connection.response();
      if (!redirects.includes(response.status)) return { url: current, connection, response };
      connection.close();
      const location = response.headers.get("location");
      if (!location) throw "It redirects without saying where to";
      const next = redirected(current, location);
      if (!sameOrigin(current, next)) sent = withoutSecrets(sent);
      current = next;
    } catch (error) {
      connection.close();
      throw failed(method, current, error, signal);
    }
  }
  throw failed(method, url, `It redirects more than ${maxRedirects} times`, signal);
}

/** Connects and sends the head of a request. */
export async function begin(
  method: string,
  url: string,
  headers: Headers,
  signal: AbortSignal,
): Promise<HttpConnection> {
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

/** What is wrong with a response by its status, or nothing. */
export function refusal({ status, reason }: Response): string | undefined {
  return status >= 200 && status < 300 ? undefined : `The server answers ${[status, reason].filter(Boolean).join(" ")}`;
}

/** Failures that name their request already. */
const told = new WeakSet<object>();

/** The failure of a request: it names the URL without its query, unless the caller has given up or is to blame. */
export function failed(method: string, url: string, why: unknown, signal: AbortSignal): unknown {
  if (told.has(why as object) || isJumpstarterError(why, "invalid_argument")) return why;
  if (signal.aborted) return signal.reason;
  const text = typeof why === "string" ? why : messageOf(why);
  const failure = new JumpstarterError("unknown", `HTTP ${method} of ${redact(url)} failed: ${text}`, { cause: why });
  told.add(failure);
  return failure;
}

/** Headers with one more, where they do not have it. */
export function withDefault(headers: Headers, name: string, value: string): Headers {
  return hasHeader(headers, name) ? headers : { ...headers, [name]: value };
}

/** Whether there is a header of a name, given in lower case. */
export function hasHeader(headers: Headers, name: string): boolean {
  return Object.keys(headers).some((key) => key.toLowerCase() === name);
}

function withoutSecrets(headers: Headers): Headers {
  const isSecret = (name: string) => secrets.some((secret) => name.toLowerCase().startsWith(secret));
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !isSecret(name)));
}
