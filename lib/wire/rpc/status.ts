/**
 * A call's outcome on the wire: `grpc-status`, `grpc-message`, and what HTTP's own status means where they are missing
 * (gRPC's `PROTOCOL-HTTP2.md` and `http-grpc-status-mapping.md`).
 *
 * @module
 */

import { type Code, JumpstarterError } from "../../core/errors.ts";
import { fieldValue, type HeaderList } from "../http2/mod.ts";

/** Bytes of `grpc-message` that travel: gRPC's peers accept 8 KiB of headers by default, and a text may be escaped. */
export const maxMessageTextBytes = 1024;

const codes: readonly ("ok" | Code)[] = [
  "ok",
  "canceled",
  "unknown",
  "invalid_argument",
  "deadline_exceeded",
  "not_found",
  "already_exists",
  "permission_denied",
  "resource_exhausted",
  "failed_precondition",
  "aborted",
  "out_of_range",
  "unimplemented",
  "internal",
  "unavailable",
  "data_loss",
  "unauthenticated",
];

const okTrailers: HeaderList = [["grpc-status", "0"]];

/** The trailers of a call that ended with that error, or well. */
export function statusFields(error?: JumpstarterError): HeaderList {
  if (error === undefined) return okTrailers;
  const status = codes.indexOf(error.code);
  // A code from another copy of this program may be one that we do not know.
  const number = status > 0 ? status : codes.indexOf("unknown");
  if (error.message === "") return [["grpc-status", String(number)]];
  return [["grpc-status", String(number)], ["grpc-message", encodeMessage(error.message)]];
}

/** The error that trailers carry, or `undefined` when they say that all went well. */
export function errorOfTrailers(trailers: HeaderList): JumpstarterError | undefined {
  const status = fieldValue(trailers, "grpc-status");
  if (status === "0") return undefined;
  const message = decodeMessage(fieldValue(trailers, "grpc-message") ?? "");
  if (status === undefined) return new JumpstarterError("internal", "The call ended without a status");
  const code = /^[0-9]{1,2}$/.test(status) ? codes[Number(status)] : undefined;
  return new JumpstarterError(code === undefined || code === "ok" ? "unknown" : code, message);
}

/** The error that a response of another kind than gRPC's stands for. */
export function errorOfHttp(httpStatus: number, contentType: string | undefined): JumpstarterError {
  const text = httpStatus === 200
    ? `Expected a response of gRPC, got content type ${contentType ?? "none"}`
    : `Expected a response of gRPC, got HTTP status ${httpStatus}`;
  return new JumpstarterError(codeOfHttp(httpStatus), text);
}

function codeOfHttp(httpStatus: number): Code {
  switch (httpStatus) {
    case 400:
      return "internal";
    case 401:
      return "unauthenticated";
    case 403:
      return "permission_denied";
    case 404:
      return "unimplemented";
    case 431: // Not in gRPC's table: our own server's answer to a header list that is too long.
      return "resource_exhausted";
    case 429:
    case 502:
    case 503:
    case 504:
      return "unavailable";
    default:
      return "unknown";
  }
}

/** As much of an error's text as travels: {@linkcode maxMessageTextBytes} of UTF-8, in whole characters. */
export function travellingText(message: string): Uint8Array {
  const utf8 = new Uint8Array(maxMessageTextBytes);
  return utf8.subarray(0, new TextEncoder().encodeInto(message, utf8).written);
}

/** Cuts a text to what travels, and escapes what a header cannot carry. */
function encodeMessage(message: string): string {
  let text = "";
  for (const byte of travellingText(message)) {
    const plain = byte >= 0x20 && byte <= 0x7e && byte !== 0x25;
    text += plain ? String.fromCharCode(byte) : "%" + byte.toString(16).toUpperCase().padStart(2, "0");
  }
  return text;
}

/** Undoes percent-encoding; what is not validly encoded stays as it is, as gRPC asks. */
function decodeMessage(encoded: string): string {
  if (!encoded.includes("%")) return encoded;
  const bytes: number[] = [];
  for (let at = 0; at < encoded.length; at++) {
    const hex = encoded[at] === "%" ? encoded.slice(at + 1, at + 3) : "";
    if (/^[0-9a-fA-F]{2}$/.test(hex)) {
      bytes.push(parseInt(hex, 16));
      at += 2;
    } else bytes.push(encoded.charCodeAt(at) & 0xff);
  }
  return new TextDecoder().decode(new Uint8Array(bytes));
}
