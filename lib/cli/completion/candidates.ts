/**
 * What may stand at the cursor, from descriptions and the words before it.
 *
 * @module
 */
import type { CommandDescription, OptionDescription, Value } from "./description.ts";

/** What may stand at the cursor. */
export interface Candidates {
  /** Names of files fit as well. */
  readonly files: boolean;
  readonly words: readonly Candidate[];
}

/** One word that fits, with what it means. */
export interface Candidate {
  readonly word: string;
  readonly summary: string;
}

/** Options that were given before the cursor, by each of their names. */
export type Given = Readonly<Record<string, string>>;

/** What can follow a command that has no commands of its own until the options before it are known. */
export type Grow = (command: CommandDescription, given: Given) => readonly CommandDescription[];

/** What may stand in place of `current` after the words. `grow` gives the commands of each command that is passed. */
export function candidatesFor(
  root: CommandDescription,
  words: readonly string[],
  current: string,
  grow: Grow,
): Candidates {
  const place = new Place(root, grow);
  for (const word of words) place.pass(word);
  return place.offer(current);
}

/** Where a command line has got to. */
class Place {
  #command: CommandDescription | undefined;
  readonly #grow: Grow;
  /** Options of the command that were given. */
  #given: Record<string, string> = {};
  /** The option whose value comes next. */
  #pending?: OptionDescription;
  /** How many positional arguments there were. */
  #position = 0;
  /** No options any more. */
  #literal = false;

  constructor(root: CommandDescription, grow: Grow) {
    this.#command = root;
    this.#grow = grow;
  }

  pass(word: string): void {
    if (this.#pending) {
      this.#give(this.#pending, word);
      this.#pending = undefined;
    } else if (word === "--" && !this.#literal) {
      this.#literal = true;
    } else if (isOption(word) && !this.#literal) {
      this.#passOption(word);
    } else {
      this.#passArgument(word);
    }
  }

  offer(current: string): Candidates {
    if (!this.#command) return nothing;
    if (this.#pending) return valuesOf(this.#pending.value, current);
    if (current.startsWith("-") && !this.#literal) return this.#offerOptions(current);
    const commands = this.#position === 0 ? offerCommands(this.#commands(), current) : [];
    const values = valuesOf(this.#argument()?.value, current);
    if (commands.length === 0 && values.words.length === 0 && !this.#argument() && current === "" && !this.#literal) {
      return this.#offerOptions("-");
    }
    return { files: values.files, words: [...commands, ...values.words] };
  }

  #passOption(word: string): void {
    const option = this.#option(word);
    if (option?.value === undefined) return option && this.#give(option, "");
    const inOne = word.startsWith("--") ? word.indexOf("=") + 1 : word.length > 2 ? 2 : 0;
    if (inOne > 0) this.#give(option, word.slice(inOne));
    else this.#pending = option;
  }

  #passArgument(word: string): void {
    const next = this.#position === 0 ? descend(this.#commands(), word.split(".")) : undefined;
    if (next) {
      this.#command = next;
      this.#given = {};
      this.#position = 0;
      return;
    }
    if (this.#argument()?.value === "program") this.#literal = true;
    if (!this.#argument()) this.#command = undefined;
    this.#position++;
  }

  #offerOptions(current: string): Candidates {
    const equals = current.indexOf("=");
    if (equals > 0) {
      const { files, words } = valuesOf(this.#option(current)?.value, current.slice(equals + 1));
      const named = words.map(({ word, summary }) => ({ word: current.slice(0, equals + 1) + word, summary }));
      return { files, words: named };
    }
    const words = this.#command!.options.flatMap(({ names, summary }) => {
      const word = names.find((name) => name.startsWith("--") && name.startsWith(current));
      return word && this.#given[word] === undefined ? [{ word, summary }] : [];
    });
    return { files: false, words };
  }

  #option(word: string): OptionDescription | undefined {
    const name = word.startsWith("--") ? word.split("=")[0] : word.slice(0, 2);
    return this.#command?.options.find(({ names }) => names.includes(name));
  }

  #argument() {
    const args = this.#command?.args ?? [];
    const last = args.at(-1);
    return args[this.#position] ?? (last?.variadic ? last : undefined);
  }

  #commands(): readonly CommandDescription[] {
    return this.#command ? this.#grow(this.#command, this.#given) : [];
  }

  #give({ names }: OptionDescription, value: string): void {
    for (const name of names) this.#given[name] = value;
  }
}

const nothing: Candidates = { files: false, words: [] };

function isOption(word: string): boolean {
  return word.startsWith("-") && word !== "-";
}

/** Whether a driver or command of this name can be typed: dots separate drivers, and a dash begins an option. */
function isName(name: string): boolean {
  return !/^-|\.|\p{Cc}/u.test(name);
}

/** The command that the steps of a dotted path lead to. */
function descend(commands: readonly CommandDescription[], steps: readonly string[]): CommandDescription | undefined {
  const next = commands.find(({ name }) => name === steps[0]);
  return next && steps.length > 1 ? descend(next.commands, steps.slice(1)) : next;
}

/** The commands that begin with a word; of a dotted path, those below what stands before the last dot. */
function offerCommands(commands: readonly CommandDescription[], current: string): Candidate[] {
  const steps = current.split(".");
  const start = steps.pop()!;
  const above = steps.length > 0 ? descend(commands, steps)?.commands ?? [] : commands;
  const fitting = above.filter(({ name }) => name.startsWith(start) && isName(name));
  const own = fitting.filter(({ lesser }) => !lesser);
  return (own.length > 0 ? own : fitting).map(({ name, summary }) => ({ word: [...steps, name].join("."), summary }));
}

function valuesOf(value: Value | undefined, current: string): Candidates {
  if (value === "file" || value === "program") return { files: true, words: [] };
  if (value === undefined || value === "text") return nothing;
  const words = value.filter((word) => word.startsWith(current)).map((word) => ({ word, summary: "" }));
  return { files: false, words };
}
