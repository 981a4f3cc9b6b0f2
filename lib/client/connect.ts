/**
 * `connect`: a board with typed clients of its drivers.
 *
 * @module
 */
import { clientOf } from "../contract/client.ts";
import type { Interfaces } from "../contract/driver.ts";
import type { Client } from "../contract/interface.ts";
import { JumpstarterError } from "../core/errors.ts";
import { areLabelsOf } from "../interfaces/table.ts";
import { type Address, parseAddress } from "./address.ts";
import { type DialOptions, ExporterConnection } from "./connection.ts";
import { buildTree, type DriverNode, type FindInterfaces, nodeAt } from "./tree.ts";

/** An exporter that is connected to: its drivers, and the connection that carries their calls. */
export interface Board extends AsyncDisposable {
  readonly root: DriverNode;
  readonly connection: ExporterConnection;
  /** The exporter's name, where it has one. */
  readonly name?: string;
  /** What the exporter says to whoever opens a shell; empty when it says nothing. */
  readonly motd: string;
}

/** Connects to an exporter and reads its report. `foreign` finds interfaces that are not bundled. */
export async function connectBoard(
  address: Address,
  options: DialOptions = {},
  foreign?: FindInterfaces,
): Promise<Board> {
  return await boardOf(await ExporterConnection.dial(address, options), foreign);
}

/** Reads the report of an exporter that is connected to. The connection ends with the board, or when this fails. */
export async function boardOf(connection: ExporterConnection, foreign?: FindInterfaces): Promise<Board> {
  try {
    const report = await connection.report();
    return {
      root: buildTree(report, connection, foreign),
      connection,
      name: report.labels["jumpstarter.dev/name"],
      motd: report.motd,
      [Symbol.asyncDispose]: () => connection[Symbol.asyncDispose](),
    };
  } catch (error) {
    await connection[Symbol.asyncDispose]();
    throw error;
  }
}

/**
 * Typed clients of the wanted drivers.
 *
 * @throws {JumpstarterError} `not_found` for a path without a driver, `failed_precondition` for a driver of another
 * interface than the wanted one.
 */
export function clientsOf<K extends Interfaces>(board: Board, want: K): { [P in keyof K]: Client<K[P]> } {
  const clients = Object.entries(want).map(([path, definition]) => {
    const node = nodeAt(board.root, path.split("."));
    if (!areLabelsOf(definition, node.labels)) {
      throw new JumpstarterError(
        "failed_precondition",
        `Expected "${path}" to be a ${definition.name} interface, got ${
          node.interface ?? node.labels["jumpstarter.dev/client"] ?? "an unknown one"
        }`,
        { phase: "usage" },
      );
    }
    return [path, clientOf(definition, node.caller)];
  });
  return Object.fromEntries(clients);
}

/** Reads the address of an option, an environment variable or an argument. */
export function addressOf(where: string | Address): Address {
  return typeof where === "string" ? parseAddress(where) : where;
}
