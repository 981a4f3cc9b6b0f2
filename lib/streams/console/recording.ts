/** What a console says, in a file that outlives the session. @module */

/** Where a recording goes. */
export interface RecordingOptions {
  readonly file: string;
  /** A file that has grown to this size, in bytes, is put aside as FILE.1. @default 16777216 */
  readonly bytes?: number;
  /** Files that are put aside at most: FILE.1 is the youngest. @default 3 */
  readonly keep?: number;
}

/** A file that grows and is put aside by its size. */
export class Recording implements Disposable {
  readonly #path: string;
  readonly #most: number;
  readonly #keep: number;
  #file: Deno.FsFile;
  #size: number;

  constructor({ file, bytes = 16 * 1024 * 1024, keep = 3 }: RecordingOptions) {
    this.#path = file;
    this.#most = bytes;
    this.#keep = keep;
    this.#file = open(file);
    this.#size = this.#file.statSync().size;
  }

  append(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length; at += this.#most) this.#appendPiece(bytes.subarray(at, at + this.#most));
  }

  #appendPiece(bytes: Uint8Array): void {
    if (this.#size > 0 && this.#size + bytes.length > this.#most) this.#rotate();
    for (let done = 0; done < bytes.length;) done += this.#file.writeSync(bytes.subarray(done));
    this.#size += bytes.length;
  }

  /** The file that is open stays so until there is another: where that fails, the next piece tries again. */
  #rotate(): void {
    // Where it has gone already, those before it stay where they are.
    for (let number = exists(this.#path) ? this.#keep : 0; number >= 1; number--) {
      const older = number === 1 ? this.#path : `${this.#path}.${number - 1}`;
      try {
        Deno.renameSync(older, `${this.#path}.${number}`);
      } catch (error) {
        if (!(error instanceof Deno.errors.NotFound)) throw error;
      }
    }
    const next = open(this.#path);
    this.#file.close();
    this.#file = next;
    this.#size = 0;
  }

  [Symbol.dispose](): void {
    this.#file.close();
  }
}

function exists(path: string): boolean {
  try {
    Deno.lstatSync(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

// What a board says may be secret: passwords are typed at its login.
function open(path: string): Deno.FsFile {
  return Deno.openSync(path, { append: true, create: true, mode: 0o600 });
}
