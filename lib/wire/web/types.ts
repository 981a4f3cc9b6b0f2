/** HTTP beside gRPC, whichever version carries it: a request, and the function that answers it. @module */
import type { Connection } from "../../contract/method.ts";

/** A request. Its shape is that of Connect's universal handlers. */
export interface WebRequest {
  readonly httpVersion: "1.1" | "2";
  readonly method: string;
  /** Absolute, by {@linkcode urlOf}. */
  readonly url: string;
  readonly header: Headers;
  /** It is charged to the unread messages as it arrives, until {@linkcode taken}. */
  readonly body: AsyncIterable<Uint8Array>;
  /** Says that a message has been made of what was read of the body. */
  readonly taken: () => void;
  /** Aborts when the caller goes away. */
  readonly signal: AbortSignal;
}

/** A response. */
export interface WebResponse {
  readonly status: number;
  readonly header?: Headers;
  readonly body?: AsyncIterable<Uint8Array>;
}

/** Answers requests. It does not reject. */
export type WebHandler = (request: WebRequest) => Promise<WebResponse>;

/** Answers requests of any connection. It does not reject. */
export type ConnectionWebHandler = (request: WebRequest, connection: Connection) => Promise<WebResponse>;

/** A request's URL. Its host is what the caller believes it speaks to, or `invalid` where that is no host at all. */
export function urlOf(scheme: string, host: string, pathAndQuery: string): string {
  const origin = `${scheme}://${host}`;
  const isHost = URL.canParse(origin) && new URL(origin).href === `${new URL(origin).origin}/`;
  return `${isHost ? origin : `${scheme}://invalid`}${pathAndQuery.startsWith("/") ? pathAndQuery : "/"}`;
}
