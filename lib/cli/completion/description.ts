/**
 * Commands as completion knows them: plain data, so that a TAB needs neither the parser nor the drivers' interfaces.
 *
 * @module
 */

/** What may stand at a place: one of these words, a file, the words of another program, or anything. */
export type Value = readonly string[] | "file" | "program" | "text";

/** A command, a group of commands, or a driver with its children and commands. */
export interface CommandDescription {
  readonly name: string;
  readonly summary: string;
  readonly options: readonly OptionDescription[];
  /** Positional arguments in order. */
  readonly args: readonly ArgumentDescription[];
  readonly commands: readonly CommandDescription[];
  /** Offered only where nothing else fits. */
  readonly lesser?: boolean;
}

/** One option. */
export interface OptionDescription {
  /** As they are typed: `--count`, `-n`. */
  readonly names: readonly string[];
  readonly summary: string;
  /** What has to follow; left out for a flag. */
  readonly value?: Value;
}

/** One positional argument. */
export interface ArgumentDescription {
  readonly value: Value;
  /** It takes all words that are left. */
  readonly variadic?: boolean;
}
