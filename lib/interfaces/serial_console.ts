/** A console as a driver serves it: the methods of the serial interface on one core, and the config that all have. @module */
import * as z from "zod/mini";
import type { DriverContext } from "../contract/driver.ts";
import { type Implementation, siblingCalled } from "../contract/method.ts";
import type { ByteStream } from "../core/byte_stream.ts";
import { JumpstarterError } from "../core/errors.ts";
import { type Caller, Console } from "../streams/console/console.ts";
import type { Entry, History, Place } from "../streams/console/history.ts";
import type { ConsoleLine } from "../streams/console/line.ts";
import type { ConsoleRecord, serial } from "./serial.ts";

/** The keys of a driver's config that say how its console is kept. */
export const consoleConfig = {
  cps: z._default(z.nullable(z.number().check(z.minimum(0))), null).check(
    z.describe("Characters per second that are sent at most; 0: no limit"),
  ),
  open: z.optional(z.enum(["session", "demand"])).check(
    z.describe(
      "`session`: open and recorded from the session's start, the default in direct mode; `demand`: for the first user",
    ),
  ),
  history_bytes: z._default(z.int().check(z.minimum(4096)), 1024 * 1024).check(
    z.describe("Bytes of history; beyond 4 MiB they are kept in a file"),
  ),
  record: z.optional(z.string().check(z.minLength(1))).check(
    z.describe("A file of everything said, which outlives the session"),
  ),
  record_bytes: z._default(z.int().check(z.minimum(4096)), 16 * 1024 * 1024).check(
    z.describe("Size at which the file is put aside as `FILE.1`; three of them are kept"),
  ),
};
type ConsoleConfig = z.output<z.ZodMiniObject<typeof consoleConfig>>;

/** Whether a console is open from the session's start on, as its config says, or else the mode. */
export function isKept(config: Pick<ConsoleConfig, "open">, mode: Context["mode"]): boolean {
  return (config.open ?? (mode === "local" ? "demand" : "session")) === "session";
}

/** Where the config, the log and the mode of a driver come from: what its `open` is given. */
type Context = Pick<DriverContext<ConsoleConfig, Record<never, never>>, "config" | "log" | "mode">;

/**
 * The serial interface on a device. `open` is called whenever the device is wanted and not there; disposing the
 * implementation closes it.
 */
export function serialConsole(
  open: (signal: AbortSignal) => Promise<ConsoleLine>,
  { config, log, mode }: Context,
): Implementation<typeof serial.methods> & AsyncDisposable {
  const core = new Console({
    open,
    charsPerSecond: config.cps || undefined,
    when: isKept(config, mode) ? "session" : "demand",
    historyBytes: config.history_bytes,
    record: config.record === undefined ? undefined : { file: config.record, bytes: config.record_bytes },
    onNote: (text, fields) => log.warn(text, fields),
  });
  const ready = async (stream: ByteStream) => {
    try {
      await core.ready();
      return stream;
    } catch (error) {
      await stream[Symbol.asyncDispose]();
      throw error;
    }
  };
  return {
    connect: (_, { connection }) => ready(core.connect(connection)),
    watch: (_, { connection }) => ready(core.watch(connection)),
    input: (_, { connection, signal }) => ready(core.input(connection, signal)),
    async *records({ since, follow }, { signal, connection }) {
      const from = placeOf(core.history, since);
      for await (const entry of core.records(from, connection, { follow, signal })) yield recordOf(entry);
    },
    state: (_, { connection }) => core.state(connection),
    claim: ({ name }, { connection }) => core.claim(name, connection),
    release: (_, { connection }) => core.release(connection),
    sendBreak: ({ ms }, { connection }) => withPart(core, connection, "sendBreak", (line) => line.sendBreak?.(ms)),
    close: () => core.close(),
    setDtr: ({ value }, { connection }) => withPart(core, connection, "setDtr", (line) => line.setDtr?.(value)),
    setRts: ({ value }, { connection }) => withPart(core, connection, "setRts", (line) => line.setRts?.(value)),
    [siblingCalled](interfaceName, method) {
      if (interfaceName !== "power" || (method !== "on" && method !== "rescue")) return;
      // The board may speak before its switch has answered.
      const at = core.history.now;
      return () => core.history.bootedAt(at);
    },
    [Symbol.asyncDispose]: () => core[Symbol.asyncDispose](),
  };
}

async function withPart(
  core: Console,
  caller: Caller,
  part: "sendBreak" | "setDtr" | "setRts",
  work: (line: ConsoleLine) => void | Promise<void>,
): Promise<void> {
  await core.withLine(caller, async (line) => {
    if (!line[part]) throw new JumpstarterError("unimplemented", `This console's device does not support ${part}`);
    await work(line);
  });
}

function placeOf(history: History, since: string): Place {
  if (since === "boot") return history.boot;
  if (since === "now") return history.now;
  if (since === "0") return history.oldest;
  if (/^\d+$/.test(since)) return history.at(Number(since));
  const [, count, unit] = /^(\d+)(ms|s|m|h)$/.exec(since)!;
  return history.ago(Number(count) * { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 }[unit as "ms" | "s" | "m" | "h"]);
}

function recordOf(entry: Entry): ConsoleRecord {
  const { offset, timeMs } = entry;
  if ("bytes" in entry) return { offset, timeMs, data: entry.bytes.toBase64() };
  const { mark, text } = entry;
  return { offset, timeMs, mark, ...(text !== undefined && { text }) };
}
