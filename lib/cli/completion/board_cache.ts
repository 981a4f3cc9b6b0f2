/**
 * What is remembered of the boards that were reached, so that a TAB needs no network: one file a board.
 *
 * @module
 */
import { parseAddress, renderAddress } from "../../client/address.ts";
import { replaceFile } from "../../config/atomic_file.ts";
import type { BoardChoice } from "../board_choice.ts";
import type { CommandDescription } from "./description.ts";

/** Most boards that are remembered; the ones that changed longest ago go first. */
const mostBoards = 64;

/** Largest description in bytes; a larger one is neither written nor read. */
const largestBytes = 1024 * 1024;

/** Counts up when the shape of a file changes. */
const format = 1;

interface BoardFile {
  readonly format: typeof format;
  /** The board's key: file names are cut and have no odd characters. */
  readonly key: string;
  /** Says whether a board is still as it was. */
  readonly fingerprint: string;
  readonly commands: readonly CommandDescription[];
}

/** What a board is remembered by: its address, its name, or the real path of its exporter's file. */
export function keyOf(choice: BoardChoice): string | undefined {
  try {
    if ("board" in choice) return `board ${choice.board}`;
    return "host" in choice ? renderAddress(parseAddress(choice.host)) : Deno.realPathSync(choice.file);
  } catch {
    return undefined;
  }
}

/** The boards that are remembered in a folder, left out: in this user's cache. */
export class BoardCache {
  readonly #folder: string;

  constructor(folder: string = cacheFolder()) {
    this.#folder = folder;
  }

  /** The drivers of a board and its root's commands, or nothing when they are not known. A broken file counts as none. */
  recall(key: string): readonly CommandDescription[] {
    try {
      const file = this.#fileOf(key);
      if (Deno.statSync(file).size > largestBytes) return [];
      const board = JSON.parse(Deno.readTextFileSync(file)) as BoardFile;
      return board.format === format && board.key === key && Array.isArray(board.commands) ? board.commands : [];
    } catch {
      return [];
    }
  }

  /** Whether a board is remembered as its fingerprint says that it is. */
  has(key: string, fingerprint: string): boolean {
    try {
      return Deno.readTextFileSync(this.#fileOf(key)).startsWith(headOf(key, fingerprint));
    } catch {
      return false;
    }
  }

  /**
   * Remembers a board in a file that only this user can read. A reader sees the old file or the new one. A description
   * that is too large is not kept.
   *
   * @throws when the folder cannot be written to.
   */
  remember(key: string, fingerprint: string, commands: readonly CommandDescription[]): void {
    const text = `${headOf(key, fingerprint)}"commands":${JSON.stringify(commands)}}\n`;
    if (new TextEncoder().encode(text).length > largestBytes) return;
    Deno.mkdirSync(this.#folder, { recursive: true, mode: 0o700 });
    replaceFile(this.#fileOf(key), text);
    this.#forgetOldest();
  }

  #forgetOldest(): void {
    const files = [...Deno.readDirSync(this.#folder)].map(({ name }) => `${this.#folder}/${name}`);
    if (files.length <= mostBoards) return;
    const dated = files.map((file) => ({ file, changed: Deno.statSync(file).mtime?.getTime() ?? 0 }));
    dated.sort((a, b) => a.changed - b.changed);
    for (const { file } of dated.slice(0, files.length - mostBoards)) removeQuietly(file);
  }

  #fileOf(key: string): string {
    const readable = key.replace(/[^\w.-]/g, "_").slice(-80);
    return `${this.#folder}/${readable}-${digest(key)}.json`;
  }
}

/** The beginning of a board's file, up to its commands. */
function headOf(key: string, fingerprint: string): string {
  return `${JSON.stringify({ format, key, fingerprint }).slice(0, -1)},`;
}

/** A short number for a text. Different texts rarely share one; whoever relies on that compares the texts. */
export function digest(text: string): string {
  // FNV-1a: a start of WebCrypto or of node:crypto would cost several milliseconds at every TAB.
  let hash = 0x811c9dc5;
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  return (hash >>> 0).toString(16).padStart(8, "0");
}

function cacheFolder(): string {
  const { env, build } = Deno;
  const home = env.get("HOME") ?? "";
  const caches = build.os === "windows"
    ? env.get("LOCALAPPDATA")
    : env.get("XDG_CACHE_HOME") || home + (build.os === "darwin" ? "/Library/Caches" : "/.cache");
  return `${caches}/jumpstarter/boards`;
}

function removeQuietly(file: string): void {
  try {
    Deno.removeSync(file);
  } catch { /* gone already */ }
}
