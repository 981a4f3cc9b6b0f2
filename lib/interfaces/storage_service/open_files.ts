/** Files that clients have opened, by the uuids that they were given. @module */
import { JumpstarterError } from "../../core/errors.ts";
import { type ReadFile, storageError, type WriteFile } from "./backend.ts";

/** How many files may be open at once. */
const maxOpen = 1_000;

/** How many closed ones are remembered, so that it can be told that they are closed. */
const maxClosed = 10_000;

type OpenFile = { readonly reads: ReadFile; readonly writes?: undefined } | {
  readonly reads?: undefined;
  readonly writes: WriteFile;
};

/** The open files of a session. */
export class OpenFiles implements AsyncDisposable {
  readonly #open = new Map<string, OpenFile>();
  readonly #closed = new Set<string>();

  /** Keeps a file until it is closed. */
  add(file: OpenFile): string {
    const fd = crypto.randomUUID();
    this.#open.set(fd, file);
    return fd;
  }

  /** @throws {JumpstarterError} `resource_exhausted` where too many files are open. */
  checkRoom(): void {
    if (this.#open.size < maxOpen) return;
    throw new JumpstarterError("resource_exhausted", `${maxOpen} files are open already`, {
      hint: "Close some of them",
    });
  }

  /** A file that is read. */
  reading(fd: string): ReadFile {
    const { reads } = this.#find(fd);
    if (reads) return reads;
    throw storageError("Unsupported", "The file was opened for writing");
  }

  /** A file that is written. */
  writing(fd: string): WriteFile {
    const { writes } = this.#find(fd);
    if (writes) return writes;
    throw storageError("Unsupported", "The file was opened for reading");
  }

  /** Whether an open file is one of that kind; a closed one is of none. */
  is(kind: "reads" | "writes", fd: string): boolean {
    return !this.isClosed(fd) && this.#find(fd)[kind] !== undefined;
  }

  isClosed(fd: string): boolean {
    if (this.#closed.has(checked(fd))) return true;
    this.#find(fd);
    return false;
  }

  /** Closes a file; one that is closed stays so. */
  async close(fd: string): Promise<void> {
    if (this.isClosed(fd)) return;
    const file = this.#find(fd);
    const id = checked(fd);
    this.#open.delete(id);
    this.#closed.add(id);
    if (this.#closed.size > maxClosed) this.#closed.delete(this.#closed.values().next().value!);
    await (file.reads ?? file.writes).close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.allSettled([...this.#open.keys()].map((fd) => this.close(fd)));
  }

  #find(fd: string): OpenFile {
    const file = this.#open.get(checked(fd));
    if (file) return file;
    const why = this.#closed.has(checked(fd)) ? "The file is closed" : `No file was opened as ${fd}`;
    throw storageError("NotFound", why);
  }
}

/** @throws {JumpstarterError} `invalid_argument` for what is no uuid. */
function checked(fd: string): string {
  if (/^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(fd)) return fd.toLowerCase();
  throw new JumpstarterError("invalid_argument", `Expected the uuid of an open file, got ${JSON.stringify(fd)}`);
}
