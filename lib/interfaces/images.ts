/** Images at the client's side of commands: those that are given to a driver, and those that it fills. @module */
import type { CommandIo, WebFile } from "../contract/command.ts";
import type { ResourceSink, ResourceSource } from "../contract/resource.ts";
import { type ByteSource, type OwnedSink, type OwnedSource, sourceOfReadable } from "../core/byte_stream.ts";
import { type Codec, codecOf, signatureBytes } from "../core/codec.ts";
import { JumpstarterError, messageOf, usageError } from "../core/errors.ts";
import { unlessAborted, withLimit } from "../core/limit.ts";
import { compressInto } from "../streams/codec/codec.ts";
import { codecOfName, counted, createFile, openFile, withHead } from "../streams/file.ts";
import { assertAsStored } from "../streams/http1/encoded.ts";
import { CheckedSource, hashed, hashedInto, type Passed } from "../streams/hash.ts";
import { isUrl } from "./image_identity.ts";
import type { DumpOptions, ImageOptions } from "./image_options.ts";

/** How long a web server may take to show the beginning of a file, in milliseconds. */
const peekMs = 10_000;

/** An image that is given to a driver. */
export interface GivenImage {
  readonly source: ResourceSource;
  /** What has left this machine, where the image comes through it. It can be asked for once, after the call. */
  readonly sent?: Passed;
  /** What its SHA-256 has to be, where that is known before it is read. */
  readonly sha256?: string;
  /** By what it is decompressed on its way to the driver, which then gets other bytes than those. */
  readonly codec?: Codec;
}

/** Opens the image that a word of the command line names; `found` is what was found out of it already. */
export async function giveImage(
  word: string,
  options: ImageOptions,
  io: CommandIo,
  found?: RemoteFile,
): Promise<GivenImage> {
  const remote = found ?? await remoteFile(word, options, io);
  if (remote && options.from === "exporter") return await leaveToExporter(remote, options, io);
  const { bytes, size, close, web } = remote ? await fetchHere(remote, io) : await openWord(word, io);
  const sha256 = remote ? remote.sha256 : options.sha256;
  try {
    // A pipe may have nobody who writes to it.
    const { head, source } = await unlessAborted(withHead(bytes), io.signal);
    const codec = options.compression === "auto" ? codecOf(head) : chosen(options.compression);
    if (web) assertAsStored(web.url, web.coding, codec);
    let passed = 0;
    const shown = counted(source, (count) => io.advance({ stage: "transfer", bytes: passed += count, total: size }));
    const sent = hashed(sha256 ? new CheckedSource(shown, sha256) : shown);
    return { source: { bytes: sent, size, contentEncoding: codec, close }, sent, sha256, codec };
  } catch (error) {
    await close();
    throw error;
  }
}

interface OpenWord {
  readonly bytes: ByteSource;
  readonly size?: number;
  readonly web?: WebFile;
  close(): void | Promise<void>;
}

async function openWord(word: string, io: CommandIo): Promise<OpenWord> {
  if (isUrl(word)) {
    throw usageError(`Expected a file, or a URL of http, https or oci, got one of ${word.split(":")[0]}`);
  }
  if (word !== "-") return await openFile(word);
  if (io.stdinIsTerminal) throw usageError("Expected an image on standard input, got a terminal");
  const stdin: OwnedSource = sourceOfReadable(io.stdin);
  return { bytes: stdin, close: () => stdin.close() };
}

/** A file on a web server or in a registry. */
export interface RemoteFile {
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** What its SHA-256 has to be. */
  readonly sha256?: string;
  /** How it is compressed, by what is known without its first bytes. */
  readonly likely?: Codec;
}

/** Whether a word of the command line stands for a file of a registry. */
export function isReference(word: string): boolean {
  return /^oci:\/\//i.test(word);
}

/** Finds out what a word of the command line stands for, if it is no file of this machine. */
export async function remoteFile(
  word: string,
  { sha256 }: Pick<ImageOptions, "sha256">,
  io: CommandIo,
): Promise<RemoteFile | undefined> {
  const expected = sha256?.toLowerCase();
  if (/^https?:\/\//i.test(word)) {
    return { url: word, sha256: expected, likely: codecOfName(word.replace(/[?#].*$/, "")) };
  }
  if (!isReference(word)) return undefined;
  const file = await io.registryFile(word);
  if (expected !== undefined && file.sha256 !== expected) {
    throw new JumpstarterError("data_loss", `The file has the digest sha256:${file.sha256}, expected ${expected}`);
  }
  return { ...file, likely: codecOfName(file.name ?? "") ?? file.encoding };
}

async function fetchHere({ url, headers }: RemoteFile, io: CommandIo): Promise<OpenWord> {
  const file = await io.download(url, { headers });
  return { bytes: file, size: file.size, web: file, close: () => file.close() };
}

async function leaveToExporter(file: RemoteFile, options: ImageOptions, io: CommandIo): Promise<GivenImage> {
  const codec = options.compression === "auto" ? await codecAt(file, io) : chosen(options.compression);
  const { url, headers, sha256 } = file;
  return { source: { url, headers, contentEncoding: codec, sha256 }, sha256, codec };
}

/** The codec of a remote file, by its first bytes; where this machine cannot see them, by what it is called. */
async function codecAt({ url, headers, likely }: RemoteFile, io: CommandIo): Promise<Codec | undefined> {
  try {
    const asked = io.download(url, { headers, first: signatureBytes });
    const file = await withLimit(asked, peekMs, "A look at the file");
    try {
      const { head } = await withLimit(withHead(file), peekMs, "A look at the file");
      return codecOf(head);
    } finally {
      await file.close();
    }
  } catch (error) {
    io.note(`The codec is taken from the file's name (${likely ?? "none"}): ${messageOf(error)}`);
    return likely;
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
  if (isReference(word)) throw usageError("Expected a file or a URL of http or https to write to, got oci://");
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
