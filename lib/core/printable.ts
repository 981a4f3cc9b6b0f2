/** Text of another machine on a terminal. @module */

/** One line of text that can neither move the cursor nor worse: control characters become a space. */
export function printableLine(text: string): string {
  // deno-lint-ignore no-control-regex
  return text.replace(/[\x00-\x1f\x7f-\x9f]+/g, " ");
}

/** The same for text of several lines; tabs stay as well. */
export function printableLines(text: string): string {
  // deno-lint-ignore no-control-regex
  return text.replace(/[\x00-\x08\x0b-\x1f\x7f-\x9f]+/g, " ");
}

/** A value as one line of JSON, in which control characters are written out, and numbers that JSON lacks are text. */
export function printableJson(value: unknown): string {
  const written = (letter: string) => `\\u00${letter.charCodeAt(0).toString(16)}`;
  const named = (_: string, it: unknown) => typeof it === "number" && !Number.isFinite(it) ? String(it) : it;
  return (JSON.stringify(value, named) ?? "null").replace(/[\x7f-\x9f]/g, written);
}
