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
  /** Runs once the file is complete. */
  readonly completed: () => void;
};

/** The open files of a session. */
export class OpenFiles implements AsyncDisposable {
  readonly #open = new Map<string, OpenFile>();
  readonly #closed = new Set<string>();
  /** Writes that go on. */
  readonly #writing = new Map<string, Promise<void>>();

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

  /** Writes to a file. When that fails, the file is given up: it never looks whole. */
  async write(fd: string, work: (file: WriteFile) => Promise<void>): Promise<void> {
    const { writes } = this.#find(fd);
    if (!writes) throw storageError("Unsupported", "The file was opened for reading");
    const id = checked(fd);
    if (this.#writing.has(id)) throw storageError("Unsupported", "The file is being written already");
    const writing = work(writes).catch(async (error) => {
      await this.#giveUp(id);
      throw error;
    });
    this.#writing.set(id, writing);
    await writing.finally(() => this.#writing.delete(id));
  }

  /** Whether an open file is one of that kind; a closed one is of none. */
  is(kind: "reads" | "writes", fd: string): boolean {
    return !this.isClosed(fd) && this.#find(fd)[kind] !== undefined;
  }

  /** The same once the write that goes on, if any, has come to its end. */
  async isClosedAfterWrite(fd: string): Promise<boolean> {
    await this.#writing.get(checked(fd))?.catch(() => {});
    return this.isClosed(fd);
  }

  isClosed(fd: string): boolean {
    if (this.#closed.has(checked(fd))) return true;
    this.#find(fd);
    return false;
  }

  /** Closes a file; one that is closed stays so. */
  async close(fd: string): Promise<void> {
    if (await this.isClosedAfterWrite(fd)) return;
    const file = this.#find(fd);
    this.#forget(checked(fd));
    if (file.reads) return await file.reads.close();
    await file.writes.close();
    file.completed();
  }

  /** Gives a file up; one that is closed stays as it is. */
  async abort(fd: string): Promise<void> {
    if (!await this.isClosedAfterWrite(fd)) await this.#giveUp(checked(fd));
  }

  /** What nobody has closed is not whole. */
  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.allSettled([...this.#open.keys()].map((id) => this.#giveUp(id)));
  }

  async #giveUp(id: string): Promise<void> {
    const file = this.#open.get(id);
    if (!file) return;
    this.#forget(id);
    await (file.reads ? file.reads.close() : file.writes.abort());
  }

  #forget(id: string): void {
    this.#open.delete(id);
    this.#closed.add(id);
    if (this.#closed.size > maxClosed) this.#closed.delete(this.#closed.values().next().value!);
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
