/** Requests that are one message, on streams that could have more. @module */
import { JumpstarterError } from "../../core/errors.ts";
import type { ServerStream } from "./types.ts";

/** Waits for the request and its end. @throws {JumpstarterError} `internal` for none, and for more than one. */
export async function oneMessage(stream: ServerStream): Promise<Uint8Array> {
  const message = await stream.receive();
  if (message !== undefined && await stream.receive() === undefined) return message;
  const got = message === undefined ? "0" : "more";
  throw new JumpstarterError("internal", `Expected one request message, got ${got}`);
}
