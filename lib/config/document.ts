/**
 * A YAML file with the place of everything in it.
 *
 * The file is YAML 1.2 with the merge keys of 1.1, in which map keys are text. Where Python's YAML 1.1 would read
 * something else, a warning says so.
 *
 * @module
 */
import {
  type Document,
  isAlias,
  isMap,
  isPair,
  isScalar,
  LineCounter,
  type Node,
  parseDocument,
  Scalar,
  visit,
} from "yaml";
import { renderPath } from "../core/issues.ts";
import { isSecretKey } from "../core/secret.ts";
import type { Place, Problem } from "./problem.ts";

/** Largest file that is read, in bytes. */
const largestFileBytes = 1024 * 1024;

/** What a shell gives a program to read: `<(…)`, a pipe. Any other pipe may have nobody at its other end. */
const streams = /^\/dev\/(?:stdin$|fd\/)|^\/proc\/self\/fd\//;

/** A parsed file. */
export interface YamlFile {
  readonly file: string;
  /** The plain value; `undefined` when the text is no YAML. */
  readonly value: unknown;
  /** What is wrong with the text itself. */
  readonly problems: readonly Problem[];
  /** A plain value at a path as it is written. */
  source(path: readonly PropertyKey[]): string | undefined;
  /** A complaint about the value at a path, or about the key at its end. */
  problem(
    path: readonly PropertyKey[],
    message: string,
    options?: { severity?: Problem["severity"]; key?: boolean },
  ): Problem;
}

/** Reads and parses a file. A file that cannot be read is one problem at its first character. */
export function readYaml(file: string): YamlFile {
  try {
    const { size, isDirectory, isFile } = Deno.statSync(file);
    if (isDirectory) return unreadable(file, "It is a folder; expected a YAML file");
    if (!isFile && !streams.test(file)) return unreadable(file, "It is no file; expected a YAML file");
    if (size > largestFileBytes) return unreadable(file, `It has ${size} bytes; expected at most ${largestFileBytes}`);
    return parseYaml(Deno.readTextFileSync(file), file);
  } catch (error) {
    const reason = error instanceof Deno.errors.NotFound ? "There is no such file" : (error as Error).message;
    return unreadable(file, reason);
  }
}

/** Parses text as one YAML document. */
export function parseYaml(text: string, file: string): YamlFile {
  const lines = new LineCounter();
  const document = parseDocument(text, {
    lineCounter: lines,
    stringKeys: false,
    uniqueKeys: true,
    merge: true,
    prettyErrors: false,
  });
  const placeAt = (offset: number): Place => {
    const { line, col: column } = lines.linePos(offset);
    return { file, line: Math.max(line, 1), column: Math.max(column, 1) };
  };
  const problems: Problem[] = document.errors.map((error) => ({
    severity: "error",
    place: placeAt(error.pos[0]),
    path: "",
    message: error.code === "MULTIPLE_DOCS" ? "Expected one document, got several" : sentence(error.message),
  }));
  for (const warning of document.warnings) {
    // An unknown tag is only a warning to the parser, but the value it asks for is not there.
    const severity = warning.code === "TAG_RESOLVE_FAILED" ? "error" : "warning";
    problems.push({ severity, place: placeAt(warning.pos[0]), path: "", message: sentence(warning.message) });
  }
  problems.push(...danglingAliases(document, placeAt), ...dialectProblems(document, placeAt));
  const value = problems.some((problem) => problem.severity === "error")
    ? undefined
    : plain(document, problems, placeAt);
  return {
    file,
    value,
    problems,
    source: (path) => {
      const node = find(document, path).value;
      return isScalar(node) && node.type === Scalar.PLAIN ? node.source : undefined;
    },
    problem: (path, message, { severity = "error", key = false } = {}) => ({
      severity,
      place: placeAt(offsetOf(document, path, key)),
      path: renderPath(path),
      message,
    }),
  };
}

function unreadable(file: string, message: string): YamlFile {
  const place = { file, line: 1, column: 1 };
  const problem = (path: readonly PropertyKey[], text: string): Problem => ({
    severity: "error",
    place,
    path: renderPath(path),
    message: text,
  });
  return { file, value: undefined, problems: [problem([], message)], source: () => undefined, problem };
}

