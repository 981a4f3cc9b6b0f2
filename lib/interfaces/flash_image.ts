/** One run of a flash: the image and the exporter's answers, and what is told of them. @module */
import type { CommandIo } from "../contract/command.ts";
import type { LocalSource, ResourceSource } from "../contract/resource.ts";
import type { ByteSource } from "../core/byte_stream.ts";
import { isJumpstarterError, JumpstarterError, usageError } from "../core/errors.ts";
import { hashedBeginning } from "../streams/hash.ts";
import type { FlashCalls, FlashEvent, FlashOptions, FlashProof, FlashResult, ResumePlan } from "./flashing.ts";
import { blockMapAt, hashOfFile, isUrl, sourceIdOf } from "./image_identity.ts";
import type { ImageOptions, WriteOptions } from "./image_options.ts";
import { giveImage, type GivenImage, isReference, remoteFile } from "./images.ts";

/** What a user says of a flash. */
export type FlashWords = ImageOptions & WriteOptions & {
  /** The image is one of several, of which those before an interrupted one are finished. */
  readonly isOneOfSeveral?: boolean;
  readonly detach?: boolean;
};

/**
 * Flashes the image that a word of the command line names, and prints what was proven.
 *
 * @throws {JumpstarterError} usage errors before anything is sent; `unimplemented` where the exporter cannot do what an
 * option asks for; what the exporter says; `data_loss` where it wrote other bytes than were sent.
 */
export async function flashImage(
  calls: FlashCalls,
  word: string,
  target: string | undefined,
  given: FlashWords,
  io: CommandIo,
): Promise<void> {
  refuseMisfits(word, given);
  const remote = await remoteFile(word, given, io);
  // A registry says what the SHA-256 has to be.
  const words = remote ? { ...given, sha256: remote.sha256 } : given;
  const blockMap = given.bmap === undefined ? undefined : await blockMapAt(given.bmap);
  let isOver = false;
  // What was on its way when the exporter needed no more is no progress.
  const advance: CommandIo["advance"] = (progress) => isOver || io.advance(progress);
  const image = await giveImage(word, words, Object.create(io, { advance: { value: advance } }), remote);
  let written: FlashResult | FlashProof | null | "detached";
  let plan: ResumePlan | undefined;
  try {
    if ("bytes" in image.source && image.source.size === 0) throw usageError(`${word}: It is empty`);
    const sourceId = await sourceIdOf(word, { sha256: words.sha256, codec: image.codec });
    plan = await planOf(calls, { sourceId, target }, io);
    if (!plan) refuseUnsupported(given);
    const options = planned(plan, word, words);
    if (!image.sent) io.advance({ stage: "fetch", bytes: 0 });
    written = plan
      ? await flashWithProgress(calls, { word, image, plan, target, sourceId, blockMap, options }, io)
      : await calls.flash({ source: image.source, target }, { signal: io.signal });
  } catch (error) {
    throw explained(error, image.source, plan !== undefined);
  } finally {
    isOver = true;
    if ("close" in image.source) await image.source.close?.();
  }
  if (written === "detached") {
    const which = target ? ` --target ${target}` : "";
    const text = `The exporter goes on; flash-state${which} tells how far it is, flash-cancel${which} ends it`;
    return io.print({ target: target ?? null, detached: true }, target ? `${target}: ${text}` : text);
  }
  const isHeld = written !== null && "held" in written && written.held;
  const sent = image.sent && !isHeld ? { bytes: image.sent.bytes, sha256: image.sent.sha256() } : undefined;
  // What was written by a bmap is not all of what was sent.
  if (sent && written && !image.codec) expectSame(sent, blockMap === undefined ? written : { bytes: written.bytes });
  const value = { target: target ?? null, sent: sent ?? null, written };
  io.print(value, [target && `${target}:`, told(sent, written)].filter(Boolean).join(" "));
}

interface Flash {
  readonly word: string;
  readonly image: GivenImage;
  readonly plan: ResumePlan;
  readonly target?: string;
  readonly sourceId?: string;
  readonly blockMap?: string;
  readonly options: FlashWords;
}

