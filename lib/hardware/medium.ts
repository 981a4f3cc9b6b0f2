/** A medium that images are written to: a block device, which may not be there yet, or a file. @module */
import { basename, dirname, resolve } from "node:path";
import { JumpstarterError, messageOf } from "../core/errors.ts";
import { pause } from "../core/limit.ts";
import { noMedium, refuseOther } from "../streams/medium.ts";
import { blockDeviceAt, refuseUsed } from "./block_device.ts";
import { holdersOf } from "./holders.ts";
import { isSystemError } from "./libc.ts";
import type { MediumThread } from "./medium_thread.ts";
import type { OpenMedium } from "./medium_worker.ts";

/** A medium that is open for writing, and nobody else's. */
export interface Medium extends OpenMedium {
  readonly path: string;
  /** See {@linkcode identityOf}. */
  readonly identity: string;
}

/** How long a medium is waited for. */
export interface WaitOptions {
  /** Limit for a device to appear with a medium in it, in milliseconds. */
  waitMs: number;
  /** Makes a file where there is nothing, instead of waiting. */
  create?: boolean;
  signal?: AbortSignal;
}

/** Pause between two looks at a medium that is not there, in milliseconds. */
const lookEveryMs = 250;

/**
 * Waits for a medium and opens it on its thread.
 *
 * @throws {JumpstarterError} `deadline_exceeded` when it does not come, `failed_precondition` when it is in use,
 * `invalid_argument` when it is something else, `permission_denied`, and the signal's reason.
 */
export async function openMedium(thread: MediumThread, path: string, options: WaitOptions): Promise<Medium> {
  const { waitMs, create = false, signal } = options;
  const end = performance.now() + waitMs;
  for (;;) {
    const opened = await tryToOpen(thread, path, create);
    if ("identity" in opened) return opened;
    if (performance.now() >= end) {
      throw new JumpstarterError("deadline_exceeded", `No medium at ${path} after ${waitMs / 1000} s: ${opened.why}`, {
        phase: "driver",
        hint: "Check that the medium is connected to this machine, and that the path is its own",
      });
    }
    await pause(Math.min(lookEveryMs, Math.max(end - performance.now(), 1)), signal);
  }
}

/** What is the same when a medium is connected again. Of a file: which file it is. */
export function identityOf(path: string): string {
  const { isBlockDevice, dev, ino } = Deno.statSync(path);
  return isBlockDevice ? blockDeviceAt(path).identity : `file ${dev}:${ino}`;
}

async function tryToOpen(thread: MediumThread, path: string, create: boolean): Promise<Medium | { why: string }> {
  let isBlockDevice: boolean;
  try {
    const info = create && !amongDevices(path) ? madeWhereMissing(path) : Deno.statSync(path);
    refuseOther(path, info);
    // What somebody has written to while the device was away.
    if (info.isFile && amongDevices(path)) throw noMedium(path, "a file among the devices");
    isBlockDevice = info.isBlockDevice ?? false;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound && (!create || amongDevices(path))) {
      return { why: "There is no such file or device" };
    }
    throw failure(path, error);
  }
  try {
    if (isBlockDevice) refuseUsed(path, blockDeviceAt(path));
    const open = await thread.ask("open", path);
    if (!open.isDevice || open.size > 0) return { path, identity: identityOf(path), ...open };
    await thread.ask("close");
    return { why: "It is empty" };
  } catch (error) {
    const notYet = isSystemError(error, "ENOMEDIUM", "EIO", "ENXIO", "ENODEV", "ENOENT") ||
      error instanceof Deno.errors.NotFound;
    if (notYet) return { why: messageOf(error) };
    if (!isSystemError(error, "EBUSY", "EAGAIN")) throw failure(path, error);
    const holders = await holdersOf(path);
    const message = `${path} is in use by ${holders.join(", ") || "somebody else"}`;
    throw new JumpstarterError("failed_precondition", message, { phase: "driver", cause: error });
  }
}

/** What is at a path: a file where there was nothing. */
function madeWhereMissing(path: string): Deno.FileInfo {
  try {
    return Deno.statSync(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  Deno.openSync(path, { write: true, create: true }).close();
  return Deno.statSync(path);
}

/** Whether a path leads to where devices are, whether there is one or not: only the system makes files there. */
function amongDevices(path: string): boolean {
  return /^\/dev\/(?!shm\/)/.test(behindLinks(path));
}

/** Most links that may follow one another, as Linux has it. */
const mostLinks = 40;

/** Where the links of a path lead, also where nothing is behind the last one. */
function behindLinks(path: string, left: number = mostLinks): string {
  const place = resolve(realFolder(dirname(resolve(path))), basename(path));
  try {
    const target = Deno.readLinkSync(place);
    return left > 0 ? behindLinks(resolve(dirname(place), target), left - 1) : place;
  } catch {
    return place; // It is no link, or is not there.
  }
}

function realFolder(path: string): string {
  try {
    return Deno.realPathSync(path);
  } catch {
    return path;
  }
}

/** The error for what went wrong with a medium. */
export function failure(path: string, error: unknown): JumpstarterError {
  if (error instanceof JumpstarterError) return error as JumpstarterError;
  const say = (
    code: "resource_exhausted" | "permission_denied" | "unavailable",
    what: string,
  ) => new JumpstarterError(code, `${path} ${what}: ${messageOf(error)}`, { phase: "driver", cause: error });
  if (isSystemError(error, "ENOSPC", "EDQUOT", "EFBIG")) return say("resource_exhausted", "has no room left");
  if (isSystemError(error, "EACCES", "EPERM", "EROFS") || error instanceof Deno.errors.PermissionDenied) {
    return say("permission_denied", "cannot be written to");
  }
  return say("unavailable", "has failed");
}
