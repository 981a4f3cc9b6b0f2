/**
 * `connect` for scripts: a board by its address, by a config file, or by the environment.
 *
 * @module
 */
import type { Address } from "../client/address.ts";
import { addressOf, clientsOf, connectBoard } from "../client/connect.ts";
import type { DialOptions } from "../client/connection.ts";
import { environmentTarget, inheritedPassphrase } from "../client/environment.ts";
import type { Security } from "../client/security.ts";
import { currentBoard } from "../config/current_board.ts";
import type { Interfaces } from "../contract/driver.ts";
import type { Client } from "../contract/interface.ts";
import { usageError } from "../core/errors.ts";
import { localExporter } from "./exporter.ts";

/** Which board, and how to get there. */
export interface Where extends DialOptions {
  /** `HOST:PORT`, the path of a socket, or `ssh://[USER@]HOST[:PORT][/PATH-OF-CONFIG]`. */
  host?: string | Address;
  /** A board's name, as `jumpstarter board add` gave it. */
  board?: string;
  /** An exporter's file: the exporter runs in this process unless one of this file runs already. */
  exporterConfig?: string;
}

/** The typed clients of a board's drivers. Disposing ends the connection. */
export type Connected<K extends Interfaces> = { readonly [P in keyof K]: Client<K[P]> } & AsyncDisposable;

/**
 * Connects to a board and makes sure that the wanted drivers are there and of the wanted interfaces. Dotted paths reach
 * below the top. `where` is an address or options; left out, the environment's `JUMPSTARTER_HOST`, else the board of
 * `jumpstarter board use`.
 *
 * @example
 * ```ts
 * await using board = await connect("127.0.0.1:7000", { power, "dutlink.console": serial });
 * await board.power.on();
 * ```
 * @throws {JumpstarterError} with the phase that failed.
 */
export async function connect<K extends Interfaces>(where: string | Where | undefined, want: K): Promise<Connected<K>> {
  await using stack = new AsyncDisposableStack();
  const wish = typeof where === "string" ? { host: where } : where ?? {};
  const target = await targetOf(wish);
  const address = target
    ? addressOf(target.host)
    : { path: stack.use(await localExporter(requireConfig(wish.exporterConfig))).path };
  const options = { ...target?.security, ...wish };
  const board = stack.use(await connectBoard(address, options));
  const clients = clientsOf(board, want);
  const owned = stack.move();
  return { ...clients, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

/** The board that is named otherwise than by an exporter's file. */
async function targetOf({ host, board, exporterConfig }: Where): Promise<Named | undefined> {
  if (host !== undefined) {
    const passphrase = typeof host === "string" ? inheritedPassphrase(host) : undefined;
    return { host, security: { passphrase } };
  }
  if (board !== undefined) return await boardTarget(board);
  if (exporterConfig !== undefined) return undefined;
  const fromEnvironment = Deno.env.get("JUMPSTARTER_HOST");
  if (fromEnvironment) return environmentTarget(fromEnvironment);
  const current = currentBoard();
  return current === undefined ? undefined : await boardTarget(current);
}

/** A file of boards is read by few scripts. */
async function boardTarget(name: string): Promise<Named> {
  const { boardTarget } = await import("../client/boards.ts");
  return boardTarget(name);
}

interface Named {
  host: string | Address;
  security: Security;
}

function requireConfig(file: string | undefined): string {
  if (file !== undefined) return file;
  throw usageError(
    "No board is named",
    'Give connect an address, { board: "bench1" } or { exporterConfig: "bench.yaml" }, or set JUMPSTARTER_HOST',
  );
}
