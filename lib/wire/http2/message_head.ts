/**
 * Checks header lists (RFC 9113 section 8) and takes their pseudo headers out.
 *
 * @module
 */

import type { HeaderField, HeaderList } from "./hpack_table.ts";

/** A request's header section. */
export interface RequestHead {
  readonly method: string;
  readonly scheme: string;
  readonly path: string;
  /** Whom the request addresses; anything is accepted, old gRPC clients send an escaped path of a unix socket. */
  readonly authority?: string;
  /** All other fields. */
  readonly fields: HeaderList;
}

/** A response's header section. */
export interface ResponseHead {
  readonly status: number;
  /** All other fields. */
  readonly fields: HeaderList;
}

/** Reads a request's header section, or returns `undefined` when it is malformed. */
export function parseRequest(list: HeaderList): RequestHead | undefined {
  let method, scheme, path, authority: string | undefined;
  let at = 0;
  for (; at < list.length && isPseudo(list[at][0]); at++) {
    const [name, value] = list[at];
    if (!isFieldValue(value)) return undefined;
    if (name === ":method" && method === undefined) method = value;
    else if (name === ":scheme" && scheme === undefined) scheme = value;
    else if (name === ":path" && path === undefined) path = value;
    else if (name === ":authority" && authority === undefined) authority = value;
    else return undefined;
  }
  if (!method || !scheme || !path) return undefined;
  const fields = list.slice(at);
  return fields.every(isRegular) ? { method, scheme, path, authority, fields } : undefined;
}

/** Reads a response's header section, or returns `undefined` when it is malformed. */
export function parseResponse(list: HeaderList): ResponseHead | undefined {
  if (list.length === 0 || list[0][0] !== ":status" || !/^[1-9][0-9]{2}$/.test(list[0][1])) return undefined;
  const fields = list.slice(1);
  return fields.every(isRegular) ? { status: Number(list[0][1]), fields } : undefined;
}

/** Whether a list can be trailers: it has no pseudo header and no malformed field. */
export function areTrailers(list: HeaderList): boolean {
  return list.every(isRegular);
}

/** The value of the first field with that name. */
export function fieldValue(fields: HeaderList, name: string): string | undefined {
  for (const field of fields) {
    if (field[0] === name) return field[1];
  }
  return undefined;
}

/** The length that a content-length field promises, in bytes. */
export function contentLength(fields: HeaderList): number | undefined {
  const value = fieldValue(fields, "content-length");
  return value !== undefined && /^[0-9]{1,15}$/.test(value) ? Number(value) : undefined;
}

/** Whether a name can be that of a regular field: a token in lower case. */
export function isFieldName(name: string): boolean {
  return /^[a-z0-9!#$%&'*+\-.^_`|~]+$/.test(name);
}

function isPseudo(name: string): boolean {
  return name.charCodeAt(0) === 0x3a;
}

/** Fields that belong to one HTTP/1.1 connection and make an HTTP/2 message malformed (section 8.2.2). */
const connectionFields = new Set(["connection", "proxy-connection", "keep-alive", "transfer-encoding", "upgrade"]);

function isRegular([name, value]: HeaderField): boolean {
  if (!isFieldName(name) || connectionFields.has(name)) return false;
  if (name === "te" && value !== "trailers") return false;
  return isFieldValue(value);
}

/** NUL, CR and LF are what section 8.2.1 forbids. */
function isFieldValue(value: string): boolean {
  return !/[\0\r\n]/.test(value);
}
