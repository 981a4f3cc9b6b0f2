/**
 * Which board a command is for: a flag, the environment, or a config file.
 *
 * @module
 */
import { parseAddress, renderAddress } from "../client/address.ts";
import { type Board, connectBoard } from "../client/connect.ts";
import type { DialOptions } from "../client/connection.ts";
import { JumpstarterError } from "../core/errors.ts";
import { noteLine } from "./output.ts";

/** The flags that name a board. */
export interface BoardFlags {
  host?: string;
  exporterConfig?: string;
  plaintext?: boolean;
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
}

/**
 * Finds the board: `--host`, then the environment, then `--exporter-config`, whose exporter runs in this process unless
 * one of the same file runs already.
 *
 * @throws {JumpstarterError} `invalid_argument` with the ways to name a board when none is named.
 */
export async function nameBoard(flags: BoardFlags): Promise<NamedBoard> {
  const fromEnvironment = Deno.env.get("JUMPSTARTER_HOST") || undefined;
  const host = flags.host ?? fromEnvironment;
  if (host !== undefined) {
    if (flags.exporterConfig !== undefined) {
      noteLine(
        `Using ${flags.host ? "--host" : "JUMPSTARTER_HOST"} ${host}; --exporter-config has no effect beside it`,
      );
    }
    const insecure = ["JMP_GRPC_INSECURE", "JUMPSTARTER_GRPC_INSECURE"].some((name) => Deno.env.get(name) === "1");
    const plaintext = flags.plaintext || (flags.host === undefined && insecure);
    return { host, options: { plaintext }, local: false, [Symbol.asyncDispose]: () => Promise.resolve() };
  }
  if (flags.exporterConfig !== undefined) return await nameLocal(flags.exporterConfig, flags.verbose);
  throw new JumpstarterError("invalid_argument", "No board is named", {
    phase: "usage",
    hint: "--host HOST:PORT for an exporter that runs, --exporter-config FILE for a board on this machine, " +
      "or JUMPSTARTER_HOST in the environment",
  });
}

/** Connects to a named board. */
export async function reach(board: NamedBoard, { verbose }: BoardFlags, timeoutMs?: number): Promise<Board> {
  const started = performance.now();
  const since = () => `${(performance.now() - started).toFixed(1)} ms`;
  const address = parseAddress(board.host);
  if (verbose) noteLine(`Connecting to ${renderAddress(address)}`);
  const connectTimeoutMs = timeoutMs === undefined ? undefined : Math.min(timeoutMs, 10_000);
  const reached = await connectBoard(address, { ...board.options, connectTimeoutMs });
  if (verbose) noteLine(`Connected to ${reached.name ?? "an exporter without a name"} after ${since()}`);
  return reached;
}

async function nameLocal(file: string, verbose = false): Promise<NamedBoard> {
  const { localExporter } = await import("../local/exporter.ts");
  const exporter = await localExporter(file);
  if (verbose) noteLine(`Using the exporter of ${file} on ${exporter.path}`);
  return {
    host: exporter.path,
    options: {},
    local: true,
    [Symbol.asyncDispose]: () => exporter[Symbol.asyncDispose](),
  };
}
