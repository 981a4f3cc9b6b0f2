/** Serial consoles: what a device says, from the session's start on, and what is typed. @module */
import * as z from "zod/mini";
import { type Client, defineInterface } from "../contract/interface.ts";
import { byteStream, type Calls, serverStreaming, unary } from "../contract/method.ts";
import { marks } from "../streams/console/history.ts";
import { consoleCommands } from "./serial_commands.ts";
import { openSession, type SessionOptions } from "./serial_session.ts";
import type { Expect } from "../streams/expect.ts";

/** A piece of what a console said, or a mark between two pieces. */
export const ConsoleRecord = z.object({
  offset: z.int().check(z.describe("Bytes since the session's start")),
  timeMs: z.number().check(z.describe("When it came: Unix time in milliseconds")),
  data: z.optional(z.string()).check(z.describe("The bytes in base64; a mark has none")),
  mark: z.optional(z.enum(marks)).check(
    z.describe(
      "opened, closed: the console was opened and closed; lost: the device went; power-on: the board was switched on; " +
        "writer: somebody else types from here; gap: the reader was too slow and missed bytes",
    ),
  ),
  text: z.optional(z.string()).check(z.describe("What there is to say about the mark")),
});
export type ConsoleRecord = z.infer<typeof ConsoleRecord>;

/** How things stand with a console. */
export const ConsoleState = z.object({
  offset: z.int().check(z.describe("Bytes said since the session's start")),
  you: z.string().check(z.describe("What the caller is called in marks, while it holds nothing")),
  writer: z.optional(z.string()).check(z.describe("Who typed last and is still there")),
  holder: z.optional(z.string()).check(z.describe("Who holds the console")),
  others: z.int().check(z.describe("Connections that use the console, the caller's aside")),
  away: z.optional(z.string()).check(z.describe("Why the device is not there; what is typed waits for it")),
});
export type ConsoleState = z.infer<typeof ConsoleState>;

/** From where a console's history is told. */
export const Since = z.string().check(z.regex(/^(?:boot|now|\d+|\d+(?:ms|s|m|h))$/, {
  error: ({ input }) => `Expected boot, now, a time such as 30s, 5m or 2h, or an offset in bytes, got ${input}`,
}));

const level = {
  params: { value: z.boolean().check(z.describe("Whether the line is asserted")) },
  optional: true,
} as const;

const methods = {
  connect: byteStream("Open the console: what it says from now on, and what is typed"),
  watch: byteStream("Open the console for reading only", { optional: true }),
  input: byteStream("Type only; the stream ends when the device has taken everything", { optional: true }),
  records: serverStreaming("What the console said, with times and marks", {
    params: {
      since: z._default(Since, "boot").check(z.describe(
        "boot: the last power-on; 0: all that is kept; 5m: the last five minutes; now; or an offset in bytes",
      )),
      follow: z._default(z.boolean(), false).check(z.describe("Go on with what comes")),
    },
    result: ConsoleRecord,
    optional: true,
  }),
  state: unary("What has been said, who types and who looks on", { result: ConsoleState, optional: true }),
  claim: unary("Hold the console: nobody else can type until release, or until this connection ends", {
    params: { name: z.string().check(z.minLength(1), z.maxLength(200), z.describe("Who holds it, for the others")) },
    optional: true,
  }),
  release: unary("Let others type again", { optional: true }),
  sendBreak: unary("Hold the line in its break state", {
    params: {
      ms: z._default(z.int().check(z.minimum(1), z.maximum(5_000)), 250).check(
        z.describe("For how long, in milliseconds"),
      ),
    },
    optional: true,
  }),
  close: unary("End every stream, and free the port until its next use", { optional: true }),
  setDtr: unary("Set the line DTR", level),
  setRts: unary("Set the line RTS", level),
};

/** The calls of a console, as its helpers see them. */
export type SerialCalls = Calls<typeof methods>;

/** A serial console. */
export const serial = defineInterface({
  name: "serial",
  summary: "A serial console",
  pythonClients: ["jumpstarter_driver_pyserial.client.PySerialClient"],
  native: { package: "py_serial", service: "PySerial" },
  methods,
  extend: (calls) => ({
    /** A conversation with the console, for scripts. Disposing ends it. */
    open: (options: SessionOptions = {}): Promise<Expect> => openSession(calls, options),
  }),
  commands: (client) => consoleCommands(client),
});

export type SerialClient = Client<typeof serial>;
