/**
 * `connect` for scripts: a board by its address, by a config file, or by the environment.
 *
 * @module
 */
import type { Address } from "../client/address.ts";
import { addressOf, clientsOf, connectBoard } from "../client/connect.ts";
import type { DialOptions } from "../client/connection.ts";
import type { Interfaces } from "../contract/driver.ts";
import type { Client } from "../contract/interface.ts";
import { JumpstarterError } from "../core/errors.ts";
import { localExporter } from "./exporter.ts";

/** Which board, and how to get there. */
export interface Where extends DialOptions {
  /** `HOST:PORT` or the path of a socket. */
  host?: string | Address;
  /** An exporter's file: the exporter runs in this process unless one of this file runs already. */
  exporterConfig?: string;
}

/** The typed clients of a board's drivers. Disposing ends the connection. */
export type Connected<K extends Interfaces> = { readonly [P in keyof K]: Client<K[P]> } & AsyncDisposable;

/**
 * Connects to a board and makes sure that the wanted drivers are there and of the wanted interfaces. Dotted paths reach
 * below the top. `where` is an address or options; left out, the environment's `JUMPSTARTER_HOST`.
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
  const options = typeof where === "string" ? { host: where } : where ?? {};
  const host = options.host ?? (options.exporterConfig === undefined ? Deno.env.get("JUMPSTARTER_HOST") : undefined);
  const address = host !== undefined
    ? addressOf(host)
    : { path: stack.use(await localExporter(requireConfig(options.exporterConfig))).path };
  const board = stack.use(await connectBoard(address, options));
  const clients = clientsOf(board, want);
  const owned = stack.move();
  return { ...clients, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

function requireConfig(file: string | undefined): string {
  if (file !== undefined) return file;
  throw new JumpstarterError("invalid_argument", "No board is named", {
    phase: "usage",
    hint: 'Give connect an address or { exporterConfig: "bench.yaml" }, or set JUMPSTARTER_HOST',
  });
}
