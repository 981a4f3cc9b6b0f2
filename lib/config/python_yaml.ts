/**
 * Writes YAML as PyYAML's `safe_dump` does with its defaults, byte for byte, so that a file is the same whichever
 * program wrote it. Lines are folded at 80 columns, and everything beyond ASCII is escaped.
 *
 * The rules are those of PyYAML's `emitter.py`, `resolver.py` and `representer.py`.
 *
 * @module
 */

/** A number that is a float to Python, whatever its value: `300.0`. */
export class Float {
  readonly value: number;

  constructor(value: number) {
    this.value = value;
  }

  toJSON(): number {
    return this.value;
  }
}

/** Renders a mapping, its keys in their own order or sorted. */
export function dumpYaml(value: Readonly<Record<string, unknown>>, { sortKeys = false } = {}): string {
  const emitter = new Emitter(sortKeys);
  emitter.node(value, { indent: undefined, inMapping: false });
  return `${emitter.text}\n`;
}

const bestWidth = 80;
const breaks = "\n\x85\u2028\u2029";
const blanks = `\0 \t\r${breaks}`;

/** Plain text that would be read as something else than text. */
const notText = new RegExp(
  `^(?:${
    [
      "yes|Yes|YES|no|No|NO|true|True|TRUE|false|False|FALSE|on|On|ON|off|Off|OFF",
      "~|null|Null|NULL||<<|=",
      "[-+]?[0-9][0-9_]*\\.[0-9_]*(?:[eE][-+][0-9]+)?|\\.[0-9][0-9_]*(?:[eE][-+][0-9]+)?",
      "[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+\\.[0-9_]*|[-+]?\\.(?:inf|Inf|INF)|\\.(?:nan|NaN|NAN)",
      "[-+]?0b[0-1_]+|[-+]?0[0-7_]+|[-+]?(?:0|[1-9][0-9_]*)|[-+]?0x[0-9a-fA-F_]+|[-+]?[1-9][0-9_]*(?::[0-5]?[0-9])+",
      "\\d{4}-\\d\\d-\\d\\d",
      "\\d{4}-\\d\\d?-\\d\\d?(?:[Tt]|[ \\t]+)\\d\\d?:\\d\\d:\\d\\d(?:\\.\\d*)?(?:[ \\t]*(?:Z|[-+]\\d\\d?(?::\\d\\d)?))?",
    ].join("|")
  })$`,
);

/** Where a node stands. */
interface Context {
  /** Indentation of the collection around it; `undefined` around the root. */
  indent: number | undefined;
  /** It is a value of a block mapping that begins on its key's line. */
  inMapping: boolean;
  /** It is a key that stands on its value's line. */
  asKey?: boolean;
}

class Emitter {
  text = "";
  readonly #sortKeys: boolean;
  #column = 0;
  /** The last thing written was whitespace, and indentation or indicators only stand on the line. */
  #whitespace = true;
  #indention = true;

  constructor(sortKeys: boolean) {
    this.#sortKeys = sortKeys;
  }

  node(value: unknown, context: Context): void {
    if (Array.isArray(value)) {
      if (value.length === 0) this.#indicator("[]", true);
      else this.#sequence(value, context);
    } else if (typeof value === "object" && value !== null && !(value instanceof Float)) {
      const entries = Object.entries(value);
      if (this.#sortKeys) entries.sort(([a], [b]) => byCodePoints(a, b));
      if (entries.length === 0) this.#indicator("{}", true);
      else this.#mapping(entries, (context.indent ?? -2) + 2);
    } else this.#scalar(value, context);
  }

  #sequence(items: readonly unknown[], { indent = 0, inMapping }: Context): void {
    const at = inMapping && !this.#indention ? indent : indent + 2;
    for (const item of items) {
      this.#indent(at);
      this.#indicator("-", true, true);
      this.node(item, { indent: at, inMapping: false });
    }
  }

