/**
 * The worker in which a medium is written, read and hashed: calls that may take long block this thread and no other, and
 * `errno` is read where it was set. What it is asked is done in order; see `medium_thread.ts` for the asking.
 *
 * @module
 */
import { createHash, type Hash } from "node:crypto";
import { bytesOf, type Piece, type SharedMemory } from "./slots.ts";
import {
  architecture,
  BLKFLSBUF,
  BLKGETSIZE64,
  BLKSSZGET,
  BLKZEROOUT,
  checked,
  cString,
  EINTR,
  errno,
  F_SETFL,
  FALLOC_FL_KEEP_SIZE,
  FALLOC_FL_PUNCH_HOLE,
  isSystemError,
  libc,
  LOCK_EX,
  LOCK_NB,
  O_CLOEXEC,
  O_EXCL,
  O_RDONLY,
  O_RDWR,
  POSIX_FADV_DONTNEED,
  type SystemError,
  systemError,
} from "./libc.ts";

/** What an open medium is like. */
export interface OpenMedium {
  /** Bytes that it can hold; of a file, those that it has. */
  readonly size: number;
  readonly isDevice: boolean;
}

/** An open file or device. */
interface Open extends OpenMedium {
  readonly path: string;
  readonly fd: number;
  /** Bytes that reads and writes past the page cache are multiples of. */
  readonly sector: number;
  /** Flags of the descriptor beside the access mode. */
  readonly direct: boolean;
}

let memory: Uint8Array<ArrayBuffer> = new Uint8Array();
let written: Open | undefined;
let readBack: Open | undefined;
const hashes = new Map<string, Hash>();

/** What can be asked. */
const operations = {
  /** Names the memory that pieces are of. */
  share(shared: SharedMemory): void {
    memory = bytesOf(shared);
  },

  /** Opens the medium for writing. It is nobody else's from then on. */
  open(path: string): OpenMedium {
    written = openAt(path, O_RDWR | O_CLOEXEC, true);
    // What O_EXCL is to devices.
    if (!written.isDevice) checked(`lock ${path}`, libc().flock(written.fd, LOCK_EX | LOCK_NB));
    return { size: written.size, isDevice: written.isDevice };
  },

  /** Opens the medium for reading only, past the page cache where that can be. */
  openToRead(path: string): OpenMedium {
    if (readBack) libc().close(readBack.fd);
    readBack = openAt(path, O_RDONLY | O_CLOEXEC, false);
    return { size: readBack.size, isDevice: readBack.isDevice };
  },

  write({ start, length }: Piece, offset: number): void {
    const open = written!;
    // Past the page cache only whole sectors can be written.
    const isWhole = !open.direct || length % open.sector === 0;
    if (!isWhole) setDirect(open, false);
    for (let done = 0; done < length;) {
      const count = libc().pwrite(
        open.fd,
        memory.subarray(start + done, start + length),
        BigInt(length - done),
        BigInt(offset + done),
      );
      if (count > 0) done += Number(count);
      else if (count === 0n) throw new Error(`write ${open.path} at ${offset + done}: It takes no more`);
      else if (errno() !== EINTR) throw systemError(`write ${open.path} at ${offset + done}`);
      // After a short write the rest may be no whole sectors.
      if (open.direct && isWhole && done % open.sector !== 0) done -= done % open.sector;
    }
    if (!isWhole) setDirect(open, true);
  },

  /** Makes a range read as zeros. Resolves to whether the medium could: where not, zeros have to be written. */
  zero(offset: number, length: number): boolean {
    const { fd, path, isDevice } = written!;
    const range = new BigUint64Array([BigInt(offset), BigInt(length)]);
    const result = isDevice
      ? libc().ioctl(fd, BLKZEROOUT, range)
      : libc().fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, range[0], range[1]);
    if (result >= 0) {
      // A hole behind the end of a file does not make it longer.
      if (!isDevice && Deno.statSync(path).size < offset + length) operations.truncate(offset + length);
      return true;
    }
    const error = systemError(`zero ${path} at ${offset}`);
    if (isSystemError(error, "EOPNOTSUPP", "ENOTTY", "EINVAL", "ENOSYS")) return false;
    throw error;
  },

  /** Cuts or extends a file. */
  truncate(size: number): void {
    checked(`truncate ${written!.path}`, libc().ftruncate(written!.fd, BigInt(size)));
  },

  /** Waits until the medium has what was written, and lets go of the pages that held it. */
  sync(): void {
    const { fd, path } = written!;
    checked(`sync ${path}`, libc().fdatasync(fd));
    libc().posix_fadvise(fd, 0n, 0n, POSIX_FADV_DONTNEED);
  },

  /** Drops what the kernel remembers of the medium, so that what is read next comes from it. */
  dropCache(): void {
    const { fd, isDevice } = written!;
    // Only root may, and reads past the page cache do not need it.
    if (isDevice) libc().ioctl_number(fd, BLKFLSBUF, 0);
    libc().posix_fadvise(fd, 0n, 0n, POSIX_FADV_DONTNEED);
  },

  /** Reads a range. Resolves to the number of bytes there were before the end. */
  read({ start, length }: Piece, offset: number): number {
    const { fd, path, direct, sector } = readBack!;
    const wanted = direct ? Math.ceil(length / sector) * sector : length;
    let done = 0;
    while (done < wanted) {
      const buffer = memory.subarray(start + done, start + wanted);
      const count = libc().pread(fd, buffer, BigInt(wanted - done), BigInt(offset + done));
      if (count === 0n) break;
      if (count > 0) done += Number(count);
      else if (errno() !== EINTR) throw systemError(`read ${path} at ${offset + done}`);
      if (direct && done % sector !== 0) break; // The end of a file.
    }
    return Math.min(done, length);
  },

  /** Adds a piece to a hash, which begins with its first piece. */
  hash(name: string, { start, length }: Piece, algorithm = "sha256"): void {
    let hash = hashes.get(name);
    if (!hash) hashes.set(name, hash = createHash(algorithm));
    hash.update(memory.subarray(start, start + length));
  },

  /** What a hash is of its pieces so far. It goes on. */
  hashed(name: string): string {
    return (hashes.get(name) ?? createHash("sha256")).copy().digest("hex");
  },

  /** Ends a hash: that of its pieces, or of nothing, in hexadecimal digits. */
  digest(name: string): string {
    const hash = hashes.get(name) ?? createHash("sha256");
    hashes.delete(name);
    return hash.digest("hex");
  },

  /** Closes what is open. */
  close(): void {
    for (const open of [written, readBack]) if (open) libc().close(open.fd);
    written = readBack = undefined;
  },
};

