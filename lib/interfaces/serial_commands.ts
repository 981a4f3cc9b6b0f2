/** The commands of a serial console. @module */
import * as z from "zod/mini";
import { type Command, command } from "../contract/command.ts";
import { type ByteStream, byteStreamOf, sinkOf, sourceOf } from "../core/byte_stream.ts";
import { messageOf, usageError } from "../core/errors.ts";
import { writeAll } from "../core/pipe.ts";
import { unescaped } from "../streams/escapes.ts";
import { PastQueries } from "../streams/console/past_queries.ts";
import { Expect, type Pattern } from "../streams/expect.ts";
import { Pace } from "../streams/pace.ts";
import { Stamper } from "../streams/stamper.ts";
import { type SerialCalls, Since } from "./serial.ts";
import { markText } from "./serial_marks.ts";
import { sendFileCommand } from "./serial_send_file.ts";
import { consoleStream, noteAbsence, recordsOf, typeAll } from "./serial_session.ts";
import { ptyCommand } from "./serial_pty.ts";
import { consoleCommand } from "./serial_terminal/command.ts";

/** All of them. */
export function consoleCommands(calls: SerialCalls): Record<string, Command> {
  const console = consoleCommand(calls);
  return {
    console,
    log: logCommand(calls),
    send: sendCommand(calls),
    "send-file": sendFileCommand(calls),
    pipe: pipeCommand(calls),
    pty: ptyCommand(calls),
    "start-console": { ...console, summary: "Upstream's word for console" },
  };
}

function logCommand(calls: SerialCalls): Command {
  return command("Print what the console said", async ({ since, timestamps, follow, output }, io) => {
    await using sink = output === undefined ? undefined : openOutput(output, false);
    const write = sink?.write ?? io.write;
    const stamper = timestamps ? new Stamper() : undefined;
    // The terminal would answer them into the shell. Here the past has no end: nothing that is typed gets to the device.
    const queries = sink === undefined && io.stdoutIsTerminal ? new PastQueries(Infinity) : undefined;
    for await (const record of recordsOf(calls, { since, follow }, io.signal)) {
      if (sink === undefined) io.print(record);
      const { data, mark, timeMs, offset } = record;
      const said = data === undefined ? undefined : Uint8Array.fromBase64(data);
      const bytes = said && queries ? queries.shown(said, offset) : said;
      if (stamper) await write(bytes ? stamper.bytes(bytes, timeMs) : stamper.line(`-- ${markText(record)}`, timeMs));
      else if (bytes) await write(bytes);
      // Without times the log is what the device said and nothing else; what is missing in it is still told.
      else if (mark === "gap" || mark === "lost") io.note(markText(record));
    }
  }, {
    options: {
      since: z._default(Since, "boot").check(
        z.describe("boot, 0 for all that is kept, 5m, now, or an offset in bytes"),
      ),
      timestamps: z._default(z.boolean(), false).check(
        z.describe("Put the time in front of each line, and show marks"),
      ),
      follow: z._default(z.boolean(), false).check(z.describe("Go on with what comes, until interrupted")),
      output: z.optional(z.string()).check(z.describe("Write to this file instead")),
    },
    short: { timestamps: "t", follow: "f", output: "o" },
  });
}

function sendCommand(calls: SerialCalls): Command {
  return command("Type something", async ({ text, cps, expect }, io) => {
    const { signal } = io;
    const bytes = unescaped(text);
    noteAbsence(calls, io);
    if (expect === undefined) return await typeAll(calls, new Pace(cps).pieces(bytes, signal), signal);
    const pattern = patternOf(expect);
    // What is shown is what was said, byte by byte; the pattern is looked for in its text.
    await using session = new Expect(shown(await consoleStream(calls, { signal }), io.write), { signal });
    const waiting = session.expect(pattern, { timeoutMs: longestMs });
    waiting.catch(() => {});
    await session.send(bytes, { charsPerSecond: cps });
    io.note(`Waiting for ${expect}`);
    const { before, match } = await waiting;
    io.print({ before, match });
  }, {
    args: { text: z.string().check(z.describe("What to type; \\n, \\r, \\t, \\\\ and \\xNN are understood")) },
    options: {
      cps: z.optional(z.number().check(z.positive())).check(
        z.describe("Characters per second; left out, as fast as they go"),
      ),
      expect: z.optional(z.string().check(z.minLength(1))).check(
        z.describe(
          "Print what the console says until it has said this; /…/ is a regular expression; --timeout limits it",
        ),
      ),
    },
  });
}

