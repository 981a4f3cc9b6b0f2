/** Commands that flash and dump. @module */
import * as z from "zod/mini";
import { type Command, command, type CommandIo } from "../contract/command.ts";
import type { CallOptions } from "../contract/method.ts";
import type { ResourceSink, ResourceSource } from "../contract/resource.ts";
import { usageError } from "../core/errors.ts";
import type { flashImage } from "./flash_image.ts";
import {
  detachOption,
  dumpFile,
  type DumpOptions,
  dumpOptions,
  imageFile,
  imageOptions,
  writeOptions,
} from "./image_options.ts";

/** What has been proven of a flash. */
export const FlashResult = z.object({
  bytes: z.int().check(z.describe("Bytes that were written")),
  sha256: z.string().check(z.describe("SHA-256 of those bytes as they came, in hexadecimal digits")),
  verified: z.enum(["read-back", "mapped", "none"]).check(
    z.describe(
      "read-back: everything was read back from the medium and is the same; mapped: the ranges that a bmap names; " +
        "none: nothing was read back",
    ),
  ),
}).check(z.meta({ title: "FlashResult", description: "What has been proven of a flash" }));
export type FlashResult = z.infer<typeof FlashResult>;

/** The same from an exporter that may answer nothing, as Python's do. */
export const MaybeFlashResult = z.nullable(FlashResult);

/** How an image is to be written. */
export const FlashOptions = z.object({
  size: z.optional(z.int().check(z.minimum(1))).check(z.describe("Bytes of the whole image, where they are known")),
  sha256: z.optional(z.string().check(z.regex(/^[0-9a-fA-F]{64}$/, "Expected 64 hexadecimal digits"))).check(
    z.describe("What the SHA-256 of the whole image has to be"),
  ),
  sourceId: z.optional(z.string().check(z.minLength(1), z.maxLength(200))).check(
    z.describe(
      "What the image is called, the same for the same image only; without it nobody can go on with the flash",
    ),
  ),
  resumeAt: z.optional(z.int().check(z.minimum(0))).check(
    z.describe(
      "Go on with an unfinished flash: where in the image the source begins, as the plan says, or 0 where it has all of it",
    ),
  ),
  skipIfSame: z._default(z.boolean(), false).check(z.describe("Write nothing where the medium has the image already")),
  verify: z._default(z.boolean(), true).check(z.describe("Read everything back and compare")),
  blockMap: z.optional(z.string()).check(
    z.describe("A bmap: its ranges are written, and what lies between them is left alone"),
  ),
  detach: z._default(z.boolean(), false).check(
    z.describe(
      "Go on when the client is gone, until the session's end; what comes through the client still ends with it",
    ),
  ),
}).check(z.meta({ title: "FlashOptions", description: "How an image is to be written" }));
export type FlashOptions = z.input<typeof FlashOptions>;

/** What has been proven of a flash, in full. */
export const FlashProof = z.object({
  ...FlashResult.shape,
  sha256: z.optional(z.string()).check(
    z.describe(
      "SHA-256 of what the proof covers as it came, in hexadecimal digits; left out where only the rest of it came",
    ),
  ),
  sha256ReadBack: z.optional(z.string()).check(z.describe("The same as the medium gave it back")),
  written: z.int().check(z.describe("Bytes that went to the medium, zeros that it made itself included")),
  resumedFrom: z.optional(z.int()).check(
    z.describe("How much of the image was there from the flash that this one went on with"),
  ),
  held: z.optional(z.boolean()).check(z.describe("The medium had the image already")),
}).check(z.meta({ title: "FlashProof", description: "What has been proven of a flash, in full" }));
export type FlashProof = z.infer<typeof FlashProof>;

/** How far a flash is. */
export const FlashEvent = z.object({
  stage: z.enum(["compare", "transfer", "write", "sync", "verify", "done"]).check(
    z.describe("compare, transfer, write, sync, verify or done; transfer, write and sync go on at the same time"),
  ),
  bytes: z.int().check(z.describe("Bytes of the image that are through this stage")),
  total: z.optional(z.int()).check(z.describe("Bytes that there will be, where they are known")),
  last: z.optional(z.boolean()).check(z.describe("Whether the stage is at its end")),
  result: z.optional(FlashProof),
}).check(z.meta({ title: "FlashEvent", description: "How far a flash is" }));
export type FlashEvent = z.infer<typeof FlashEvent>;

/** How things stand with the latest flash. */
export const LatestFlash = z.object({
  active: z.boolean().check(z.describe("Whether it goes on")),
  stage: z.optional(FlashEvent.shape.stage),
  bytes: z.optional(z.int()).check(z.describe("Bytes of the image that are through this stage")),
  total: z.optional(z.int()).check(z.describe("Bytes that there will be, where they are known")),
  result: z.optional(FlashProof),
  failure: z.optional(z.string()).check(z.describe("Why it failed")),
}).check(z.meta({ title: "LatestFlash", description: "How things stand with the latest flash of the session" }));
export type LatestFlash = z.infer<typeof LatestFlash>;