/** What can be asked, for whoever asks. */
export type Operations = typeof operations;

/** A question, with a number that its answer carries as well. */
export type Question = { readonly id: number; readonly name: keyof Operations; readonly args: readonly unknown[] };

/** An answer: a result, or a failure in plain data. */
export type Answer =
  | { readonly id: number; readonly result: unknown }
  | { readonly id: number; readonly failure: { message: string; errno?: number; code?: string } };

function openAt(path: string, flags: number, exclusive: boolean): Open {
  const { isBlockDevice } = Deno.statSync(path);
  const all = flags | (exclusive && isBlockDevice ? O_EXCL : 0);
  // Files are written through the page cache: they have no sectors that an image would have to fit.
  const wantsDirect = isBlockDevice || !exclusive;
  let fd = wantsDirect ? libc().open(cString(path), all | architecture.O_DIRECT) : -1;
  // Some file systems know no other way than through the page cache.
  const direct = fd >= 0;
  if (!direct) fd = libc().open(cString(path), all);
  checked(`open ${path}`, fd);
  try {
    if (!isBlockDevice) return { path, fd, size: Deno.statSync(path).size, isDevice: false, sector: 4096, direct };
    const size = new BigUint64Array(1);
    checked(`measure ${path}`, libc().ioctl(fd, BLKGETSIZE64, size));
    const sector = new Int32Array(1);
    checked(`measure ${path}`, libc().ioctl(fd, BLKSSZGET, sector));
    return { path, fd, size: Number(size[0]), isDevice: true, sector: sector[0], direct };
  } catch (error) {
    libc().close(fd);
    throw error;
  }
}

function setDirect({ fd, path }: Open, direct: boolean): void {
  checked(`set flags of ${path}`, libc().fcntl(fd, F_SETFL, direct ? architecture.O_DIRECT : 0));
}

const port = self as unknown as {
  onmessage(event: MessageEvent<Question>): void;
  postMessage(answer: Answer): void;
};

port.onmessage = ({ data: { id, name, args } }) => {
  try {
    const result = (operations[name] as (...args: readonly unknown[]) => unknown)(...args);
    port.postMessage({ id, result });
  } catch (error) {
    const { message, errno, code } = error as SystemError;
    port.postMessage({ id, failure: { message, errno, code } });
  }
};
