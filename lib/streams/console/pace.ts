/** Sending slowly, for devices that lose what comes too fast. @module */
import { type ByteStream, byteStreamOf, sinkOf, sourceOf } from "../../core/byte_stream.ts";
import { JumpstarterError } from "../../core/errors.ts";
import { pause } from "../../core/limit.ts";
import type { ConsoleLine } from "./line.ts";
import { paced as pieces } from "../expect.ts";

/** A line that takes no more than `cps` characters per second. */
export function pacedLine(line: ConsoleLine, cps: number): ConsoleLine {
  if (cps === Infinity) return line;
  return {
    bytes: paced(line.bytes, cps),
    sendBreak: line.sendBreak && ((durationMs) => line.sendBreak!(durationMs)),
    setDtr: line.setDtr && ((on) => line.setDtr!(on)),
    setRts: line.setRts && ((on) => line.setRts!(on)),
    [Symbol.asyncDispose]: () => line[Symbol.asyncDispose](),
  };
}

/** A stream that takes no more than `cps` characters per second. */
export function paced(stream: ByteStream, cps: number): ByteStream {
  if (cps === Infinity) return stream;
  const [source, sink] = [sourceOf(stream), sinkOf(stream)];
  const closed = new AbortController();
  /** When the next piece may follow. */
  let freeMs = 0;
  return byteStreamOf({
    next: () => source.next(),
    async write(chunk) {
      await pause(Math.max(0, freeMs - performance.now()), closed.signal);
      for await (const piece of pieces(chunk, cps, closed.signal)) {
        await sink.write(piece);
        freeMs = performance.now() + piece.length * 1000 / cps;
      }
    },
    end: () => sink.end(),
    async close() {
      closed.abort(new JumpstarterError("canceled", "The port was closed"));
      await stream[Symbol.asyncDispose]();
    },
  });
}