function plain(document: Document, problems: Problem[], placeAt: (offset: number) => Place): unknown {
  try {
    return document.toJS({ maxAliasCount: 100 });
  } catch (error) {
    problems.push({ severity: "error", place: placeAt(0), path: "", message: (error as Error).message });
    return undefined;
  }
}

/**
 * Aliases without an anchor before them, and those without an end; the parser would notice only when it makes values, and
 * not say where.
 */
function danglingAliases(document: Document, placeAt: (offset: number) => Place): Problem[] {
  const problems: Problem[] = [];
  visit(document, {
    Alias(_, node, above) {
      const meant = node.resolve(document);
      if (meant && !above.includes(meant)) return;
      const message = meant
        ? `The anchor &${node.source} cannot be inside of what it names`
        : `There is no anchor &${node.source} before this alias`;
      problems.push({ severity: "error", place: placeAt(node.range?.[0] ?? 0), path: "", message });
    },
  });
  return problems;
}

/** Words that YAML 1.1 takes for booleans where YAML 1.2 takes them for text. */
const booleanWords = /^(?:y|yes|n|no|on|off|true|false)$/i;

/** Values that Python would read differently. */
function dialectProblems(document: Document, placeAt: (offset: number) => Place): Problem[] {
  const problems: Problem[] = [];
  const warn = (node: Node, message: string) =>
    problems.push({ severity: "warning", place: placeAt(node.range?.[0] ?? 0), path: "", message });
  visit(document, {
    Pair(_, { key }) {
      if (!isScalar(key) || key.type !== Scalar.PLAIN) return;
      const word = key.source ?? "";
      if (/^(?:yes|no|on|off|true|false)$/i.test(word)) {
        warn(key, `Python reads the unquoted key ${word} as a boolean; write "${word}"`);
      }
    },
    Scalar(key, node, path) {
      if (key === "key" || node.type !== Scalar.PLAIN) return;
      const source = node.source ?? "";
      const pair = path.at(-1);
      const shown = isPair(pair) && isScalar(pair.key) && isSecretKey(pair.key.value) ? "this" : source;
      if (/^[-+]?0[0-7]+$/.test(source)) {
        warn(node, `Python reads ${shown} as an octal number; write it without the zero, or in quotes`);
      } else if (/^[-+]?[1-9]\d*(?::[0-5]?\d)+$/.test(source)) {
        warn(node, `Python reads ${shown} as a number to the base 60; write it in quotes`);
      }
    },
  });
  return problems;
}

/** Whether a word is a boolean to people and to YAML 1.1; `undefined` when it is none. */
export function booleanWord(word: string): boolean | undefined {
  if (!booleanWords.test(word)) return undefined;
  return /^(?:y|yes|on|true)$/i.test(word);
}

/** The offset of the value at a path or of its key. What is missing is shown at the key of what lacks it. */
function offsetOf(document: Document, path: readonly PropertyKey[], key: boolean): number {
  const { value, name, owner } = find(document, path);
  const [first, second] = key ? [name, value] : [value, name];
  return startOf(first) ?? startOf(second) ?? startOf(owner) ?? startOf(document.contents) ?? 0;
}

/** The value at a path and its key, where they are there, and the nearest key above. */
function find(
  document: Document,
  path: readonly PropertyKey[],
): { value?: unknown; name?: unknown; owner?: unknown } {
  let value: unknown = document.contents;
  let name: unknown;
  let owner: unknown;
  for (const step of path) {
    owner = name ?? owner;
    if (isAlias(value)) value = value.resolve(document);
    if (isMap(value)) {
      const pair = value.items.find(({ key }) => String(isScalar(key) ? key.value : key) === String(step));
      if (!pair) return { owner };
      ({ key: name, value } = pair);
    } else {
      value = (value as { get?(step: unknown, keep: boolean): unknown } | null)?.get?.(step, true);
      name = undefined;
    }
  }
  return { value, name, owner };
}

function startOf(node: unknown): number | undefined {
  return (node as Node | null | undefined)?.range?.[0];
}

function sentence(message: string): string {
  const text = message.replace(/\.$/, "");
  return text.charAt(0).toUpperCase() + text.slice(1);
}
