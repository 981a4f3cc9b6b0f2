/**
 * How each shell is spoken to: the words it hands over at a TAB, and the lines it gets back.
 *
 * @module
 */
import type { Candidate, Candidates } from "./candidates.ts";

/** The shells whose completion is served. */
export const shells = ["bash", "zsh", "fish", "powershell"] as const;
export type Shell = (typeof shells)[number];

/** A command line up to the cursor: the complete words, the program's name among them, and the one that is being typed. */
export interface Line {
  readonly words: readonly string[];
  readonly current: string;
  /** The current word stands in quotes that are still open. */
  readonly quoted?: boolean;
}

/**
 * Reads what a shell's script hands over. Bash hands over the characters at which it breaks words and the line, because
 * it cuts words at `=` and `:`; the others hand over the words, and the current one behind a `=`, so that an empty one
 * is not lost on the way.
 */
export function lineOf(shell: Shell, given: readonly string[]): Line {
  if (shell === "bash") return splitLine(given[1] ?? "");
  return { words: given.slice(0, -1), current: given.at(-1)?.slice(1) ?? "" };
}

/** Splits a line of bash into words, without the quotes. */
export function splitLine(text: string): Line {
  const words: string[] = [];
  let current: string | undefined;
  let quote = "";
  for (let at = 0; at < text.length; at++) {
    const character = text[at];
    if (character === "\\" && quote !== "'" && at + 1 < text.length) current = (current ?? "") + text[++at];
    else if (character === quote) quote = "";
    else if (quote) current += character;
    else if (character === "'" || character === '"') [quote, current] = [character, current ?? ""];
    else if (!/[ \t\n]/.test(character)) current = (current ?? "") + character;
    else if (current !== undefined) [current] = [undefined, words.push(current)];
  }
  return { words, current: current ?? "", quoted: quote !== "" };
}

/** Longest explanation of a word, in characters. */
const longestSummary = 80;

/**
 * What the shell's script gets: a first line, `files` or `words`, then one candidate a line, for the shells that show it
 * with a tab and its meaning. Words stand as the shell has to insert them: names come from another machine.
 */
export function render(shell: Shell, line: Line, { files, words }: Candidates, wordBreaks = ""): string {
  const lines = words.flatMap(({ word, summary }: Candidate) => {
    const shown = visible(summary).slice(0, longestSummary);
    if (shell === "bash") {
      const rest = word.slice(brokenAt(line.current, wordBreaks));
      return line.quoted && rest !== quoteBash(rest) ? [] : [quoteBash(rest)];
    }
    return [`${shell === "powershell" ? quotePowerShell(word) : word}\t${shown}`];
  });
  return [files ? "files" : "words", ...lines].join("\n") + "\n";
}

/** How much of the current word bash has set aside: it only replaces what follows the last character that breaks it. */
function brokenAt(current: string, wordBreaks: string): number {
  return Math.max(0, ...[...wordBreaks].map((character) => current.lastIndexOf(character) + 1));
}

function quoteBash(word: string): string {
  return word.replace(/[^\w@%+=:,./-]/gu, (character) => /[^\0-\x7f]/.test(character) ? character : `\\${character}`);
}

/** PowerShell takes typographic quotes for its own. */
function quotePowerShell(word: string): string {
  return /^[\w./=:+-]+$/.test(word) ? word : `'${word.replace(/['‘’‚‛]/g, "$&$&")}'`;
}

/** A text without what would move the cursor or end the line. */
function visible(text: string): string {
  return text.replace(/\p{Cc}+/gu, " ");
}