  #mapping(entries: [string, unknown][], at: number): void {
    for (const [key, value] of entries) {
      this.#indent(at);
      // The tag of text counts as well: !!str.
      if (key !== "" && [...key].length + 5 < 128 && !has(key, breaks)) {
        this.#scalar(key, { indent: at, inMapping: true, asKey: true });
        this.#indicator(":", false);
        this.node(value, { indent: at, inMapping: true });
      } else {
        this.#indicator("?", true, true);
        this.#scalar(key, { indent: at, inMapping: true });
        this.#indent(at);
        this.#indicator(":", true, true);
        this.node(value, { indent: at, inMapping: true });
      }
    }
  }

  #scalar(value: unknown, { indent = 0, asKey = false }: Context): void {
    const text = plainText(value);
    const style = typeof value === "string" ? styleOf(value, asKey) : "plain";
    const letters = [...text];
    if (style === "plain") this.#plain(letters, indent + 2, !asKey);
    else if (style === "single") this.#single(letters, indent + 2, !asKey);
    else this.#double(letters, indent + 2, !asKey);
  }

  #plain(letters: string[], indent: number, split: boolean): void {
    if (letters.length === 0) return;
    if (!this.#whitespace) this.#write(" ");
    this.#whitespace = false;
    this.#indention = false;
    for (const { text, isSpaces } of runs(letters)) {
      if (isSpaces && text.length === 1 && this.#column > bestWidth && split) {
        this.#indent(indent);
        this.#whitespace = false;
        this.#indention = false;
      } else this.#write(text);
    }
  }

  #single(letters: string[], indent: number, split: boolean): void {
    this.#indicator("'", true);
    const all = runs(letters);
    for (const [index, { text, isSpaces, isBreaks }] of all.entries()) {
      const inside = index > 0 && index < all.length - 1;
      if (isSpaces && text.length === 1 && this.#column > bestWidth && split && inside) this.#indent(indent);
      else if (isBreaks) {
        if (text[0] === "\n") this.#lineBreak();
        for (const letter of text) this.#lineBreak(letter);
        this.#indent(indent);
      } else this.#write(text.replaceAll("'", "''"));
    }
    this.#indicator("'", false);
  }

  #double(letters: string[], indent: number, split: boolean): void {
    this.#indicator('"', true);
    let start = 0;
    for (let end = 0; end <= letters.length; end++) {
      const letter = letters[end];
      if (letter === undefined || escaped(letter) !== undefined) {
        this.#write(letters.slice(start, end).join(""));
        start = end;
        if (letter !== undefined) {
          this.#write(escaped(letter)!);
          start = end + 1;
        }
      }
      const mayFold = end > 0 && end < letters.length - 1 && (letter === " " || start >= end) && split;
      if (!mayFold || this.#column + (end - start) <= bestWidth) continue;
      this.#write(`${letters.slice(start, end).join("")}\\`);
      start = Math.max(start, end);
      this.#indent(indent);
      this.#whitespace = false;
      this.#indention = false;
      if (letters[start] === " ") this.#write("\\");
    }
    this.#indicator('"', false);
  }

  #indicator(text: string, needsSpace: boolean, keepsIndention = false): void {
    this.#write(this.#whitespace || !needsSpace ? text : ` ${text}`);
    this.#whitespace = false;
    this.#indention &&= keepsIndention;
  }

  #indent(indent: number): void {
    if (!this.#indention || this.#column > indent || (this.#column === indent && !this.#whitespace)) this.#lineBreak();
    if (this.#column >= indent) return;
    this.#whitespace = true;
    this.#write(" ".repeat(indent - this.#column));
  }

  #lineBreak(text = "\n"): void {
    this.text += text;
    this.#whitespace = true;
    this.#indention = true;
    this.#column = 0;
  }

  #write(text: string): void {
    this.text += text;
    this.#column += text.length;
  }
}

/** What stands for a value that is no collection. */
function plainText(value: unknown): string {
  if (value instanceof Float) return floatText(value.value);
  if (typeof value === "number" && !Number.isInteger(value)) return floatText(value);
  return String(value);
}

