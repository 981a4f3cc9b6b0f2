/**
 * The C library of Linux: the calls that this program needs, and the numbers that go with them.
 *
 * Calls are made on the thread that asks, where `errno` can be trusted, so descriptors are opened non-blocking. Only
 * the reactor and the closing of slow devices wait, on a thread of Deno's pool.
 *
 * @module
 */
import { JumpstarterError, messageOf } from "../core/errors.ts";

/** With the prototypes of the manual pages. Types are those of 64-bit Linux. */
const symbols = {
  // int *__errno_location(void);
  __errno_location: { parameters: [], result: "pointer" },
  // char *strerror(int errnum);
  strerror: { parameters: ["i32"], result: "pointer" },
  // const char *strerrorname_np(int errnum);
  strerrorname_np: { parameters: ["i32"], result: "pointer" },

  // int open(const char *pathname, int flags, ... /* mode_t mode */ );
  open: { parameters: ["buffer", "i32"], result: "i32" },
  // int close(int fd);
  close: { parameters: ["i32"], result: "i32" },
  // The same on a thread of Deno's pool: whether it worked is not told.
  close_waiting: { name: "close", parameters: ["i32"], result: "i32", nonblocking: true },
  // ssize_t read(int fd, void buf[.count], size_t count);
  read: { parameters: ["i32", "buffer", "usize"], result: "isize" },
  // ssize_t write(int fd, const void buf[.count], size_t count);
  write: { parameters: ["i32", "buffer", "usize"], result: "isize" },
  // int ioctl(int fd, unsigned long op, ...);  with a pointer; the kernel takes an unsigned int
  ioctl: { parameters: ["i32", "u32", "buffer"], result: "i32" },
  // int ioctl(int fd, unsigned long op, ...);  with a number
  ioctl_number: { name: "ioctl", parameters: ["i32", "u32", "i32"], result: "i32" },
  // int flock(int fd, int op);
  flock: { parameters: ["i32", "i32"], result: "i32" },

  // int fcntl(int fd, int op, ... /* arg */ );  with a number
  fcntl: { parameters: ["i32", "i32", "i32"], result: "i32" },
  // ssize_t pread(int fd, void buf[.count], size_t count, off_t offset);
  pread: { parameters: ["i32", "buffer", "usize", "i64"], result: "isize" },
  // ssize_t pwrite(int fd, const void buf[.count], size_t count, off_t offset);
  pwrite: { parameters: ["i32", "buffer", "usize", "i64"], result: "isize" },
  // int fdatasync(int fd);
  fdatasync: { parameters: ["i32"], result: "i32" },
  // int ftruncate(int fd, off_t length);
  ftruncate: { parameters: ["i32", "i64"], result: "i32" },
  // int fallocate(int fd, int mode, off_t offset, off_t len);
  fallocate: { parameters: ["i32", "i32", "i64", "i64"], result: "i32" },
  // int posix_fadvise(int fd, off_t offset, off_t len, int advice);
  posix_fadvise: { parameters: ["i32", "i64", "i64", "i32"], result: "i32" },
  // void *mmap(void addr[.length], size_t length, int prot, int flags, int fd, off_t offset);
  mmap: { parameters: ["pointer", "usize", "i32", "i32", "i32", "i64"], result: "pointer" },
  // int munmap(void addr[.length], size_t length);
  munmap: { parameters: ["pointer", "usize"], result: "i32" },
  // int memcmp(const void s1[.n], const void s2[.n], size_t n);
  memcmp: { parameters: ["buffer", "buffer", "usize"], result: "i32" },

  // int epoll_create1(int flags);
  epoll_create1: { parameters: ["i32"], result: "i32" },
  // int epoll_ctl(int epfd, int op, int fd, struct epoll_event *_Nullable event);
  epoll_ctl: { parameters: ["i32", "i32", "i32", "buffer"], result: "i32" },
  // int epoll_wait(int epfd, struct epoll_event events[.maxevents], int maxevents, int timeout);
  epoll_wait: { parameters: ["i32", "buffer", "i32", "i32"], result: "i32", nonblocking: true },
  // int eventfd(unsigned int initval, int flags);
  eventfd: { parameters: ["u32", "i32"], result: "i32" },

  // int posix_openpt(int flags);
  posix_openpt: { parameters: ["i32"], result: "i32" },
  // int grantpt(int fd);
  grantpt: { parameters: ["i32"], result: "i32" },
  // int unlockpt(int fd);
  unlockpt: { parameters: ["i32"], result: "i32" },
  // int ptsname_r(int fd, char buf[.buflen], size_t buflen);
  ptsname_r: { parameters: ["i32", "buffer", "usize"], result: "i32" },
} as const satisfies Deno.ForeignLibraryInterface;

