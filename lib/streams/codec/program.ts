/** The codecs that are programs of the system: `xz` and `bzip2`. @module */
import type { Halves } from "../../core/byte_stream.ts";
import type { Codec } from "../../core/codec.ts";
import { JumpstarterError, messageOf } from "../../core/errors.ts";
import { damaged } from "./zlib.ts";

const programs = { xz: "xz", bz2: "bzip2" } as const;
const packages = { xz: "xz-utils", bz2: "bzip2" } as const;

/** A codec that the system has. */
export type SystemCodec = keyof typeof programs & Codec;

const found = new Map<SystemCodec, Promise<boolean>>();

/** Whether the codec's program is installed. It is asked once. */
export function hasProgram(codec: SystemCodec): Promise<boolean> {
  let answer = found.get(codec);
  if (!answer) {
    const run = new Deno.Command(programs[codec], { args: ["--help"], stdin: "null", stdout: "null", stderr: "null" });
    found.set(codec, answer = run.output().then(() => true, () => false));
  }
  return answer;
}

/**
 * Starts a codec's program. `lack` says why its library was not used.
 *
 * @throws {JumpstarterError} `failed_precondition` where it is not installed.
 */
export function openProgram(codec: SystemCodec, direction: "compress" | "decompress", lack: string): Halves {
  const program = programs[codec];
  const args = [direction === "compress" ? "--compress" : "--decompress", "--stdout"];
  let child;
  try {
    child = new Deno.Command(program, { args, stdin: "piped", stdout: "piped", stderr: "piped" }).spawn();
  } catch (cause) {
    throw new JumpstarterError(
      "failed_precondition",
      `There is neither a library nor a program for ${codec}: ${lack}; Cannot run ${program}: ${messageOf(cause)}`,
      {
        hint: `Install ${program} (Debian: ${packages[codec]}), or use gzip or zstd`,
        cause,
      },
    );
  }
  const reader = child.stdout.getReader();
  const writer = child.stdin.getWriter();
  const said = new Response(child.stderr).text();
  let closed = false;
  return {
    async next() {
      const { value } = await reader.read();
      if (value) return value;
      const [{ success }, why] = await Promise.all([child.status, said]);
      if (closed) throw new JumpstarterError("canceled", "The archive was given up");
      if (!success) throw damaged(codec, why.trim().replace(/^\w+: (?:\(stdin\): )?/, "") || `${program} failed`);
      return undefined;
    },
    write: (chunk) => writer.write(chunk),
    end: () => writer.close(),
    async close() {
      if (closed) return;
      closed = true;
      try {
        child.kill("SIGKILL");
      } catch { /* it has ended */ }
      // Either may have ended or broken already.
      await Promise.allSettled([writer.abort(), reader.cancel(), said, child.status]);
    },
  };
}