async function flashWithProgress(calls: FlashCalls, flash: Flash, io: CommandIo): Promise<FlashProof | "detached"> {
  const { image, target, sourceId } = flash;
  const { source, options } = await wanted(flash, io);
  // What is gone on with was not finished before either.
  let [isWriting, isTransferred] = [options.resumeAt !== undefined, false];
  const show = ({ stage, bytes, total, last }: FlashEvent) => {
    if (stage === "transfer") isTransferred ||= last ?? false;
    // What leaves this machine is counted here, in the bytes of the file.
    if (stage === "done" || stage === "transfer" && image.sent) return;
    isWriting ||= stage !== "compare";
    const beside = !isTransferred && (stage === "write" || stage === "sync");
    io.advance({ stage, bytes, total, beside });
  };
  try {
    let result: FlashProof | undefined;
    for await (const event of calls.progress({ source, target, options }, { signal: io.signal })) {
      show(event);
      result = event.result ?? result;
      if (options.detach && !result) return "detached";
    }
    if (result) return result;
    throw new JumpstarterError("data_loss", "The exporter ended the flash without a result", { phase: "driver" });
  } catch (error) {
    if (isWriting) {
      const goesOn = sourceId !== undefined && (io.signal.aborted || canGoOnAfter(error));
      const next = goesOn
        ? "the same command with --resume goes on where it stopped"
        : "the medium holds no whole image";
      io.note(`The flash is not finished; ${next}`);
    }
    throw error;
  }
}

/** What is done about an image, given what the exporter has noted. */
function planned(plan: ResumePlan | undefined, word: string, options: FlashWords): FlashWords {
  if (!options.resume || plan?.refusal === undefined) return options;
  if (options.isOneOfSeveral) return { ...options, resume: false, skipIfSame: canCompare(word, options) };
  throw cannotResume(plan.refusal);
}

function cannotResume(why: string): JumpstarterError {
  const hint = "Flash it from the beginning, without --resume";
  return new JumpstarterError("failed_precondition", why, { phase: "driver", hint });
}

/** What the exporter is asked for. */
async function wanted(flash: Flash, io: CommandIo): Promise<{ source: ResourceSource; options: FlashOptions }> {
  const { word, image, plan, sourceId, blockMap, options: words } = flash;
  const { resume, skipIfSame, noVerify, detach } = words;
  const local = "url" in image.source || !image.sent || image.codec ? undefined : image.source as LocalSource;
  // Of an archive the exporter sees what it holds, and of what it fetches it sees the beginning first.
  const resumeAt = resume ? local && blockMap === undefined ? plan.offset : 0 : undefined;
  const isFile = local && !isUrl(word) && word !== "-";
  const sha256 = image.codec ? undefined : words.sha256?.toLowerCase() ??
    (skipIfSame && isFile ? await hashOfFile(word, io) : undefined);
  const options = { size: local?.size, sha256, sourceId, resumeAt, skipIfSame, verify: !noVerify, blockMap, detach };
  if (!local || !resumeAt) return { source: image.source, options };
  const size = local.size === undefined ? undefined : local.size - resumeAt;
  // The beginning is read here all the same, for the SHA-256 of all of it.
  const { sha256: begun, rest } = await hashedBeginning(local.bytes as ByteSource, resumeAt, io.signal);
  if (plan.sha256 !== undefined && begun !== plan.sha256) {
    throw cannotResume(`The image is not the one whose writing was begun: Its first ${resumeAt} bytes differ`);
  }
  return { source: { ...local, size, bytes: rest }, options };
}

/** Where a flash may go on, or nothing where the exporter does not know of such things. */
export async function planOf(
  calls: Pick<FlashCalls, "plan">,
  image: { sourceId?: string; target?: string },
  { signal }: CommandIo,
): Promise<ResumePlan | undefined> {
  try {
    return await calls.plan(image, { signal });
  } catch (error) {
    // Python's exporters say not found, ours unimplemented.
    if (isJumpstarterError(error, "not_found", "unimplemented")) return undefined;
    throw error;
  }
}

/** Whether the image is known before it is read. */
function canCompare(word: string, { sha256, bmap }: FlashWords): boolean {
  return bmap === undefined && (sha256 !== undefined || isReference(word) || word !== "-" && !isUrl(word));
}

