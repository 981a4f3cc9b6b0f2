/**
 * The shape of a command: what `jumpstarter client NODE COMMAND` accepts and does. Flags, help and checks are grown from
 * it.
 *
 * @module
 */
import type * as z from "zod/mini";
import type { ByteSource, OwnedSource } from "../core/byte_stream.ts";
import type { Codec } from "../core/codec.ts";
import type { Pipe } from "../core/pipe.ts";
import type { AnyInterface, Client } from "./interface.ts";
import type { Shape } from "./method.ts";

/** How far something has come that takes long. */
export interface Progress {
  /** What is being done, in one word or two. */
  readonly stage: string;
  readonly bytes: number;
  /** How many bytes there will be, where that is known. */
  readonly total?: number;
  /** It goes on beside another stage, which is what people are shown meanwhile. */
  readonly beside?: boolean;
}

/** A file that comes from a web server. */
export interface WebFile extends OwnedSource {
  readonly size?: number;
  /** Where it came from in the end. */
  readonly url: string;
  /** The coding of HTTP that the server says it is sent in. */
  readonly coding?: string;
}

/** How a file is asked for. */
export interface DownloadOptions {
  readonly headers?: Readonly<Record<string, string>>;
  readonly first?: number;
}

/** A file that lies in a registry, and the request that gives it. */
export interface RegistryFile {
  readonly url: string;
  /** Those that the registry asks for, secrets included. */
  readonly headers: Readonly<Record<string, string>>;
  /** What the file's SHA-256 has to be, in hexadecimal digits. */
  readonly sha256: string;
  readonly size: number;
  readonly name?: string;
  /** How it is compressed, by what the registry says of it. */
  readonly encoding?: Codec;
}

/** What a running command is given beside its arguments. */
export interface CommandIo {
  /** Aborts when the user interrupts, the command's limit passes, or the exporter is gone. */
  readonly signal: AbortSignal;
  /** Where the driver is that the command belongs to, for people: `console of bench1`. */
  readonly place: string;
  /** The labels that the exporter's report gives the driver. */
  readonly labels: Readonly<Record<string, string>>;
  /** Drivers of a kind that stand beside this one, under the same parent, by name. */
  beside<I extends AnyInterface>(definition: I): ReadonlyMap<string, Client<I>>;
  /** Prints one result: `text` for people (left out: nothing), `value` as a line of JSON with `--json`. */
  print(value: unknown, text?: string): void;
  /** Prints something that is not the result, on standard error. */
  note(text: string): void;
  /** Shows how far a long command is, on a terminal only; each text takes the place of the one before. */
  progress(text: string): void;
  /**
   * Tells how far a transfer is: shown as {@linkcode progress}, with rate and the time that is left, and as lines of JSON
   * with `--json`. It may be called often.
   */
  advance(progress: Progress): void;
  /** Begins to read a file from a web server, or its `first` bytes only. The URL is sent as it is written. */
  download(url: string, options?: DownloadOptions): Promise<WebFile>;
  /** Finds the file that `oci://…` names, with the login that this user has for the registry. */
  registryFile(reference: string): Promise<RegistryFile>;
  /** What the user types or pipes in. */
  readonly stdin: ReadableStream<Uint8Array>;
  /** Whether standard input is a terminal, on which nobody should wait for an end. */
  readonly stdinIsTerminal: boolean;
  /** Whether standard output is a terminal, which answers the questions in what it is shown. */
  readonly stdoutIsTerminal: boolean;
  /** The user's terminal. There is none when standard input is something else, and with `--json`. */
  readonly terminal?: Terminal;
  /** Raw bytes for standard output; nothing with `--json`, which has values only. */
  write(bytes: Uint8Array): Promise<void>;
  /** Raw text for standard error, as a program on the other side wrote it there; nothing with `--json`. */
  writeError(text: string): void;
  /**
   * Runs a program of this machine in the foreground, on the user's own terminal and streams, with further variables in
   * its environment. Resolves to its exit code: 127 when there is no such program, 126 when it cannot be run, 128 + the
   * number of a signal that ended it.
   */
  foreground(words: readonly string[], env?: Readonly<Record<string, string>>): Promise<number>;
  /**
   * Makes a pseudo-terminal of this machine in raw mode. It is there until it is closed, whoever opens and closes its
   * device file meanwhile; bytes for nobody wait, and writes with them.
   */
  pseudoTerminal(): Promise<PseudoTerminal>;
}

/** A terminal with somebody at it. */
export interface Terminal {
  /** Who that is, for others to read: `alice@desk`. */
  readonly user: string;
  /** Takes the terminal as it is, without its own echo, lines and signals; disposing gives it back as it was. */
  raw(): RawTerminal;
}

/** A terminal whose keys come as they are pressed, Ctrl-C included. No key comes any more when it is gone. */
export interface RawTerminal extends ByteSource, Disposable {
  /** Shows bytes as they are. Resolves when the terminal has taken them. */
  write(bytes: Uint8Array): Promise<void>;
}

/** A device file that this program is behind, for others to open. */
export interface PseudoTerminal extends Pipe {
  /** `/dev/pts/7` */
  readonly path: string;
}

/** The name of a command that the driver's bare name stands for: `client ssh uname`, without a word between. */
export const ownCommand = "";

/** A command, its parameters forgotten. */
export interface Command {
  readonly summary: string;
  /** Positional arguments in order. */
  readonly args: Shape;
  /** Options; the key is the flag, in camelCase. One whose schema is an array's may be given several times. */
  readonly options: Shape;
  /** One-letter names of options. */
  readonly short: Record<string, string>;
  /** Options that it does not know, and all behind the first argument, are arguments: they are another program's. */
  readonly passThrough: boolean;
  /** It goes on after it has printed its one result: `--background` leaves it running and ends with that. */
  readonly staying: boolean;
  // The definition's own types are checked where it is written; who calls it has checked the values by the schemas.
  // deno-lint-ignore no-explicit-any
  run(given: any, io: CommandIo): Promise<void | number>;
}

/**
 * Describes one command of an interface. `run` gets its checked arguments and options in one object. A number that it
 * resolves to is the exit code of a program that it ran, and becomes this program's.
 */
export function command<A extends Shape = Record<never, never>, O extends Shape = Record<never, never>>(
  summary: string,
  run: (
    given: z.output<z.ZodMiniObject<A>> & z.output<z.ZodMiniObject<O>>,
    io: CommandIo,
  ) => Promise<void | number>,
  parameters: { args?: A; options?: O; short?: { [K in keyof O]?: string }; passThrough?: boolean; staying?: boolean } =
    {},
): Command {
  const { args = {}, options = {}, short, passThrough = false, staying = false } = parameters;
  return { summary, run, args, options, short: { ...short } as Record<string, string>, passThrough, staying };
}
