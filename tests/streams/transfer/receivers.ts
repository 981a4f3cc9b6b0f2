/** Receivers of files: those of lrzsz, as boards have them, and one that a test speaks for. @module */
import { type ByteStream, byteStreamOfPipe, makeByteStream, sinkOf, sourceOf } from "../../../lib/core/byte_stream.ts";
import { memoryPipe } from "../../../lib/core/pipe.ts";
import { withLimit } from "../../../lib/core/limit.ts";
import { ByteReader } from "../../../lib/streams/byte_reader.ts";
import type { Receiver } from "../../../lib/streams/transfer/blocks.ts";
import { isInstalled } from "../../system/terminal.ts";

const installed = await isInstalled("rx") && await isInstalled("rb");

/** A test that needs lrzsz. */
export function lrzszTest(name: string, run: () => Promise<void>): void {
  const missing = "(skipped: rx and rb of lrzsz are not installed)";
  Deno.test({ name: installed ? name : `${name} ${missing}`, ignore: !installed, fn: run });
}

/** A receiver that is running as a process. */
export interface Receiving extends AsyncDisposable {
  readonly receiver: Receiver;
  /** Its exit code. */
  readonly ended: Promise<number>;
}

/** Starts a receiver in a folder, on pipes. */
export function receive([program, ...args]: readonly [string, ...string[]], cwd: string): Receiving {
  const child = new Deno.Command(program, { args, cwd, stdin: "piped", stdout: "piped", stderr: "null" }).spawn();
  const receiver = receiverOf(makeByteStream(child.stdout, child.stdin));
  return {
    receiver,
    ended: child.status.then(({ code }) => code),
    async [Symbol.asyncDispose]() {
      try {
        child.kill("SIGKILL");
      } catch { /* it has ended */ }
      await child.status;
      await receiver.sink.end().catch(() => {});
      while (await receiver.source.next()) { /* it said more than was asked */ }
    },
  };
}

/** The same on a line that is still there when the receiver has ended. Its process is in the file `pid`. */
export function receiveOnLine(words: string, cwd: string): Receiving {
  return receive(["sh", "-c", `exec 3<&0; ${words} <&3 & echo $! >pid; wait $!; cat <&3 >/dev/null`], cwd);
}

/** The two directions of a stream. */
export function receiverOf(stream: ByteStream): Receiver {
  return { source: sourceOf(stream), sink: sinkOf(stream) };
}

/** A receiver whose words are the test's. */
export function scripted() {
  const [near, far] = memoryPipe();
  const other = receiverOf(byteStreamOfPipe(far));
  const reader = new ByteReader(other.source);
  return {
    receiver: receiverOf(byteStreamOfPipe(near)),
    say: (...bytes: number[]) => other.sink.write(Uint8Array.from(bytes)),
    /** The next bytes that were sent. */
    async hear(count: number): Promise<number[]> {
      const heard: number[] = [];
      while (heard.length < count) heard.push((await withLimit(reader.next(), 5_000, `Byte ${heard.length}`))!);
      return heard;
    },
    [Symbol.dispose]() {
      near.close();
      far.close();
    },
  };
}
