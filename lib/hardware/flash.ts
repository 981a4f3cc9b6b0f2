/** What drivers do with an image and a medium. @module */
import { dirname } from "node:path";
import type { ByteSink, ByteSource } from "../core/byte_stream.ts";
import { JumpstarterError } from "../core/errors.ts";
import { Exclusive } from "../core/exclusive.ts";
import { readMedium, writeMedium } from "../streams/medium.ts";
import { FlashRuns } from "./flash_runs.ts";
import type { ResumePlan } from "./earlier_write.ts";
import type { WriteProgress } from "./write_progress.ts";

/** What has been proven of a flash, as clients are told. */
export interface Flashed {
  readonly bytes: number;
  readonly sha256: string;
  readonly verified: "read-back" | "mapped" | "none";
}

/** The same in full. */
export interface FlashProof extends Omit<Flashed, "sha256"> {
  /** SHA-256 of what the proof covers as it came. Nothing where nothing had to come. */
  readonly sha256?: string;
  /** The same as the medium gave it back. */
  readonly sha256ReadBack?: string;
  /** Bytes that went to the medium, zeros that it made itself included. */
  readonly written: number;
  /** How much of the image was there from an earlier write that this one went on with. */
  readonly resumedFrom?: number;
  /** The medium held the image already. */
  readonly held?: boolean;
}

/** How far a flash is, or its result. */
export interface FlashEvent {
  readonly stage: WriteProgress["stage"] | "done";
  readonly bytes: number;
  readonly total?: number;
  readonly last?: boolean;
  readonly result?: FlashProof;
}

/** How a client wants an image to be written. */
export interface FlashOptions {
  readonly size?: number;
  readonly sha256?: string;
  readonly sourceId?: string;
  /** Where the source begins of a write that is gone on with; 0: it has the whole image. */
  readonly resumeAt?: number;
  readonly skipIfSame?: boolean;
  readonly verify?: boolean;
  readonly blockMap?: string;
  /** Goes on when the client is gone. */
  readonly detach?: boolean;
}

/** An image as a driver gets it. */
export interface Image {
  readonly bytes: ByteSource;
  readonly size?: number;
}

/** What a driver flashes. */
export interface FlashMedium {
  /** A block device or a file, which is made where there is none. */
  readonly path: string;
  /** The file that says how far a write to it got. Its folder is made where it is missing. */
  readonly record: string;
  /** As {@linkcode WriteOptions} of the writer. */
  readonly storageTimeoutMs?: number;
  readonly syncTimeoutMs?: number;
  readonly leewayMs?: number;
}

/**
 * Writes images to a medium and reads them back. On a system whose library is not known here the medium is written, and
 * nothing is proven; only the plain `flash` is there then.
 */
export class MediumFlasher {
  readonly runs = new FlashRuns();
  readonly #medium: FlashMedium;
  readonly #use: Exclusive;

  constructor(medium: FlashMedium) {
    this.#medium = medium;
    this.#use = new Exclusive(() =>
      new JumpstarterError("failed_precondition", `${medium.path} is in use: Another client writes or reads it`, {
        phase: "driver",
        hint: "Wait for its end",
      })
    );
  }

  /**
   * Writes an image from its beginning.
   *
   * @throws {JumpstarterError} as `writeImage`.
   */
  async flash({ bytes: source, size }: Image, { signal }: { signal?: AbortSignal } = {}): Promise<Flashed> {
    if (Deno.build.os !== "linux") return await this.#use.run(signal, () => writeMedium(this.#medium.path, source));
    const { bytes, verified, sha256 } = await this.write({ bytes: source, size }, {}, () => {}, signal);
    return { bytes, sha256: sha256!, verified };
  }

  /** The same with options, progress and the whole proof. */
  progress(image: Image, options: FlashOptions, { signal }: { signal: AbortSignal }): AsyncGenerator<FlashEvent> {
    const { detach: detached } = options;
    return this.runs.events((report, signal) => this.write(image, options, report, signal), { signal, detached });
  }

  /**
   * Writes an image as a client wants it.
   *
   * @throws {JumpstarterError} as `writeImage`, and `invalid_argument` for options that do not go together.
   */
  write(
    image: Image,
    options: FlashOptions,
    report: (event: FlashEvent) => void,
    signal?: AbortSignal,
  ): Promise<FlashProof> {
    return this.#use.run(signal, () => this.#write(image, options, report, signal));
  }

  async #write(
    image: Image,
    options: FlashOptions,
    report: (event: FlashEvent) => void,
    signal?: AbortSignal,
  ): Promise<FlashProof> {
    refuseElsewhere();
    const { path, record: recordPath, storageTimeoutMs, ...limits } = this.#medium;
    const { sha256, resumeAt, verify, skipIfSame = false, blockMap: mapText } = options;
    const size = options.size ?? (resumeAt ? undefined : image.size);
    if (skipIfSame && mapText !== undefined) {
      throw new JumpstarterError("invalid_argument", "With a block map only parts of a medium could be compared");
    }
    Deno.mkdirSync(dirname(recordPath), { recursive: true, mode: 0o700 });
    // Without an identity nobody can go on with it, but the medium counts as unfinished.
    const { sourceId = crypto.randomUUID() } = options;
    const record = { path: recordPath, sourceId, resumable: options.sourceId !== undefined };
    if (skipIfSame) {
      const { heldImage } = await import("./earlier_write.ts");
      const look = { storageTimeoutMs, create: true, onProgress: report, signal };
      const held = await heldImage(path, { ...look, size, sha256, record });
      if (held) {
        return { bytes: held.bytes, verified: "read-back", sha256ReadBack: held.sha256, written: 0, held: true };
      }
    }
    const [{ writeImage }, { parseBlockMap }] = await Promise.all([
      import("./image_writer.ts"),
      import("./block_map.ts"),
    ]);
    const resume = resumeAt === undefined ? {} : { resume: resumeAt > 0 ? "rest" : "all", offset: resumeAt } as const;
    const written = await writeImage(image.bytes, path, {
      ...limits,
      storageTimeoutMs,
      create: true,
      size,
      sha256,
      verify,
      blockMap: mapText === undefined ? undefined : parseBlockMap(mapText),
      record: { ...record, ...resume },
      onProgress: report,
      signal,
    });
    return {
      bytes: written.bytes,
      verified: written.verified,
      sha256: written.sha256Sent,
      sha256ReadBack: written.sha256ReadBack,
      written: written.written + written.zeroed,
      resumedFrom: written.resumedFrom,
    };
  }

  /** Reads the medium to its end, while nobody writes to it. */
  dump(sink: ByteSink, { signal }: { signal?: AbortSignal } = {}): Promise<void> {
    return this.#use.run(signal, () => readMedium(this.#medium.path, sink));
  }

  /** Where a write of an image may go on, as far as the record tells: the medium may be elsewhere now. */
  async plan({ size, sourceId }: { size?: number; sourceId?: string }): Promise<ResumePlan> {
    refuseElsewhere();
    const { recordedPlan } = await import("./earlier_write.ts");
    const { path, record } = this.#medium;
    // A write that is being given up may note something yet.
    return await this.#use.whenFree(() => recordedPlan(path, record, { size, sourceId }));
  }
}

/** A client then flashes in the plain way. */
function refuseElsewhere(): void {
  if (Deno.build.os === "linux") return;
  throw new JumpstarterError("unimplemented", "Writing to media with proof and progress is there on Linux only");
}