/** Whether a flash goes on when its caller is gone. */
export const outlivesCaller = ({ options }: Record<string, unknown>): boolean =>
  (options as z.output<typeof FlashOptions>).detach;

/** Where a flash may go on. */
export const ResumePlan = z.object({
  offset: z.int().check(z.describe("Bytes from the beginning of the image that need not be sent again")),
  sha256: z.optional(z.string()).check(z.describe("SHA-256 that those bytes have to have, in hexadecimal digits")),
  unfinished: z.boolean().check(z.describe("Whether a flash was begun and not finished")),
  refusal: z.optional(z.string()).check(z.describe("Why it cannot go on")),
}).check(z.meta({ title: "ResumePlan", description: "Where a flash may go on" }));
export type ResumePlan = z.infer<typeof ResumePlan>;

/** The parameters by which a plan is asked for. */
export const planParams = {
  size: z.optional(z.int().check(z.minimum(1))).check(z.describe("Bytes of the whole image, where they are known")),
  sourceId: z.optional(z.string().check(z.minLength(1), z.maxLength(200))).check(
    z.describe("What the image is called, as it was when the flash began"),
  ),
};

/** The calls that a flash is made of. The latter two are there on this program's exporters only. */
export interface FlashCalls {
  flash(given: { source: ResourceSource; target?: string }, options: CallOptions): Promise<FlashResult | null>;
  progress(
    given: { source: ResourceSource; target?: string; options: FlashOptions },
    options: CallOptions,
  ): AsyncIterable<FlashEvent>;
  plan(given: { sourceId?: string; target?: string }, options: CallOptions): Promise<ResumePlan>;
}

/** The calls that a dump is made of. The latter is there on this program's exporters only. */
export interface DumpCalls extends Pick<FlashCalls, "plan"> {
  dump(given: { target: ResourceSink; partition?: string }, options: CallOptions): Promise<unknown>;
}

const checksum = z.string().check(
  z.regex(/^(?:.*:)?[0-9a-fA-F]{64}$/s, "Expected 64 hexadecimal digits, or NAME: and 64 hexadecimal digits"),
);

/** What the SHA-256 of the image for each name has to be. Where there is one image, its name may be left out. */
function checksumsOf(
  words: readonly string[],
  names: readonly (string | undefined)[],
): Map<string | undefined, string> {
  const checksums = new Map<string | undefined, string>();
  for (const word of words) {
    const colon = word.lastIndexOf(":");
    const name = colon < 0 ? names[0] : word.slice(0, colon);
    if (colon < 0 && names.length > 1) throw usageError("Of several images --sha256 says which: NAME:SHA-256");
    if (!names.includes(name)) throw usageError(`--sha256 is of ${JSON.stringify(name)}, which no --target names`);
    if (checksums.has(name)) throw usageError(`--sha256 of ${name ?? "the image"} is given twice`);
    checksums.set(name, word.slice(colon + 1));
  }
  return checksums;
}

/** `flash` for a flasher with partitions. */
export function flashCommand(calls: FlashCalls): Command {
  return command("Write an image", async ({ file, target, sha256, ...options }, io) => {
    if (target.length > 0 && file !== undefined) {
      throw usageError("Expected either an image or --target NAME:FILE, got both");
    }
    if (target.length > 1 && options.bmap) throw usageError("--bmap is of one image, got several");
    const images = target.length > 0 ? target.map(split) : [{ word: file ?? missing(), name: undefined }];
    if (images.filter(({ word }) => word === "-").length > 1) {
      throw usageError("Standard input is one image, got it twice");
    }
    const twice = images.find(({ name }, at) => images.findIndex((other) => other.name === name) !== at);
    if (twice) throw usageError(`--target ${twice.name} is given twice`);
    const checksums = checksumsOf(sha256, images.map(({ name }) => name));
    const isOneOfSeveral = images.length > 1;
    if (isOneOfSeveral) await checkImages(images.map(({ word }) => word));
    for (const { word, name } of images) {
      await flashOne(calls, word, name, { ...options, sha256: checksums.get(name), isOneOfSeveral }, io);
    }
  }, {
    args: { file: z.optional(imageFile) },
    options: {
      target: z._default(z.array(z.string()), []).check(
        z.describe("NAME:FILE writes that image to the partition of that name; it may be given several times"),
      ),
      ...imageOptions,
      sha256: z._default(z.array(checksum), []).check(
        z.describe(
          "What the SHA-256 of the file has to be, as it is before it is decompressed; NAME:SHA-256 for a --target of that name",
        ),
      ),
      ...writeOptions,
      ...detachOption,
    },
    short: { target: "t" },
  });
}

