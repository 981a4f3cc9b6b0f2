/** What was made in a session, so that it can be removed at its end. @module */
import { join } from "node:path";
import type { Logger } from "../../core/log.ts";
import { messageOf } from "../../core/errors.ts";

/** Paths that were made in a session, written in one way. */
export class CreatedPaths {
  readonly #paths = new Set<string>();
  /** Those where nothing was before. */
  readonly #own = new Set<string>();

  get all(): string[] {
    return [...this.#paths].sort();
  }

  /** Counts a path, which is removed at the end only where nothing was there before. */
  add(path: string, isNew: boolean): void {
    this.#paths.add(normalized(path));
    if (isNew) this.#own.add(normalized(path));
  }

  /** Whether it was made in this session where nothing was before. */
  isOwn(path: string): boolean {
    return this.#own.has(normalized(path));
  }

  forget(path: string): void {
    this.#paths.delete(normalized(path));
    this.#own.delete(normalized(path));
  }

  /** Removes everything below a folder, the deepest first; never the folder itself, nor anything outside of it. */
  async removeBelow(root: string, log: Logger): Promise<void> {
    for (const path of [...this.#own].sort().reverse()) {
      if (path === "" || path.split("/").includes("..")) continue;
      try {
        await Deno.remove(join(root, path), { recursive: true });
      } catch (error) {
        if (error instanceof Deno.errors.NotFound) continue;
        log.error("created path not removed", { path, error: messageOf(error) });
      }
    }
  }
}

/** Without dots where they mean nothing, and without slashes around. */
function normalized(path: string): string {
  const segments: string[] = [];
  for (const segment of path.split("/")) {
    if (segment === "" || segment === ".") continue;
    if (segment === ".." && segments.length > 0 && segments.at(-1) !== "..") segments.pop();
    else segments.push(segment);
  }
  return segments.join("/");
}
