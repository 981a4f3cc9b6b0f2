/** Pseudo-terminals: a device file that this program is behind. @module */
import type { Pipe } from "../core/pipe.ts";
import { Descriptor, openDescriptor } from "./descriptor.ts";
import { checked, libc, O_CLOEXEC, O_NOCTTY, O_NONBLOCK, O_RDWR, systemError } from "./libc.ts";
import { setLine } from "./terminal.ts";

/** The longest path of one, with its end; `/dev/pts/` and a number. */
const pathBytes = 64;

/**
 * A pseudo-terminal in raw mode: what is written here is read from the device file {@linkcode path}, and the other way
 * round. Bytes go through unchanged unless a program changes the line's settings.
 *
 * It keeps its device file open itself, so programs may come and go: a read waits while there is none, and bytes for
 * nobody wait in the kernel until its few KiB are full, when writes wait as well. Closing it hangs up whoever has the
 * file open, and the file is gone.
 */
export interface PseudoTerminal extends Pipe, Disposable {
  /** The device file: `/dev/pts/3`. */
  readonly path: string;
}

/**
 * Makes one. The device file is this user's.
 *
 * @throws {SystemError} when the system has none left.
 */
export function openPseudoTerminal(): PseudoTerminal {
  const number = checked("posix_openpt", libc().posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC));
  const master = new Descriptor(number, "the pseudo-terminal");
  try {
    checked("grantpt", libc().grantpt(number));
    checked("unlockpt", libc().unlockpt(number));
    const path = deviceFile(number);
    const slave = openDescriptor(path, O_RDWR);
    setLine(slave.number);
    const close = () => {
      slave.close();
      master.close();
    };
    return {
      path,
      read: (buffer) => master.read(buffer),
      write: (bytes) => master.write(bytes),
      closeWrite: () => master.closeWrite(),
      close,
      [Symbol.dispose]: close,
    };
  } catch (error) {
    master.close();
    throw error;
  }
}

function deviceFile(master: number): string {
  const buffer = new Uint8Array(pathBytes);
  // Unlike the others it gives the error's number, not -1.
  const failure = libc().ptsname_r(master, buffer, BigInt(buffer.length));
  if (failure) throw systemError("ptsname_r", failure);
  return new TextDecoder().decode(buffer.subarray(0, buffer.indexOf(0)));
}