/** `flash` and `dump` for a medium without partitions. */
export function mediumCommands(calls: FlashCalls & DumpCalls): Record<string, Command> {
  return {
    flash: command(
      "Write an image, then hand the storage to the device",
      ({ file, ...options }, io) => flashOne(calls, file, undefined, options, io),
      {
        args: { file: imageFile },
        options: { ...imageOptions, ...writeOptions, ...detachOption },
      },
    ),
    dump: command(
      "Read the storage, then hand it to the device",
      ({ file, ...options }, io) => dumpOne(calls, file, undefined, options, io),
      { args: { file: dumpFile }, options: dumpOptions },
    ),
  };
}

/** Commands about a flash that was left to the exporter. */
export function flashStateCommands(
  calls: {
    state(given: { target?: string }, options: CallOptions): Promise<LatestFlash>;
    cancel(given: { target?: string }, options: CallOptions): Promise<boolean>;
  },
  options: { target?: z.core.$ZodType<string | undefined> },
): Record<string, Command> {
  return {
    "flash-state": command(
      "How things stand with the latest flash; ends with 1 where it failed",
      async (given, { print, signal }) => {
        const state = await calls.state(given as { target?: string }, { signal });
        print(state, await textOf(state));
        return state.failure === undefined ? 0 : 1;
      },
      { options },
    ),
    "flash-cancel": command(
      "End a flash that goes on",
      async (given, { print, signal }) => {
        const cancelled = await calls.cancel(given as { target?: string }, { signal });
        print({ cancelled }, cancelled ? "The flash was cancelled" : "No flash goes on");
      },
      { options },
    ),
  };
}

async function textOf(state: LatestFlash): Promise<string> {
  const { active, stage, bytes, total, result, failure } = state;
  if (active) return `Going on: ${stage}, ${bytes}${total === undefined ? "" : ` of ${total}`} bytes`;
  if (failure !== undefined) return `Failed: ${failure}`;
  return result ? (await import("./flash_image.ts")).told(undefined, result) : "Nothing was flashed in this session";
}

/** The same with a file of this machine as it is, for storage that was switched before. */
export function writeFileCommand(summary: string, calls: FlashCalls): Command {
  return command(
    summary,
    ({ file, ...options }, io) =>
      flashOne(calls, file, undefined, { ...options, compression: "none", from: "client" }, io),
    {
      args: { file: z.string().check(z.describe("A file on this machine")) },
      options: { sha256: imageOptions.sha256, ...writeOptions },
    },
  );
}

/** `dump` for a flasher with partitions. */
export function dumpCommand(calls: DumpCalls): Command {
  return command("Read an image", ({ file, target, ...options }, io) => dumpOne(calls, file, target, options, io), {
    args: { file: dumpFile },
    options: {
      target: z.optional(z.string()).check(z.describe("The partition to read; left out, the driver's default one")),
      ...dumpOptions,
    },
  });
}

/** Nothing is written where one of several images cannot be read. */
async function checkImages(words: readonly string[]): Promise<void> {
  const { checkReadable } = await import("./image_identity.ts");
  for (const word of words) await checkReadable(word);
}

async function flashOne(...given: Parameters<typeof flashImage>): Promise<void> {
  // Hashes and codecs take their time to load.
  const { flashImage } = await import("./flash_image.ts");
  await flashImage(...given);
}

async function dumpOne(
  calls: DumpCalls,
  word: string,
  partition: string | undefined,
  options: DumpOptions,
  io: CommandIo,
): Promise<void> {
  const [{ fillFile }, { planOf }] = await Promise.all([import("./images.ts"), import("./flash_image.ts")]);
  const plan = await planOf(calls, { target: partition }, io);
  if (plan?.unfinished) io.note("A flash was begun and not finished: What is read is no whole image");
  const file = await fillFile(word, options, io);
  await calls.dump({ target: file.target, partition }, { signal: io.signal });
  if (word === "-") return;
  const got = file.got && { bytes: file.got.bytes, sha256: file.got.sha256() };
  const text = got ? `Read ${got.bytes} bytes, SHA-256 ${got.sha256}, into ${word}` : `Uploaded to ${word}`;
  io.print({ file: word, ...got }, text);
}

function split(word: string): { name: string; word: string } {
  const [, name, file] = /^([^:]+):(.+)$/.exec(word) ?? [];
  if (!name) throw usageError(`Expected NAME:FILE for --target, got ${JSON.stringify(word)}`);
  return { name, word: file };
}

function missing(): never {
  throw usageError("Expected an image, or --target NAME:FILE");
}