let library: Deno.DynamicLibrary<typeof symbols> | undefined;

/**
 * The library's functions. It is opened with the first use and stays open.
 *
 * @throws {JumpstarterError} `unimplemented` on a system that has no such library.
 */
export function libc(): Deno.DynamicLibrary<typeof symbols>["symbols"] {
  try {
    return (library ??= Deno.dlopen("libc.so.6", symbols)).symbols;
  } catch (error) {
    throw new JumpstarterError(
      "unimplemented",
      `Devices need Linux with glibc 2.35 or newer, whose libc.so.6 cannot be used here: ${messageOf(error)}`,
      { cause: error },
    );
  }
}

/** Numbers that the kernel's headers give alike for x86-64 and aarch64 (include/uapi/asm-generic). */
export const O_RDONLY = 0o0;
export const O_RDWR = 0o2;
export const O_EXCL = 0o200;
export const O_NOCTTY = 0o400;
export const O_NONBLOCK = 0o4000;
export const O_CLOEXEC = 0o2000000;
export const LOCK_EX = 2;
export const LOCK_NB = 4;
export const EINTR = 4;
export const EIO = 5;
export const EAGAIN = 11;
export const ENOTTY = 25;
export const F_SETFL = 4;
export const PROT_READ = 1;
export const PROT_WRITE = 2;
export const MAP_PRIVATE = 2;
export const MAP_ANONYMOUS = 0x20;
export const FALLOC_FL_KEEP_SIZE = 1;
export const FALLOC_FL_PUNCH_HOLE = 2;
export const POSIX_FADV_DONTNEED = 4;
/** Requests to block devices (include/uapi/linux/fs.h). */
export const BLKFLSBUF = 0x1261;
export const BLKSSZGET = 0x1268;
export const BLKZEROOUT = 0x127f;
export const BLKGETSIZE64 = 0x80081272;

/** Numbers that differ, each with where it comes from. */
interface ArchitectureNumbers {
  /** Past the page cache (arch/arm64/include/uapi/asm/fcntl.h has its own). */
  readonly O_DIRECT: number;
  /** `struct epoll_event` is packed on x86-64 only (include/uapi/linux/eventpoll.h): its size, and where `data` lies. */
  readonly epollEvent: { readonly size: number; readonly data: number };
}

/** The numbers of the machine that this runs on. */
export const architecture: ArchitectureNumbers = {
  x86_64: { O_DIRECT: 0o40000, epollEvent: { size: 12, data: 4 } },
  aarch64: { O_DIRECT: 0o200000, epollEvent: { size: 16, data: 8 } },
}[Deno.build.arch as "x86_64" | "aarch64"];

/** Text as C has it. */
export function cString(text: string): Uint8Array<ArrayBuffer> {
  if (text.includes("\0")) throw new JumpstarterError("invalid_argument", "Expected text without a NUL character");
  return new TextEncoder().encode(`${text}\0`);
}

/** Why the last call failed. Only right after a call of this thread that said it did. */
export function errno(): number {
  return new Deno.UnsafePointerView(libc().__errno_location()!).getInt32();
}

/** A call of the operating system that failed. */
export interface SystemError extends Error {
  /** The kernel's number. */
  readonly errno: number;
  /** Its name: `EIO`. */
  readonly code: string;
}

/** The error that a number stands for. `what` names the call and what it was about: `open /dev/ttyUSB0`. */
export function systemError(what: string, number: number = errno()): SystemError {
  const { strerror, strerrorname_np } = libc();
  const name = strerrorname_np(number);
  const code = name ? Deno.UnsafePointerView.getCString(name) : `E${number}`;
  const text = Deno.UnsafePointerView.getCString(strerror(number)!);
  return Object.assign(new Error(`${what}: ${text} (${code})`), { errno: number, code });
}

/** Whether a call failed with one of these names: `isSystemError(error, "EIO")`. */
export function isSystemError(error: unknown, ...codes: string[]): error is SystemError {
  return error instanceof Error && "errno" in error && codes.includes((error as SystemError).code);
}

/**
 * The result of a call.
 *
 * @throws {SystemError} when it is negative.
 */
export function checked(what: string, result: number | bigint): number {
  if (result < 0) throw systemError(what);
  return Number(result);
}