/** A float as Python's `repr` has it, with the point that YAML wants. */
function floatText(value: number): string {
  if (Number.isNaN(value)) return ".nan";
  if (!Number.isFinite(value)) return value > 0 ? ".inf" : "-.inf";
  const size = Math.abs(value);
  if (size !== 0 && (size < 1e-4 || size >= 1e16)) {
    const [digits, exponent] = value.toExponential().split("e");
    const power = `${exponent[0]}${exponent.slice(1).padStart(2, "0")}`;
    return `${digits.includes(".") ? digits : `${digits}.0`}e${power}`;
  }
  const text = Object.is(value, -0) ? "-0" : String(value);
  return text.includes(".") ? text : `${text}.0`;
}

/** The plainest style in which text can be written and read back. */
function styleOf(text: string, asKey: boolean): "plain" | "single" | "double" {
  const letters = [...text];
  const [first] = letters;
  const special = letters.some((letter) => letter !== "\n" && (letter < " " || letter > "~"));
  const spaceBeforeBreak = new RegExp(` [${breaks}]`).test(text);
  const spaceAfterBreak = new RegExp(`[${breaks}] `).test(text);
  const hasBreaks = has(text, breaks);
  if (special || spaceBeforeBreak || spaceAfterBreak || (asKey && hasBreaks)) return "double";
  const blankAt = (index: number) => index >= letters.length || blanks.includes(letters[index]);
  const indicators = /^(?:---|\.\.\.)/.test(text) || (text !== "" && "#,[]{}&*!|>'\"%@`".includes(first)) ||
    (text !== "" && "?:-".includes(first) && blankAt(1)) ||
    letters.some((letter, index) =>
      index > 0 && ((letter === ":" && blankAt(index + 1)) || (letter === "#" && blankAt(index - 1)))
    );
  const edges = `${breaks} `;
  const blankEdges = text !== "" && (edges.includes(first) || edges.includes(letters.at(-1)!));
  return indicators || blankEdges || hasBreaks || notText.test(text) ? "single" : "plain";
}

const shortEscapes: Record<string, string> = {
  "\0": "0",
  "\x07": "a",
  "\b": "b",
  "\t": "t",
  "\n": "n",
  "\v": "v",
  "\f": "f",
  "\r": "r",
  "\x1b": "e",
  '"': '"',
  "\\": "\\",
  "\x85": "N",
  "\xa0": "_",
  "\u2028": "L",
  "\u2029": "P",
};

function escaped(letter: string): string | undefined {
  if (Object.hasOwn(shortEscapes, letter)) return `\\${shortEscapes[letter]}`;
  if (letter >= " " && letter <= "~") return undefined;
  const code = letter.codePointAt(0)!;
  const hex = (digits: number) => code.toString(16).toUpperCase().padStart(digits, "0");
  return code <= 0xff ? `\\x${hex(2)}` : code <= 0xffff ? `\\u${hex(4)}` : `\\U${hex(8)}`;
}

/** Text in runs of spaces, of line breaks, and of everything else. */
function runs(letters: readonly string[]): { text: string; isSpaces: boolean; isBreaks: boolean }[] {
  const pattern = new RegExp(` +|[${breaks}]+|[^ ${breaks}]+`, "gu");
  return (letters.join("").match(pattern) ?? []).map((text) => ({
    text,
    isSpaces: text[0] === " ",
    isBreaks: breaks.includes(text[0]),
  }));
}

function has(text: string, letters: string): boolean {
  return [...text].some((letter) => letters.includes(letter));
}

/** Python's order of text. */
function byCodePoints(a: string, b: string): number {
  const [left, right] = [[...a], [...b]];
  for (let index = 0; index < Math.min(left.length, right.length); index++) {
    const difference = left[index].codePointAt(0)! - right[index].codePointAt(0)!;
    if (difference !== 0) return difference;
  }
  return left.length - right.length;
}
