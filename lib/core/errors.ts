/**
 * The one error of the program: a closed code to branch on, a message for people, and a hint that says what to do next.
 *
 * @module
 */

/** What kind of failure it was. The names are Connect's, which are gRPC's in lower case. */
export type Code =
  | "canceled"
  | "unknown"
  | "invalid_argument"
  | "deadline_exceeded"
  | "not_found"
  | "already_exists"
  | "permission_denied"
  | "resource_exhausted"
  | "failed_precondition"
  | "aborted"
  | "out_of_range"
  | "unimplemented"
  | "internal"
  | "unavailable"
  | "data_loss"
  | "unauthenticated";

/** The step on the way to a device in which something failed; it decides the exit code and stands in the message. */
export type Phase = "usage" | "config" | "resolve" | "connect" | "tls" | "authenticate" | "lease" | "driver";

/** What an error may carry beside its message. */
export interface ErrorOptions {
  /** The next thing to do, as a command where one exists. */
  hint?: string;
  /** The step that failed, where it is known. */
  phase?: Phase;
  /** What led here. It is kept for the log and never travels. */
  cause?: unknown;
}

/**
 * An error that a person or a program can act on. Branch on {@linkcode code}, never on the text.
 *
 * `instanceof` looks at the structure, so that an error made by another copy of this module is recognised as well.
 */
export class JumpstarterError extends Error {
  override readonly name = "JumpstarterError";
  readonly code: Code;
  readonly hint?: string;
  readonly phase?: Phase;

  constructor(code: Code, message: string, options: ErrorOptions = {}) {
    super(message, { cause: options.cause });
    this.code = code;
    this.hint = options.hint;
    this.phase = options.phase;
  }

  static override [Symbol.hasInstance](value: unknown): boolean {
    return value instanceof Error && value.name === "JumpstarterError" && "code" in value;
  }
}

/** Whether a value is a {@linkcode JumpstarterError}, and has one of the given codes where any are given. */
export function isJumpstarterError(value: unknown, ...codes: Code[]): value is JumpstarterError {
  return value instanceof JumpstarterError && (codes.length === 0 || codes.includes(value.code));
}

/** The error for words of a command line, or arguments of the library, that do not go together. */
export function usageError(message: string, hint?: string): JumpstarterError {
  return new JumpstarterError("invalid_argument", message, { phase: "usage", hint });
}

/** Why a file cannot be read, in words that name no call of the system where that is possible. */
export function whyUnreadable(thrown: unknown): string {
  if (thrown instanceof Deno.errors.NotFound) return "there is no such file";
  if (thrown instanceof Deno.errors.PermissionDenied) return "reading it is not permitted";
  if (thrown instanceof Deno.errors.IsADirectory) return "it is a folder";
  return messageOf(thrown);
}

/** The text of anything that was thrown, without its stack. */
export function messageOf(thrown: unknown): string {
  if (thrown instanceof JumpstarterError && !thrown.message) return `It failed without a word (${thrown.code})`;
  if (thrown instanceof Error) return thrown.message || thrown.name;
  return String(thrown);
}

/**
 * Turns anything that was thrown by a driver or the runtime into an error with a code, as the wire's rules ask:
 * a wrong value or text that does not parse is `invalid_argument`, a limit that passed `deadline_exceeded`, a broken connection `unavailable`,
 * any other failure of the operating system `internal`, and everything else `unknown`.
 */
export function toJumpstarterError(thrown: unknown): JumpstarterError {
  if (thrown instanceof JumpstarterError) return thrown as JumpstarterError;
  return new JumpstarterError(codeOf(thrown), messageOf(thrown), { cause: thrown });
}

const connectionFailures = [
  Deno.errors.ConnectionRefused,
  Deno.errors.ConnectionReset,
  Deno.errors.ConnectionAborted,
  Deno.errors.BrokenPipe,
  Deno.errors.NotConnected,
  Deno.errors.UnexpectedEof,
  Deno.errors.NetworkUnreachable,
];

/** What Python calls a ValueError: a number out of its range, text that does not parse. */
const valueFailures = [Deno.errors.InvalidData, RangeError, SyntaxError];

function codeOf(thrown: unknown): Code {
  if (thrown instanceof DOMException) {
    if (thrown.name === "TimeoutError") return "deadline_exceeded";
    if (thrown.name === "AbortError") return "canceled";
    return "unknown";
  }
  if (thrown instanceof Deno.errors.TimedOut) return "deadline_exceeded";
  if (connectionFailures.some((kind) => thrown instanceof kind)) return "unavailable";
  if (valueFailures.some((kind) => thrown instanceof kind)) return "invalid_argument";
  // Zod belongs to the rooms above, and a driver's may be a copy of its own, or the small half of it.
  if (thrown instanceof Error && /^\$?ZodError$/.test(thrown.name)) return "invalid_argument";
  if (thrown instanceof Error && Object.values(Deno.errors).some((kind) => thrown instanceof kind)) return "internal";
  const errno = (thrown as { code?: unknown } | null)?.code;
  if (thrown instanceof Error && typeof errno === "string" && /^E[A-Z0-9]+$/.test(errno)) return codeOfErrno(errno);
  return "unknown";
}

function codeOfErrno(errno: string): Code {
  if (errno === "ETIMEDOUT") return "deadline_exceeded";
  if (["ECONNREFUSED", "ECONNRESET", "ECONNABORTED", "EPIPE", "ENOTCONN"].includes(errno)) return "unavailable";
  return "internal";
}
