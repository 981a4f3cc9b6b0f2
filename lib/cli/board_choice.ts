/**
 * Which board the words and the environment name. Commands and completion both ask here, so that they agree.
 *
 * @module
 */

import { currentBoard } from "../config/current_board.ts";

/** The flags that name a board. */
export interface NamingFlags {
  host?: string;
  board?: string;
  exporterConfig?: string;
}

/** How a board is named: by its exporter's address, its own name, or the exporter's file on this machine. */
export type BoardChoice =
  | { readonly by: "--board" | "board use"; readonly board: string }
  | { readonly by: "--host" | "JUMPSTARTER_HOST"; readonly host: string }
  | { readonly by: "--exporter-config"; readonly file: string };

/** Chooses among what is given: `--host`, `--board`, `JUMPSTARTER_HOST`, `--exporter-config`, and `board use`. */
export function chooseBoard({ host, board, exporterConfig }: NamingFlags): BoardChoice | undefined {
  if (host !== undefined) return { by: "--host", host };
  if (board !== undefined) return { by: "--board", board };
  const fromEnvironment = Deno.env.get("JUMPSTARTER_HOST");
  if (fromEnvironment) return { by: "JUMPSTARTER_HOST", host: fromEnvironment };
  if (exporterConfig !== undefined) return { by: "--exporter-config", file: exporterConfig };
  const current = currentBoard();
  return current === undefined ? undefined : { by: "board use", board: current };
}
