/** A command's surroundings that write down what it says. @module */
import * as z from "zod/mini";
import type { Command, CommandIo } from "../../lib/contract/command.ts";

/** What a command has said so far. */
export interface Said {
  /** What stands on standard output for people. */
  readonly lines: string[];
  /** The same for `--json`. */
  readonly values: unknown[];
  readonly notes: string[];
  readonly written: number[];
  /** What was written as it came on standard error. */
  readonly errors: string[];
}

/** A command that is running. */
export interface Run extends Said {
  /** Settles when the command does. */
  readonly done: Promise<void | number>;
  /** Interrupts it. */
  stop(): void;
  /** Resolves once there are that many lines. */
  printed(count: number): Promise<void>;
  /** Resolves once there are that many notes. */
  noted(count: number): Promise<void>;
}

/** Runs a command with arguments and options that were checked already. */
export function run(command: Command, given: object = {}, more: Partial<CommandIo> = {}): Run {
  const end = new AbortController();
  const said = {
    lines: [] as string[],
    values: [] as unknown[],
    notes: [] as string[],
    written: [] as number[],
    errors: [] as string[],
  };
  let changed = Promise.withResolvers<void>();
  const io: CommandIo = {
    signal: end.signal,
    place: "console of bench",
    labels: {},
    beside: () => new Map(),
    print(value, text) {
      if (text !== undefined) said.lines.push(text);
      if (value !== undefined) said.values.push(value);
      changed.resolve();
      changed = Promise.withResolvers();
    },
    note(text) {
      said.notes.push(text);
      changed.resolve();
      changed = Promise.withResolvers();
    },
    progress: () => {},
    advance: () => {},
    download: (url) => Promise.reject(new Error(`${url} is not fetched here`)),
    registryFile: (reference) => Promise.reject(new Error(`${reference} is not looked for here`)),
    stdin: ReadableStream.from([]),
    stdinIsTerminal: true,
    stdoutIsTerminal: false,
    write: (bytes) => Promise.resolve(void said.written.push(...bytes)),
    writeError: (text) => void said.errors.push(text),
    foreground: ([program]) => Promise.reject(new Error(`${program} is not run here`)),
    pseudoTerminal: () => Promise.reject(new Error("There is no pseudo-terminal here")),
    ...more,
  };
  const done = command.run(given, io);
  done.catch(() => {});
  return {
    ...said,
    done,
    stop: () => end.abort(new Error("interrupted")),
    async printed(count) {
      while (said.lines.length < count) await changed.promise;
    },
    async noted(count) {
      while (said.notes.length < count) await changed.promise;
    },
  };
}

/** Checks what a user typed by a command's own schemas, and fills in its defaults. */
export function parsed(command: Command, given: Record<string, unknown> = {}): Record<string, unknown> {
  const shapes = Object.entries({ ...command.args, ...command.options });
  return Object.fromEntries(shapes.map(([name, schema]) => [name, z.parse(schema, given[name])]));
}
