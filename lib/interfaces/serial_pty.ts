/** The console as a device file of this machine. @module */
import * as z from "zod/mini";
import { type Command, command } from "../contract/command.ts";
import { type ByteSink, byteStreamOfPipe, sinkOf, sourceOf } from "../core/byte_stream.ts";
import { JumpstarterError, messageOf } from "../core/errors.ts";
import { copy } from "../streams/pump.ts";
import type { SerialCalls } from "./serial.ts";
import { markText } from "./serial_marks.ts";
import { consoleStream, isRefusal } from "./serial_session.ts";

/** The command. */
export function ptyCommand(calls: SerialCalls): Command {
  return command("Make the console a device file of this machine, until interrupted", async ({ link }, io) => {
    const pty = await io.pseudoTerminal();
    await using near = byteStreamOfPipe(pty);
    const onRefused = (error: JumpstarterError) => io.note(`${error.message}; what was typed is lost`);
    await using far = await consoleStream(calls, {
      since: "now",
      signal: io.signal,
      onMark: (record) => ["gap", "lost"].includes(record.mark!) && io.note(markText(record)),
      onRefused,
    });
    const sink = sinkOf(far);
    const typed: ByteSink = {
      write: (bytes) =>
        sink.write(bytes).catch((error) => {
          if (!isRefusal(error)) throw error;
          onRefused(error);
        }),
      end: () => sink.end(),
    };
    using _ = link === undefined ? undefined : linkTo(pty.path, link);
    io.print({ path: pty.path, link }, link ?? pty.path);
    io.note("Line settings stay the exporter's. Until Ctrl-C");
    const stop = () => void near[Symbol.asyncDispose]();
    io.signal.addEventListener("abort", stop, { once: true });
    try {
      // The device file is typed into by whoever opens it, and has no end of its own.
      await Promise.race([copy(sourceOf(far), sinkOf(near)), copy(sourceOf(near), typed)]);
    } finally {
      io.signal.removeEventListener("abort", stop);
    }
    io.note("The console has ended");
  }, {
    options: {
      link: z.optional(z.string().check(z.minLength(1))).check(
        z.describe("Make this path a symbolic link to the device file"),
      ),
    },
    short: { link: "l" },
  });
}

/** Links a path to a device file until it is disposed. A link that a killed run left is replaced. */
function linkTo(target: string, path: string): Disposable {
  const refuse = (why: string) =>
    new JumpstarterError("failed_precondition", `Cannot link ${path}: ${why}`, { phase: "usage" });
  const pointsTo = readLink(path);
  if (pointsTo?.startsWith("/dev/pts/")) Deno.removeSync(path);
  else if (pointsTo !== undefined) throw refuse(`It is a link to ${pointsTo} already`);
  try {
    Deno.symlinkSync(target, path);
  } catch (error) {
    throw refuse(messageOf(error));
  }
  return {
    [Symbol.dispose]() {
      if (readLink(path) === target) Deno.removeSync(path);
    },
  };
}

function readLink(path: string): string | undefined {
  try {
    return Deno.readLinkSync(path);
  } catch {
    return undefined;
  }
}
