/** Paths of a storage: relative to its root, and never out of it. @module */
import { JumpstarterError } from "../../core/errors.ts";

/** A path without empty and dot segments; that of a folder keeps its slash at the end, and the root is empty. */
export function storagePath(given: string): string {
  const isFolder = /(?:^|\/)\.{0,2}$/.test(given);
  const segments: string[] = [];
  for (const segment of given.split("/")) {
    if (segment === "" || segment === ".") continue;
    if (segment === "..") {
      if (segments.pop() !== undefined) continue;
      const path = JSON.stringify(given);
      throw new JumpstarterError("invalid_argument", `Expected a path below the storage's root, got ${path}`);
    }
    if (segment.includes("\0")) throw new JumpstarterError("invalid_argument", "A path has no zero bytes");
    segments.push(segment);
  }
  return segments.length > 0 && isFolder ? `${segments.join("/")}/` : segments.join("/");
}

/** Whether a path is a folder's, the root included. */
export function isFolder(path: string): boolean {
  return path === "" || path.endsWith("/");
}

/** The folder that something is in. */
export function parentOf(path: string): string {
  return path.slice(0, path.replace(/\/$/, "").lastIndexOf("/") + 1);
}
