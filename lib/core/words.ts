/** Command lines as they are written in files. @module */
import { JumpstarterError } from "./errors.ts";

/**
 * The words of a command line, quotes and backslashes as a POSIX shell has them; nothing else of a shell is done.
 *
 * @throws {JumpstarterError} `invalid_argument` for a quote without an end.
 */
export function splitWords(line: string): string[] {
  const words: string[] = [];
  let word: string | undefined;
  const token = /\s+|'([^']*)'|"((?:\\[\s\S]|[^"\\])*)"|\\([\s\S])|[^\s'"\\]+|['"\\]/gy;
  for (const [text, single, double, escaped] of line.matchAll(token)) {
    if (/^\s/.test(text)) {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else if (/^['"\\]$/.test(text)) {
      throw new JumpstarterError("invalid_argument", `Expected an end for ${text} in ${JSON.stringify(line)}`);
    } else {
      // Between double quotes a backslash stands for itself, but before these.
      word = (word ?? "") + (single ?? double?.replace(/\\(["\\$`])|\\\n/g, "$1") ?? escaped ?? text);
    }
  }
  return word === undefined ? words : [...words, word];
}

/** A word as a POSIX shell takes it, whatever it has in it. */
export function shellWord(word: string): string {
  return `'${word.replaceAll("'", `'\\''`)}'`;
}
