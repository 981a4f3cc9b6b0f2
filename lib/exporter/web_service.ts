/**
 * The drivers of a session for callers that do not speak gRPC: JSON for `curl`, gRPC-web and JSON for programs that were
 * made for browsers. Web pages themselves stay outside: whoever can lure a user of the bench to a page must not reach the
 * board by it.
 *
 * @module
 */
import { type Code, JumpstarterError, messageOf, toJumpstarterError } from "../core/errors.ts";
import type { ConnectionWebHandler, WebRequest, WebResponse } from "../wire/web/types.ts";
import type { NativeServices } from "./native_service.ts";
import type { Door } from "./passphrase.ts";

/** Who may come in. */
export interface WebRules {
  /** Left out, everybody who reaches the socket may. */
  readonly door?: Door;
  /** Names by which the exporter may be addressed beside any IP address; left out, by all. */
  readonly names?: ReadonlySet<string>;
  /** A request was let in. */
  onAdmitted(): void;
  /** A page of another site was turned away; of a connection only the first is told. */
  onForeign(why: string): void;
}

/** Answers requests of one connection. */
export function webHandler(native: NativeServices, rules: WebRules): ConnectionWebHandler {
  let isTold = false;
  return async (request, connection) => {
    try {
      try {
        mustBeAddressed(request, rules.names);
        mustNotBeForeign(request);
      } catch (thrown) {
        if (!isTold) rules.onForeign(messageOf(thrown));
        isTold = true;
        throw thrown;
      }
      const { pathname } = new URL(request.url);
      await rules.door?.(pathname, (name) => request.header.get(name) ?? undefined)?.(request.signal);
      rules.onAdmitted();
      const handler = (await native.web()).get(pathname);
      if (!handler) throw new JumpstarterError("unimplemented", `There is no method ${pathname}`);
      return mustBeCall(request) ?? explained(await handler(request, connection));
    } catch (thrown) {
      const { code, message } = toJumpstarterError(thrown);
      return refusal(statuses[code] ?? 500, code, message);
    }
  };
}

/**
 * A page may have its own name point to the exporter (DNS rebinding), and its requests then look like those of the
 * exporter's own pages. They carry that name.
 */
function mustBeAddressed({ url }: WebRequest, names: ReadonlySet<string> | undefined): void {
  if (!names) return;
  const { hostname } = new URL(url);
  if (names.has(hostname.toLowerCase()) || /^(?:\d+(?:\.\d+){3}|\[[0-9a-f:.]+\])$/i.test(hostname)) return;
  throw new JumpstarterError(
    "permission_denied",
    `${JSON.stringify(hostname)} is not a name of this exporter; use its IP address, or one of ${
      [...names].join(", ")
    }`,
  );
}

/** Browsers say from which site a request comes. */
function mustNotBeForeign({ header, url }: WebRequest): void {
  const origin = header.get("origin");
  const site = header.get("sec-fetch-site");
  const isForeign = origin !== null && origin !== new URL(url).origin ||
    site !== null && !["same-origin", "none"].includes(site);
  if (isForeign) throw new JumpstarterError("permission_denied", "Requests from other web sites are not answered");
}

/** A form of any site can send text without asking; these kinds it cannot send. */
const callTypes = /^application\/(?:json|proto|connect\+(?:json|proto)|grpc-web(?:\+proto)?)(?:;|$)/;

function mustBeCall({ method, header }: WebRequest): WebResponse | undefined {
  if (method !== "POST") return refusal(405, "invalid_argument", "Expected a POST request", { allow: "POST" });
  if (callTypes.test(header.get("content-type") ?? "")) return undefined;
  return refusal(415, "invalid_argument", "Expected the content type application/json");
}

/** Connect leaves these without a word. */
function explained(response: WebResponse): WebResponse {
  if (response.status === 415) {
    const message = "Expected the content type application/connect+json: this method answers with a stream";
    return refusal(415, "invalid_argument", message);
  }
  if (response.status === 505) {
    return refusal(505, "unimplemented", "A byte stream needs HTTP/2", { connection: "close" });
  }
  return response;
}

const statuses: Partial<Record<Code, number>> = {
  canceled: 499,
  permission_denied: 403,
  resource_exhausted: 429,
  unauthenticated: 401,
  unimplemented: 404,
};

/** An error as Connect has it: https://connectrpc.com/docs/protocol/#error-end-stream */
function refusal(status: number, code: Code, message: string, fields: Record<string, string> = {}): WebResponse {
  const body = new TextEncoder().encode(`${JSON.stringify({ code, message })}\n`);
  const header = new Headers({ ...fields, "content-type": "application/json", "content-length": String(body.length) });
  return { status, header, body: once(body) };
}

async function* once(chunk: Uint8Array): AsyncGenerator<Uint8Array, void, undefined> {
  yield chunk;
}
