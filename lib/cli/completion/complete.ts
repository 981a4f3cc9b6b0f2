/**
 * The answer to a TAB: `jumpstarter __complete SHELL …`, which the shells' scripts run.
 *
 * It has to come before anybody notices, so it is made of plain data: neither the parser of command lines nor the
 * schemas, nor the wire are loaded.
 *
 * @module
 */
import { chooseBoard } from "../board_choice.ts";
import { BoardCache, keyOf } from "./board_cache.ts";
import { type Candidates, candidatesFor, type Given } from "./candidates.ts";
import type { CommandDescription } from "./description.ts";
import program from "./program.json" with { type: "json" };
import { type Line, lineOf, render, shells } from "./shells.ts";

/** What a shell's script gets for the words that it hands over; an unknown shell gets nothing. */
export function answer([name, ...given]: readonly string[]): string {
  const shell = shells.find((known) => known === name);
  if (!shell) return "";
  const line = lineOf(shell, given);
  return render(shell, line, candidatesOf(line), given[0]);
}

/** The generated description has what the type says; its literals are only wider than the type's. */
const root = program as CommandDescription;
const client = root.commands.find(({ name }) => name === "client")!;

function candidatesOf({ words, current }: Line): Candidates {
  const [name = "", ...rest] = words.slice(words.findIndex((word) => !/^\w+=/.test(word)));
  const start = /(?:^|[/\\])j(?:\.exe)?$/.test(name) ? client : root;
  try {
    return candidatesFor(start, rest, current, grow);
  } catch {
    // A cache that another program has written to.
    return candidatesFor(start, rest, current, ({ commands }) => commands);
  }
}

/** Below `client` are the drivers of the board that is named. */
function grow(command: CommandDescription, given: Given): readonly CommandDescription[] {
  if (command !== client) return command.commands;
  const exporterConfig = fromHome(given["--exporter-config"]);
  const choice = chooseBoard({ host: given["--host"], board: given["--board"], exporterConfig });
  const key = choice && keyOf(choice);
  return key === undefined ? [] : new BoardCache().recall(key);
}

/** Shells hand over `~/bench.yaml` as it is typed. */
function fromHome(path: string | undefined): string | undefined {
  return path?.replace(/^~(?=\/)/, Deno.env.get("HOME") ?? "~");
}