/** A stream whose bytes are shown as they are read. */
function shown(stream: ByteStream, show: (bytes: Uint8Array) => Promise<void>): ByteStream {
  const [source, sink] = [sourceOf(stream), sinkOf(stream)];
  return byteStreamOf({
    async next() {
      const bytes = await source.next();
      if (bytes) await show(bytes);
      return bytes;
    },
    write: (bytes) => sink.write(bytes),
    end: () => sink.end(),
    close: () => stream[Symbol.asyncDispose](),
  });
}

/** The longest limit there is; the command's own limit or an interrupt comes before. */
const longestMs = 2 ** 31 - 1;

/** `/…/` is a regular expression, anything else is text. */
function patternOf(words: string): Pattern {
  const regExp = /^\/(.+)\/([imsu]*)$/s.exec(words);
  if (!regExp) return words;
  try {
    return new RegExp(regExp[1], regExp[2]);
  } catch (error) {
    throw usageError(`Expected a regular expression for --expect: ${(error as Error).message}`);
  }
}

function pipeCommand(calls: SerialCalls): Command {
  return command("Print what the console says; send it what is piped in", async (given, io) => {
    const { output, input, noInput, append, noOutput } = given;
    if (input && noInput) throw usageError("--input and --no-input contradict each other");
    if (noOutput && output !== undefined) throw usageError("--no-output and --output contradict each other");
    if (noOutput && append) throw usageError("--no-output and --append contradict each other");
    if (append && output === undefined) throw usageError("--append needs --output");
    const types = input || !(noInput || io.stdinIsTerminal);
    if (noOutput && !types) throw usageError("--no-output needs input: pipe something in, or --input");
    io.note(pipeStatus(given, types));
    if (types) noteAbsence(calls, io);
    if (noOutput) return await typeAll(calls, io.stdin, io.signal);

    await using file = output === undefined ? undefined : openOutput(output, append);
    const write = file?.write ?? io.write;
    await using stream = await consoleStream(calls, { signal: io.signal });
    const source = sourceOf(stream);
    const read = async () => {
      for (let chunk = await source.next(); chunk; chunk = await source.next()) {
        if (!file) io.print({ data: chunk.toBase64() });
        await write(chunk);
      }
      io.note("The console has ended");
    };
    const typed = types ? typeInto(stream, io.stdin) : Promise.resolve();
    // The end of the input is not the end of the command; a failure to type is.
    await Promise.race([read(), typed.then(() => new Promise<never>(() => {}))]);
  }, {
    options: {
      output: z.optional(z.string()).check(z.describe("Write to this file instead of standard output")),
      input: z._default(z.boolean(), false).check(z.describe("Send standard input even when it is a terminal")),
      noInput: z._default(z.boolean(), false).check(z.describe("Send nothing")),
      append: z._default(z.boolean(), false).check(z.describe("Append to the file")),
      noOutput: z._default(z.boolean(), false).check(z.describe("Print nothing: send standard input and end with it")),
    },
    short: { output: "o", input: "i", append: "a" },
  });
}

async function typeInto(stream: ByteStream, input: ReadableStream<Uint8Array>): Promise<void> {
  const sink = sinkOf(stream);
  for await (const chunk of input) await sink.write(chunk);
  await sink.end();
}

/** What pipe says of itself, in upstream's words. */
function pipeStatus(
  { output, input, noOutput }: { output?: string; input: boolean; noOutput: boolean },
  types: boolean,
) {
  const how = !types ? "read-only" : input ? "forced input mode" : "auto-detected piped stdin";
  if (noOutput) return `Fire-and-forget mode (${how}): stdin→serial, no output (exits at EOF)`;
  if (types && output !== undefined) return `Bidirectional mode (${how}) with logging to ${output}... (Ctrl+C to exit)`;
  if (types) return `Bidirectional mode (${how}): stdin→serial, serial→stdout (Ctrl+C to exit)`;
  if (output !== undefined) return `Logging serial output to ${output} (${how})... (Ctrl+C to exit)`;
  return `Reading from serial port (${how})... (Ctrl+C to exit)`;
}

/** A file that is written as bytes come. */
export function openOutput(
  path: string,
  append: boolean,
): { write(bytes: Uint8Array): Promise<void> } & AsyncDisposable {
  let file: Deno.FsFile;
  try {
    file = Deno.openSync(path, { create: true, write: true, append, truncate: !append });
  } catch (error) {
    throw usageError(`Cannot write ${path}: ${messageOf(error)}`);
  }
  return {
    write: (bytes) => writeAll(file, bytes),
    [Symbol.asyncDispose]: () => Promise.resolve(file.close()),
  };
}
