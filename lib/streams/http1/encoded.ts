/** Files that a web server sends otherwise than they are stored. @module */
import type { Codec } from "../../core/codec.ts";
import { JumpstarterError } from "../../core/errors.ts";
import { codecOfName } from "../file.ts";
import { redact } from "./url.ts";

/** Codings of HTTP that change bytes (RFC 9110 section 8.4.1), and what else is in use. */
const codings = ["gzip", "deflate", "compress", "br", "zstd"];

/** The coding that a header names, or nothing: services of S3 name others that change nothing. */
export function codingIn(headers: ReadonlyMap<string, string>): string | undefined {
  const named = headers.get("content-encoding")?.toLowerCase().split(",").map((name) => name.trim().replace(/^x-/, ""));
  return named?.findLast((name) => codings.includes(name));
}

/**
 * Makes sure that what comes is the file. Servers label archives with the coding that they are stored by, which changes
 * nothing; others encode what they send, though they were asked not to, and then the file is another one. `codec` is
 * what is taken off at this end: by that the file is itself again, unless its name promises another archive below.
 *
 * @throws {JumpstarterError} `data_loss` for a file that is encoded.
 */
export function assertAsStored(url: string, coding: string | undefined, codec: Codec | undefined): void {
  if (coding === undefined) return;
  const named = codecOfName(url.replace(/[?#].*$/s, ""));
  if (coding === (named ?? codec)) return;
  throw new JumpstarterError(
    "data_loss",
    `The server sends ${redact(url)} encoded by ${coding}, though it was asked for the file as it is`,
    { hint: "Fetch it by hand, and use the file" },
  );
}
