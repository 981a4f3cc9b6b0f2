/** The live tree as text and as JSON. @module */
import type { DriverNode } from "../client/tree.ts";
import { printableLine } from "../core/printable.ts";
import { ownCommandNames } from "./node_command.ts";

/** The narrowest column that is worth a break of its lines. */
const leastColumns = 24;

/**
 * One line for each driver: its place, its interface, its commands and its description. A line that is longer than
 * `columns` goes on below its last part.
 */
export async function renderTree(root: DriverNode, columns = Infinity): Promise<string> {
  const rows = await rowsOf(root, 0);
  const width = (column: number) => Math.max(...rows.map((row) => row[column].length));
  const [names, kinds] = [width(0), width(1)];
  const indent = names + kinds + 4;
  const room = columns - indent < leastColumns ? Infinity : columns - indent;
  return rows.map(([name, kind, rest]) => {
    const lines = inLines(rest, room).join(`\n${" ".repeat(indent)}`);
    return `${name.padEnd(names)}  ${kind.padEnd(kinds)}  ${lines}`.trimEnd();
  }).join("\n");
}

/** A driver as `client --json` prints it. Fields are only ever added. */
export async function treeJson(node: DriverNode): Promise<unknown> {
  return {
    name: node.name,
    path: node.path,
    uuid: node.uuid,
    interface: node.interface ?? null,
    labels: node.labels,
    description: node.description ?? null,
    commands: await ownCommandNames(node),
    children: await Promise.all([...node.children.values()].map(treeJson)),
  };
}

/** A text in lines of so many columns at most; a longer word has a line of its own. */
function inLines(text: string, columns: number): string[] {
  const lines = [""];
  for (const word of text.split(" ")) {
    const line = lines.at(-1)!;
    if (line === "") lines[lines.length - 1] = word;
    else if (line.length + 1 + word.length <= columns) lines[lines.length - 1] = `${line} ${word}`;
    else lines.push(word);
  }
  return lines;
}

async function rowsOf(node: DriverNode, depth: number): Promise<[string, string, string][]> {
  const commands = (await ownCommandNames(node)).join(", ") || (await node.definition() ? "" : "methods, call, stream");
  const client = node.labels["jumpstarter.dev/client"];
  const kind = node.interface ?? `(${client ?? "unknown"})`;
  const rest = [commands, node.description && `# ${node.description}`].filter(Boolean).join("  ");
  const name = `${"  ".repeat(depth)}${node.name || "."}`;
  const below = await Promise.all([...node.children.values()].map((child) => rowsOf(child, depth + 1)));
  // What another machine says is shown, and does nothing.
  return [[printableLine(name).trimEnd(), printableLine(kind), printableLine(rest)], ...below.flat()];
}
