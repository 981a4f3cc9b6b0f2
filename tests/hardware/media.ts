/** Media for tests: files, loop devices and small file systems; and images for them. @module */
import { createHash } from "node:crypto";
import type { ByteSource } from "../../lib/core/byte_stream.ts";

/** A block device of a file. */
export interface LoopDevice extends Disposable {
  readonly path: string;
  /** The file behind it. */
  readonly file: string;
}

/** Why there are no block devices and mounts for tests, or nothing. */
export const missing: string | undefined = lack();

/** A test that needs block devices and mounts. */
export function mediaTest(name: string, fn: () => Promise<void>): void {
  Deno.test({ name: missing ? `${name} (skipped: ${missing})` : name, ignore: missing !== undefined, fn });
}

/** Makes a block device of that many bytes. */
export function loopDevice(folder: string, bytes: number): LoopDevice {
  const file = `${folder}/loop-${crypto.randomUUID()}`;
  Deno.writeFileSync(file, new Uint8Array());
  Deno.truncateSync(file, bytes);
  const path = run("losetup", "--find", "--show", file);
  return { path, file, [Symbol.dispose]: () => void run("losetup", "--detach", path) };
}

/** Mounts a file system in a folder of its own. */
export function mount(folder: string, ...options: string[]): { readonly path: string } & Disposable {
  const path = `${folder}/mount-${crypto.randomUUID()}`;
  Deno.mkdirSync(path);
  run("mount", ...options, path);
  return { path, [Symbol.dispose]: () => void run("umount", path) };
}

/** Runs a program to its end. */
export function run(program: string, ...args: string[]): string {
  const { success, stdout, stderr } = new Deno.Command(program, { args }).outputSync();
  if (!success) throw new Error(`${program} ${args.join(" ")}: ${new TextDecoder().decode(stderr)}`);
  return new TextDecoder().decode(stdout).trim();
}

/** Bytes that look like chance and are the same for the same seed. */
export function noise(bytes: number, seed = 1): Uint8Array<ArrayBuffer> {
  const words = new Uint32Array(Math.ceil(bytes / 4));
  let word = seed * 0x9e3779b9 >>> 0 || 1;
  for (let at = 0; at < words.length; at++) {
    // xorshift32
    word ^= word << 13;
    word ^= word >>> 17;
    word ^= word << 5;
    words[at] = word;
  }
  return new Uint8Array(words.buffer, 0, bytes);
}

/** A source of bytes in chunks of some size. */
export function sourceOfBytes(bytes: Uint8Array, chunkBytes = 50_000): ByteSource & { at: number } {
  return {
    at: 0,
    next() {
      const chunk = bytes.subarray(this.at, this.at + chunkBytes);
      this.at += chunk.length;
      return Promise.resolve(chunk.length > 0 ? chunk : undefined);
    },
  };
}

export function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

function lack(): string | undefined {
  if (Deno.build.os !== "linux") return "block devices are tested on Linux";
  if (Deno.uid() !== 0) return "only root can make loop devices";
  try {
    run("losetup", "--find");
  } catch (error) {
    return (error as Error).message;
  }
}
