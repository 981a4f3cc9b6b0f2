/** Commands that flash and dump. @module */
import * as z from "zod";
import { type Command, command, type CommandIo } from "../contract/command.ts";
import type { CallOptions } from "../contract/method.ts";
import type { ResourceSink, ResourceSource } from "../contract/resource.ts";
import { isJumpstarterError, JumpstarterError, usageError } from "../core/errors.ts";
import {
  dumpFile,
  type DumpOptions,
  dumpOptions,
  imageFile,
  type ImageOptions,
  imageOptions,
} from "./image_options.ts";

/** What has been proven of a flash. */
export const FlashResult = z.object({
  bytes: z.int().describe("Bytes that were written"),
  sha256: z.string().describe("SHA-256 of those bytes as they came, in hexadecimal digits"),
  verified: z.enum(["read-back", "mapped", "none"]).describe(
    "read-back: everything was read back from the medium and is the same; mapped: the ranges that a bmap names; " +
      "none: nothing was read back",
  ),
}).meta({ title: "FlashResult", description: "What has been proven of a flash" });
export type FlashResult = z.infer<typeof FlashResult>;

/** The same from an exporter that may answer nothing, as Python's do. */
export const MaybeFlashResult = FlashResult.nullable();

type Flash = (
  given: { source: ResourceSource; target?: string },
  options: CallOptions,
) => Promise<FlashResult | null>;

type Dump = (given: { target: ResourceSink; partition?: string }, options: CallOptions) => Promise<unknown>;

/** `flash` for a flasher with partitions. */
export function flashCommand(flash: Flash): Command {
  return command("Write an image", async ({ file, target, ...options }, io) => {
    if (target.length > 0 && file !== undefined) {
      throw usageError("Expected either an image or --target NAME:FILE, got both");
    }
    if (target.length > 0 && options.sha256) throw usageError("--sha256 is of one image, got --target as well");
    const images = target.length > 0 ? target.map(split) : [{ word: file ?? missing(), name: undefined }];
    for (const { word, name } of images) await flashOne(flash, word, name, options, io);
  }, {
    args: { file: imageFile.optional() },
    options: {
      target: z.array(z.string()).default([]).describe(
        "NAME:FILE writes that image to the partition of that name; it may be given several times",
      ),
      ...imageOptions,
    },
    short: { target: "t" },
  });
}

/** `flash` for a medium without partitions. */
export function flashMediumCommand(flash: Flash): Command {
  return command(
    "Write an image, then hand the storage to the device",
    ({ file, ...options }, io) => flashOne(flash, file, undefined, options, io),
    {
      args: { file: imageFile },
      options: imageOptions,
    },
  );
}

/** `dump` for a flasher with partitions. */
export function dumpCommand(dump: Dump): Command {
  return command("Read an image", ({ file, target, ...options }, io) => dumpOne(dump, file, target, options, io), {
    args: { file: dumpFile },
    options: {
      target: z.string().optional().describe("The partition to read; left out, the driver's default one"),
      ...dumpOptions,
    },
  });
}

/** `dump` for a medium without partitions. */
export function dumpMediumCommand(dump: Dump): Command {
  return command(
    "Read the storage, then hand it to the device",
    ({ file, ...options }, io) => dumpOne(dump, file, undefined, options, io),
    {
      args: { file: dumpFile },
      options: dumpOptions,
    },
  );
}

async function flashOne(
  flash: Flash,
  word: string,
  target: string | undefined,
  options: ImageOptions,
  io: CommandIo,
): Promise<void> {
  // Hashes and codecs take their time to load.
  const { giveImage } = await import("./images.ts");
  const image = await giveImage(word, options, io);
  if (!image.sent) io.advance({ stage: "fetch", bytes: 0 });
  const written = await flash({ source: image.source, target }, { signal: io.signal }).catch((error) => {
    throw explained(error, image.source);
  });
  const sent = image.sent && { bytes: image.sent.bytes, sha256: image.sent.sha256() };
  if (sent && written && !image.isCompressed && (sent.sha256 !== written.sha256 || sent.bytes !== written.bytes)) {
    throw new JumpstarterError(
      "data_loss",
      `The exporter wrote other bytes than were sent: ${written.bytes} with the SHA-256 ${written.sha256}, expected ` +
        `${sent.bytes} with ${sent.sha256}`,
      { phase: "driver" },
    );
  }
  const value = { target: target ?? null, sent: sent ?? null, written };
  io.print(value, [target && `${target}:`, ...told(sent, written)].filter(Boolean).join(" "));
}

function told(sent: { bytes: number; sha256: string } | undefined, written: FlashResult | null): string[] {
  if (!written) {
    const what = sent ? `Sent ${sent.bytes} bytes, SHA-256 ${sent.sha256};` : "Done;";
    return [what, "the exporter does not tell what it wrote"];
  }
  const proof = {
    "read-back": "read back and the same",
    "mapped": "what the bmap names was read back and is the same",
    "none": "not read back",
  }[written.verified];
  return [`Wrote ${written.bytes} bytes, SHA-256 ${written.sha256}, ${proof}`];
}

async function dumpOne(
  dump: Dump,
  word: string,
  partition: string | undefined,
  options: DumpOptions,
  io: CommandIo,
): Promise<void> {
  const { fillFile } = await import("./images.ts");
  const file = await fillFile(word, options, io);
  await dump({ target: file.target, partition }, { signal: io.signal });
  if (word === "-") return;
  const got = file.got && { bytes: file.got.bytes, sha256: file.got.sha256() };
  const text = got ? `Read ${got.bytes} bytes, SHA-256 ${got.sha256}, into ${word}` : `Uploaded to ${word}`;
  io.print({ file: word, ...got }, text);
}

/** What to do about an exporter that cannot do what is asked of it for a URL. */
function explained(error: unknown, source: ResourceSource): unknown {
  const asked = "url" in source && (source.contentEncoding || source.sha256);
  if (!asked || !isJumpstarterError(error, "invalid_argument", "unknown")) return error;
  return new JumpstarterError(error.code, error.message, {
    phase: error.phase,
    hint: "--from client fetches, checks and decompresses the file on this machine, for exporters that cannot",
    cause: error,
  });
}

function split(word: string): { name: string; word: string } {
  const [, name, file] = /^([^:]+):(.+)$/.exec(word) ?? [];
  if (!name) throw usageError(`Expected NAME:FILE for --target, got ${JSON.stringify(word)}`);
  return { name, word: file };
}

function missing(): never {
  throw usageError("Expected an image, or --target NAME:FILE");
}
