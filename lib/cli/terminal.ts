/** The user's terminal, for commands that take it as it is. @module */
import { hostname, userInfo } from "node:os";
import type { RawTerminal, Terminal } from "../contract/command.ts";
import { writeAll } from "../core/pipe.ts";
import { rememberLine, showVerbatim } from "../hardware/terminal.ts";

/** The descriptor of standard input. */
const stdin = 0;

/** The terminal that standard input is. Leaving it waits for nothing: one that was stopped may never show the rest. */
export const terminal: Terminal = {
  get user() {
    return `${userName()}@${hostname()}`;
  },
  raw(): RawTerminal {
    const isLinux = Deno.build.os === "linux";
    const restore = isLinux ? rememberLine(stdin) : () => Deno.stdin.setRaw(false);
    Deno.stdin.setRaw(true);
    // Deno leaves the output as it was.
    if (isLinux) showVerbatim(stdin);
    const buffer = new Uint8Array(4096);
    return {
      async next() {
        // A terminal that is gone fails instead of ending.
        const count = await Deno.stdin.read(buffer).catch(() => null);
        return count === null ? undefined : buffer.slice(0, count);
      },
      // Not at once: a terminal that shows nothing for a while must not keep this program from hearing a signal.
      write: (bytes) => writeAll(Deno.stdout, bytes),
      [Symbol.dispose]() {
        try {
          restore();
        } catch { /* it is gone */ }
      },
    };
  },
};

function userName(): string {
  try {
    return userInfo().username;
  } catch {
    return String(Deno.uid());
  }
}
