/**
 * HTTP/2 error codes (RFC 9113 section 7), and the error that ends a whole connection.
 *
 * @module
 */

import { type Code, JumpstarterError } from "../../core/errors.ts";

/** The error codes of RST_STREAM and GOAWAY. */
export const ErrorCode = {
  NO_ERROR: 0x0,
  PROTOCOL_ERROR: 0x1,
  INTERNAL_ERROR: 0x2,
  FLOW_CONTROL_ERROR: 0x3,
  SETTINGS_TIMEOUT: 0x4,
  STREAM_CLOSED: 0x5,
  FRAME_SIZE_ERROR: 0x6,
  REFUSED_STREAM: 0x7,
  CANCEL: 0x8,
  COMPRESSION_ERROR: 0x9,
  CONNECT_ERROR: 0xa,
  ENHANCE_YOUR_CALM: 0xb,
  INADEQUATE_SECURITY: 0xc,
  HTTP_1_1_REQUIRED: 0xd,
} as const;

const names = new Map<number, string>(Object.entries(ErrorCode).map(([name, code]) => [code, name]));

/** The name of an error code, or its number where the peer invented one. */
export function errorCodeName(code: number): string {
  return names.get(code) ?? `error code ${code}`;
}

/** What a peer's reset of a stream means to a caller, as gRPC's "HTTP/2 transport mapping" has it. */
export function resetError(code: number, peer: string): JumpstarterError {
  const message = code === ErrorCode.REFUSED_STREAM
    ? `The call was never processed: ${peer} refused it`
    : `The peer at ${peer} reset the call with ${errorCodeName(code)}`;
  return new JumpstarterError(codeOfReset(code), message);
}

function codeOfReset(code: number): Code {
  switch (code) {
    case ErrorCode.REFUSED_STREAM:
      return "unavailable";
    case ErrorCode.CANCEL:
      return "canceled";
    case ErrorCode.ENHANCE_YOUR_CALM:
      return "resource_exhausted";
    case ErrorCode.INADEQUATE_SECURITY:
      return "permission_denied";
    default:
      return "internal";
  }
}

/** The peer broke a rule that only the end of the connection can answer (RFC 9113 section 5.4.1). */
export class ConnectionError extends Error {
  override readonly name = "ConnectionError";
  /** The code that GOAWAY carries. */
  readonly errorCode: number;

  constructor(errorCode: number, message: string) {
    super(message);
    this.errorCode = errorCode;
  }
}
