/**
 * Which board a command is for: a flag, the environment, or a config file.
 *
 * @module
 */
import { resolve } from "node:path";
import { parseAddress, renderAddress } from "../client/address.ts";
import { type Board, connectBoard } from "../client/connect.ts";
import type { DialOptions } from "../client/connection.ts";
import type { FindInterfaces } from "../client/tree.ts";
import type { AnyInterface } from "../contract/interface.ts";
import { messageOf, usageError } from "../core/errors.ts";
import { withLimit } from "../core/limit.ts";
import { environmentTarget, inheritedFile, inheritedPassphrase, type Target } from "../client/environment.ts";
import type { Security } from "../client/security.ts";
import { type BoardChoice, chooseBoard, type NamingFlags } from "./board_choice.ts";
import type { Interruptible } from "./exit_code.ts";
import { keyOf } from "./completion/board_cache.ts";
import { remember } from "./completion/describe.ts";
import { noteLine } from "./output.ts";
import { surviveStrayFailures } from "./stray_failures.ts";
import { type PassphraseFlags, passphraseOf } from "./passphrase.ts";

/** The flags that say which board, and how to get there. */
export interface BoardFlags extends NamingFlags, PassphraseFlags {
  /** `false` asks for TLS on this machine as well. */
  plaintext?: boolean;
  insecure?: boolean;
  tlsCa?: string;
  tlsFingerprint?: string;
  /** Prints the steps of the connection. */
  verbose?: boolean;
}

/** A board that is named: where it is, how to get there, and what to call it. */
export interface NamedBoard extends AsyncDisposable {
  /** What `JUMPSTARTER_HOST` says to a child. */
  readonly host: string;
  readonly options: DialOptions;
  /** The exporter runs in this process, or on this machine from the same config. */
  readonly local: boolean;
  /** What completion knows the board by. */
  readonly keys: readonly string[];
  /** The exporter's file, where it is known: its drivers may have interfaces of their own. */
  readonly file?: string;
}

/**
 * Finds the board, in the order of {@linkcode chooseBoard}. The exporter of `--exporter-config` runs in this process
 * unless one of the same file runs already; the signal gives up starting it.
 *
 * @throws {JumpstarterError} `invalid_argument` with the ways to name a board when none is named.
 */
export async function nameBoard(flags: BoardFlags, interruption: Interruptible): Promise<NamedBoard> {
  const choice = chooseBoard(flags);
  const keys = [choice && keyOf(choice)].filter((key) => key !== undefined);
  if (choice && "file" in choice) return await nameLocal(choice.file, keys, interruption, flags.verbose);
  if (choice) {
    if (flags.exporterConfig !== undefined) {
      const name = "host" in choice ? choice.host : choice.board;
      noteLine(`Using ${choice.by} ${name}; --exporter-config has no effect beside it`);
    }
    const { host, security } = await targetOf(choice);
    const options = {
      ...security,
      ...securityOf(flags),
      passphrase: passphraseOf(flags, false) ?? security.passphrase,
    };
    // A shell names the board to its commands by its address.
    const known = "board" in choice ? [...keys, renderAddress(parseAddress(host))] : keys;
    const file = "host" in choice && choice.by === "JUMPSTARTER_HOST" ? inheritedFile() : undefined;
    return { host, options, local: false, keys: known, file, [Symbol.asyncDispose]: () => Promise.resolve() };
  }
  throw usageError(
    "No board is named",
    "--host HOST:PORT for an exporter that runs, --exporter-config FILE for a board on this machine, " +
      "jumpstarter board add and board use, or JUMPSTARTER_HOST in the environment",
  );
}

async function targetOf(choice: Exclude<BoardChoice, { file: string }>): Promise<Target> {
  if ("host" in choice) {
    if (choice.by === "JUMPSTARTER_HOST") return environmentTarget(choice.host);
    return { host: choice.host, security: { passphrase: inheritedPassphrase(choice.host) } };
  }
  const { boardTarget } = await import("../client/boards.ts");
  return boardTarget(choice.board);
}

/** What flags say of the way to a board; if they say anything, nothing else does. */
function securityOf({ plaintext, insecure, tlsCa, tlsFingerprint }: BoardFlags): Security {
  const said = { plaintext, insecure, tlsCa, tlsFingerprint };
  return Object.values(said).some((value) => value !== undefined) ? said : {};
}

/** How long a board may take to describe itself for completion, in milliseconds. */
const rememberMs = 500;

/** Connects to a named board. */
export async function reach(board: NamedBoard, { verbose }: BoardFlags, timeoutMs?: number): Promise<Board> {
  const started = performance.now();
  const since = () => `${(performance.now() - started).toFixed(1)} ms`;
  const address = parseAddress(board.host);
  if (verbose) noteLine(`Connecting to ${renderAddress(address)}`);
  // Through ssh somebody may have to type a password first.
  const longest = "ssh" in address ? Infinity : 10_000;
  const connectTimeoutMs = timeoutMs === undefined ? undefined : Math.min(timeoutMs, longest);
  const options = { ...board.options, connectTimeoutMs, onNote: noteLine };
  const reached = await connectBoard(address, options, foreignInterfaces(board.file));
  if (verbose) noteLine(`Connected to ${reached.name ?? "an exporter without a name"} after ${since()}`);
  try {
    // Some drivers are asked for their commands.
    await withLimit(remember(board.keys, reached.root), rememberMs, "Describing the board");
  } catch (error) {
    // Completion is a comfort; nothing that has been asked for depends on it.
    if (verbose) noteLine(`The board is not remembered for completion: ${messageOf(error)}`);
  }
  return reached;
}

/** The interfaces of a file's drivers. They are looked for when a driver is met whose interface is not bundled. */
function foreignInterfaces(file: string | undefined): FindInterfaces | undefined {
  if (file === undefined) return undefined;
  let found: Promise<readonly AnyInterface[]> | undefined;
  return () => found ??= import("../local/interfaces.ts").then(({ interfacesOf }) => interfacesOf(file));
}

async function nameLocal(
  file: string,
  keys: readonly string[],
  interruption: Interruptible,
  verbose = false,
): Promise<NamedBoard> {
  const { localExporter } = await import("../local/exporter.ts");
  await using stack = new AsyncDisposableStack();
  stack.use(surviveStrayFailures(({ error, at }) => noteLine(`Nobody waited for what failed: ${error} (${at})`)));
  const exporter = stack.use(await localExporter(file, { signal: interruption.signal }));
  const owned = stack.move();
  if (verbose) noteLine(`Using the exporter of ${file} on ${exporter.path}`);
  return {
    host: exporter.path,
    options: {},
    local: true,
    // A shell names the board to its commands by the socket.
    keys: [exporter.path, ...keys],
    file: resolve(file),
    async [Symbol.asyncDispose]() {
      // Drivers are closed, however long they may take.
      using _ = interruption.hold();
      await owned.disposeAsync();
    },
  };
}
