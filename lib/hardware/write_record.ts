/**
 * What is known of a write beside the medium: how far it got, and what stands there. It is a file of JSON lines, to which
 * is only ever added; a line that was cut short by a crash counts as not written.
 *
 * @module
 */
import { JumpstarterError } from "../core/errors.ts";

/** Bytes of an image after which its SHA-256 so far is noted, and at its end. */
export const blockBytes = 4 * 1024 * 1024;

/** Counts up when the shape of a file changes. */
const format = 2;

/** What a write is of. */
export interface WriteSubject {
  /** Path of the medium. */
  readonly target: string;
  /** Which medium it was, see `identityOf`. */
  readonly medium: string;
  /** What the image is called by whoever sends it; the same for the same image only. */
  readonly sourceId: string;
  /** Bytes of the image, where they are known beforehand. */
  readonly size?: number;
  /** Whether a block map leaves parts of the image out: its digests are then of the bytes that it names. */
  readonly mapped?: boolean;
}

/** What a record says. */
export interface WriteState extends WriteSubject {
  /** When the write began, in ISO 8601. */
  readonly started: string;
  /** Bytes from the beginning that the medium has for certain: whole blocks, or all. */
  readonly synced: number;
  /** SHA-256 of everything before the end of each of their blocks, in hexadecimal digits. */
  readonly digests: readonly string[];
  /** Whether the whole image is there, and what was proven; left out, the medium is unfinished. */
  readonly done?: { readonly bytes: number; readonly verified: string };
}

/** Reads a record, or nothing where there is none. */
export function readWriteState(path: string): WriteState | undefined {
  let text: string;
  try {
    text = Deno.readTextFileSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
  const [header, ...lines] = text.split("\n").flatMap(parseLine);
  if (header?.format !== format) return undefined;
  const { target, medium, sourceId, size, mapped, started } = header as unknown as WriteState;
  const digests: string[] = [];
  let [synced, done]: [number, WriteState["done"]] = [0, undefined];
  for (const line of lines) {
    if (Array.isArray(line.digests)) digests.push(...line.digests as string[]);
    if (typeof line.synced === "number") synced = line.synced;
    if (line.done) done = line.done as WriteState["done"];
  }
  return { target, medium, sourceId, size, mapped, started, synced, digests, done };
}

/**
 * A write that may be gone on with.
 *
 * @throws {JumpstarterError} `failed_precondition`, saying why it cannot.
 */
export function resumable(state: WriteState | undefined, subject: WriteSubject): WriteState {
  const refuse = (why: string) =>
    new JumpstarterError("failed_precondition", `Cannot resume writing to ${subject.target}: ${why}`, {
      phase: "driver",
      hint: "Write it from the beginning, without resuming",
    });
  if (!state) throw refuse("No write to it was recorded");
  if (state.done) throw refuse("The last write to it was finished");
  if (state.target !== subject.target) throw refuse(`The last write went to ${state.target}`);
  if (state.medium !== subject.medium) throw refuse(`Expected the medium ${state.medium}, got ${subject.medium}`);
  if (state.sourceId !== subject.sourceId) throw refuse("The last write was of another image");
  if (state.size !== undefined && subject.size !== undefined && state.size !== subject.size) {
    throw refuse(`The image has ${subject.size} bytes now, it had ${state.size}`);
  }
  return state;
}

/** The record of a write that is going on. */
export class WriteRecord implements Disposable {
  readonly #file: Deno.FsFile;

  /** Begins a record in the place of an older one, or goes on with it. */
  constructor(path: string, subject: WriteSubject, options: { resume: boolean }) {
    this.#file = Deno.openSync(path, { append: true, create: true, mode: 0o600 });
    if (options.resume) {
      // The end of a line that was cut short.
      this.#write("\n");
    } else {
      this.#file.truncateSync();
      this.#add({ format, ...subject, started: new Date().toISOString() });
    }
  }

  /** Notes that the medium has all bytes before `synced`, with the digests at the ends of the blocks since the last note. */
  synced(synced: number, digests: readonly string[]): void {
    this.#add({ synced, digests });
  }

  /** Notes that the whole image is there. */
  done(done: NonNullable<WriteState["done"]>): void {
    this.#add({ done });
  }

  [Symbol.dispose](): void {
    this.#file.close();
  }

  #add(line: unknown): void {
    this.#write(`${JSON.stringify(line)}\n`);
  }

  #write(text: string): void {
    const bytes = new TextEncoder().encode(text);
    for (let done = 0; done < bytes.length;) done += this.#file.writeSync(bytes.subarray(done));
  }
}

function parseLine(line: string): Record<string, unknown>[] {
  try {
    return line ? [JSON.parse(line)] : [];
  } catch {
    return [];
  }
}
