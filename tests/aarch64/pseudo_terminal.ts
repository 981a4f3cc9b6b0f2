/**
 * A driver in TypeScript that knows the C library by itself: a pseudo-terminal in raw FFI. What is sent is written to
 * its slave; what comes back is read from its master, with the carriage returns that only a terminal puts there.
 *
 * @module
 */
import { defineDriver, JumpstarterError, makeByteStream, serial, z } from "jumpstarter";

const symbols = {
  posix_openpt: { parameters: ["i32"], result: "i32" },
  grantpt: { parameters: ["i32"], result: "i32" },
  unlockpt: { parameters: ["i32"], result: "i32" },
  ptsname: { parameters: ["i32"], result: "pointer" },
  // Its third parameter counts with O_CREAT only.
  open: { parameters: ["buffer", "i32"], result: "i32" },
  read: { parameters: ["i32", "buffer", "usize"], result: "isize" },
  write: { parameters: ["i32", "buffer", "usize"], result: "isize" },
  close: { parameters: ["i32"], result: "i32" },
} as const;

// Alike on x86-64 and aarch64, see asm-generic/fcntl.h.
const O_RDWR = 0o2;
const O_NOCTTY = 0o400;

export default defineDriver({
  name: "pseudo-terminal",
  summary: "Passes bytes through a pseudo-terminal",
  implements: serial,
  config: z.object({}),
  open({ log }) {
    const { symbols: libc, close: closeLibrary } = Deno.dlopen("libc.so.6", symbols);
    const master = worked("posix_openpt", libc.posix_openpt(O_RDWR | O_NOCTTY));
    worked("grantpt", libc.grantpt(master));
    worked("unlockpt", libc.unlockpt(master));
    const path = Deno.UnsafePointerView.getCString(libc.ptsname(master)!);
    const slave = worked("open", libc.open(new TextEncoder().encode(`${path}\0`), O_RDWR | O_NOCTTY));
    log.info("pseudo-terminal opened", { path, arch: Deno.build.arch });
    const buffer = new Uint8Array(4096);
    return {
      connect() {
        const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>({
          transform(chunk, controller) {
            worked("write", libc.write(slave, new Uint8Array(chunk), BigInt(chunk.length)));
            const length = worked("read", libc.read(master, buffer, BigInt(buffer.length)));
            controller.enqueue(buffer.slice(0, length));
          },
        });
        return makeByteStream(readable, writable);
      },
      [Symbol.asyncDispose]() {
        for (const descriptor of [slave, master]) libc.close(descriptor);
        closeLibrary();
      },
    };
  },
});

/** The result of a call, which is negative where it failed. */
function worked(name: string, result: number | bigint): number {
  if (Number(result) >= 0) return Number(result);
  throw new JumpstarterError("failed_precondition", `${name}() of the C library failed`);
}
