/** Images at the client's side of commands: those that are given to a driver, and those that it fills. @module */
import type { CommandIo } from "../contract/command.ts";
import type { ResourceSink, ResourceSource } from "../contract/resource.ts";
import { type ByteSource, type OwnedSink, type OwnedSource, sourceOfReadable } from "../core/byte_stream.ts";
import { type Codec, codecOf, signatureBytes } from "../core/codec.ts";
import { messageOf, usageError } from "../core/errors.ts";
import { withLimit } from "../core/limit.ts";
import { compressInto } from "../streams/codec/codec.ts";
import { codecOfName, counted, createFile, openFile, withHead } from "../streams/file.ts";
import { CheckedSource, hashed, hashedInto, type Passed } from "../streams/hash.ts";
import type { DumpOptions, ImageOptions } from "./image_options.ts";

/** How long a web server may take to show the beginning of a file, in milliseconds. */
const peekMs = 10_000;

/** An image that is given to a driver. */
export interface GivenImage {
  readonly source: ResourceSource;
  /** What has left this machine, where the image comes through it. It can be asked for once, after the call. */
  readonly sent?: Passed;
  /** Whether the driver gets other bytes than those. */
  readonly isCompressed: boolean;
}

/** Opens the image that a word of the command line names. */
export async function giveImage(word: string, options: ImageOptions, io: CommandIo): Promise<GivenImage> {
  if (/^https?:\/\//i.test(word) && options.from === "exporter") return await leaveToExporter(word, options, io);
  const { bytes, size, close } = await openWord(word, io);
  try {
    const { head, source } = await withHead(bytes);
    const contentEncoding = options.compression === "auto" ? codecOf(head) : chosen(options.compression);
    let passed = 0;
    const shown = counted(source, (count) => io.advance({ stage: "transfer", bytes: passed += count, total: size }));
    const sent = hashed(options.sha256 ? new CheckedSource(shown, options.sha256) : shown);
    return { source: { bytes: sent, size, contentEncoding, close }, sent, isCompressed: contentEncoding !== undefined };
  } catch (error) {
    await close();
    throw error;
  }
}

interface OpenWord {
  readonly bytes: ByteSource;
  readonly size?: number;
  close(): void | Promise<void>;
}

async function openWord(word: string, io: CommandIo): Promise<OpenWord> {
  if (word === "-") {
    if (io.stdinIsTerminal) throw usageError("Expected an image on standard input, got a terminal");
    const stdin: OwnedSource = sourceOfReadable(io.stdin);
    return { bytes: stdin, close: () => stdin.close() };
  }
  if (!/^https?:\/\//i.test(word)) return await openFile(word);
  const file = await io.download(word);
  return { bytes: file, size: file.size, close: () => file.close() };
}

async function leaveToExporter(url: string, options: ImageOptions, io: CommandIo): Promise<GivenImage> {
  const contentEncoding = options.compression === "auto" ? await codecAt(url, io) : chosen(options.compression);
  const source = { url, contentEncoding, sha256: options.sha256?.toLowerCase() };
  return { source, isCompressed: contentEncoding !== undefined };
}

/** The codec of a file on a web server, by its first bytes; where this machine cannot see them, by its name. */
async function codecAt(url: string, io: CommandIo): Promise<Codec | undefined> {
  try {
    const file = await withLimit(io.download(url, { first: signatureBytes }), peekMs, "A look at the file");
    try {
      const { head } = await withLimit(withHead(file), peekMs, "A look at the file");
      return codecOf(head);
    } finally {
      await file.close();
    }
  } catch (error) {
    const codec = codecOfName(url.replace(/[?#].*$/, ""));
    io.note(`The codec is taken from the file's name (${codec ?? "none"}): ${messageOf(error)}`);
    return codec;
  }
}

/** A file that a driver fills. */
export interface FilledFile {
  readonly target: ResourceSink;
  /** What has come, where it comes through this machine. It can be asked for once, after the call. */
  readonly got?: Passed;
}

/** Makes the file that a word of the command line names. */
export async function fillFile(
  word: string,
  { compression }: DumpOptions,
  io: CommandIo,
): Promise<FilledFile> {
  if (/^https?:\/\//i.test(word)) {
    if (chosen(compression)) throw usageError("What the exporter uploads to a URL cannot be compressed");
    return { target: { url: word } };
  }
  const codec = compression === "auto" ? codecOfName(word) : chosen(compression);
  const file = word === "-" ? standardOutput(io) : await createFile(word);
  let passed = 0;
  const packed = codec ? compressInto(codec, file) : file;
  const shown: OwnedSink = {
    write(chunk) {
      io.advance({ stage: "transfer", bytes: passed += chunk.length });
      return packed.write(chunk);
    },
    end: () => packed.end(),
    abort: (reason) => packed.abort(reason),
  };
  const got = hashedInto(shown);
  return { target: { bytes: got }, got };
}

function standardOutput(io: CommandIo): OwnedSink {
  return { write: (chunk) => io.write(chunk), end: () => Promise.resolve(), abort() {} };
}

function chosen(compression: ImageOptions["compression"]): Codec | undefined {
  return compression === "auto" || compression === "none" ? undefined : compression;
}
