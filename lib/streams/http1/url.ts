/**
 * URLs as they are written. The runtime's own would decode, encode and shorten parts of them, and the signature of a
 * signed URL covers its very bytes.
 *
 * @module
 */
import { JumpstarterError } from "../../core/errors.ts";
import { withoutBrackets } from "../../core/host_port.ts";

/** A URL in the parts that a request needs. */
export interface RawUrl {
  readonly isSecure: boolean;
  readonly hostname: string;
  readonly port: number;
  /** Host and port as written, for the header `host`. */
  readonly authority: string;
  /** User and password, where the URL has them. */
  readonly credentials?: string;
  /** Path and query. */
  readonly target: string;
}

/**
 * Takes a URL apart.
 *
 * @throws {JumpstarterError} `invalid_argument` for one that is not of http or https, or has no host.
 */
export function splitUrl(url: string): RawUrl {
  const [, scheme, given, rest] = /^(https?):\/\/([^/?#\\]*)([^#]*)/i.exec(url) ?? [];
  const [, userinfo, authority, host, digits] =
    /^(?:(.*)@)?((\[[0-9a-f:.]+\]|[^:@[\]]+)(?::(\d*))?)$/i.exec(given ?? "") ??
      [];
  const isSecure = scheme?.toLowerCase() === "https";
  const port = digits ? Number(digits) : isSecure ? 443 : 80;
  if (!host || port > 65_535) {
    throw new JumpstarterError("invalid_argument", `Expected a URL of http or https with a host, got ${redact(url)}`);
  }
  const path = rest.startsWith("/") ? rest : `/${rest}`;
  return {
    isSecure,
    hostname: withoutBrackets(host),
    port,
    authority,
    credentials: userinfo === undefined ? undefined : decoded(userinfo),
    // What no request line may hold. Whatever is percent-encoded already has none of it.
    target: path.replace(/[^\x21-\x7e]+/g, encodeURIComponent),
  };
}

/** The header of a user and a password, as `user:password` (RFC 7617, in UTF-8). */
export function basicAuthorization(credentials: string): string {
  return `Basic ${new TextEncoder().encode(credentials).toBase64()}`;
}

/**
 * Where a redirect leads: an address of its own as it is written, or one that begins where the other was (RFC 3986 section
 * 5.2.2).
 *
 * @throws {JumpstarterError} `invalid_argument` for one that is not of http or https.
 */
export function redirected(from: string, location: string): string {
  if (/^https?:\/\//i.test(location)) return location;
  const [, other] = /^([a-z][a-z0-9+.-]*):/i.exec(location) ?? [];
  if (other) {
    throw new JumpstarterError("invalid_argument", `Expected a redirect to http or https, got one to ${other}`);
  }
  const [, scheme, authority, path] = /^(https?:)\/\/([^/?#]*)([^?#]*)/i.exec(from)!;
  if (location.startsWith("//")) return scheme + location;
  const [, given, rest] = /^([^?#]*)(.*)$/s.exec(location)!;
  const folder = path.slice(0, path.lastIndexOf("/") + 1) || "/";
  const target = given === "" ? path : withoutDots(given.startsWith("/") ? given : folder + given);
  return `${scheme}//${authority}${target}${rest}`;
}

/** A path without segments of dots; all else stays as it is written. */
function withoutDots(path: string): string {
  const segments: string[] = [];
  const given = path.split("/").slice(1);
  for (const [at, segment] of given.entries()) {
    if (segment === "..") segments.pop();
    if (segment !== "." && segment !== "..") segments.push(segment);
    else if (at === given.length - 1) segments.push("");
  }
  return `/${segments.join("/")}`;
}

/** Whether two URLs are of one scheme, host and port. */
export function sameOrigin(a: string, b: string): boolean {
  const [one, other] = [splitUrl(a), splitUrl(b)];
  return one.isSecure === other.isSecure && one.port === other.port &&
    one.hostname.toLowerCase() === other.hostname.toLowerCase();
}

/** A URL for people: without query and credentials, which may be secrets. */
export function redact(url: string): string {
  return url.replace(/^([a-z]+:\/\/)[^/?#]*@/i, "$1").replace(/#.*$/, "").replace(/\?.*$/, "?[REDACTED]");
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