function refuseMisfits(word: string, options: FlashWords): void {
  const { resume, skipIfSame, bmap, detach } = options;
  if (detach && (!isUrl(word) || options.from === "client")) {
    throw usageError("--detach is for a URL that the exporter fetches itself");
  }
  if (word === "-" && resume) throw usageError("Standard input cannot be resumed: It cannot be read again");
  if (skipIfSame && bmap) throw usageError("With --bmap only parts could be compared, got --skip-if-same as well");
  if (skipIfSame && !canCompare(word, options)) {
    const what = word === "-" ? "standard input" : "a URL";
    throw usageError(`--skip-if-same of ${what} needs --sha256, to know the image before it is read`);
  }
}

function refuseUnsupported({ resume, skipIfSame, bmap, detach }: FlashWords): void {
  const asked: [unknown, string, string][] = [
    [resume, "--resume", "resume a flash"],
    [skipIfSame, "--skip-if-same", "compare before it writes"],
    [bmap, "--bmap", "use a bmap"],
    [detach, "--detach", "go on without its client"],
  ];
  const [, option, what] = asked.find(([isAsked]) => isAsked) ?? [];
  if (!option) return;
  throw new JumpstarterError("unimplemented", `This exporter cannot ${what}: It runs another or an older program`, {
    phase: "driver",
    hint: `Flash without ${option}`,
  });
}

/** Whether an error leaves a flash that can go on: the way to the medium has failed, not the image or the medium. */
function canGoOnAfter(error: unknown): boolean {
  return !isJumpstarterError(error) ||
    isJumpstarterError(
      error,
      "unknown",
      "unavailable",
      "canceled",
      "aborted",
      "deadline_exceeded",
      "resource_exhausted",
    );
}

function expectSame(sent: { bytes: number; sha256: string }, written: { bytes: number; sha256?: string }): void {
  const isSame = written.sha256 === undefined || written.sha256 === sent.sha256;
  if (isSame && sent.bytes === written.bytes) return;
  throw new JumpstarterError(
    "data_loss",
    `The exporter wrote other bytes than were sent: ${written.bytes} with the SHA-256 ${written.sha256}, expected ` +
      `${sent.bytes} with ${sent.sha256}`,
    { phase: "driver" },
  );
}

/** What is said of a flash: what was sent, where it came from this machine, and what was proven. */
export function told(
  sent: { bytes: number; sha256: string } | undefined,
  written: FlashResult | FlashProof | null,
): string {
  if (!written) {
    const what = sent ? `Sent ${sent.bytes} bytes, SHA-256 ${sent.sha256};` : "Done;";
    return `${what} the exporter does not tell what it wrote`;
  }
  const { bytes, sha256, verified } = written;
  const { held, resumedFrom, sha256ReadBack, written: put = bytes }: Partial<FlashProof> = written;
  if (held) return `Nothing was written: ${bytes} bytes with the SHA-256 ${sha256ReadBack} are there already`;
  const proof = {
    "read-back": "read back and the same",
    "mapped": "what the bmap names was read back and is the same",
    "none": "not read back",
  }[verified];
  const from = resumedFrom === undefined ? "" : ` (resumed at ${resumedFrom})`;
  const count = put === bytes ? `${bytes}` : `${put} of ${bytes}`;
  return `Wrote ${count} bytes${from}, SHA-256 ${sha256 ?? sent?.sha256 ?? "unknown"}, ${proof}`;
}

/** What to do about an exporter that cannot do what is asked of it for a URL; `isOurs` can, but may not get there. */
function explained(error: unknown, source: ResourceSource, isOurs: boolean): unknown {
  const asked = "url" in source && (source.contentEncoding || source.sha256);
  if (!asked || !isJumpstarterError(error, "invalid_argument", "unknown")) return error;
  return new JumpstarterError(error.code, error.message, {
    phase: error.phase,
    hint: isOurs
      ? "--from client fetches the file through this machine, where the exporter does not get to the server"
      : "--from client fetches, checks and decompresses the file on this machine, for exporters that cannot",
    cause: error,
  });
}
