/** The live tree as text and as JSON. @module */
import type { DriverNode } from "../client/tree.ts";
import { ownCommandNames } from "./node_command.ts";

/** One line for each driver: its place, its interface, its commands and its description. */
export function renderTree(root: DriverNode): string {
  const rows = rowsOf(root, 0);
  const width = (column: number) => Math.max(...rows.map((row) => row[column].length));
  const [names, kinds] = [width(0), width(1)];
  return rows.map(([name, kind, rest]) => `${name.padEnd(names)}  ${kind.padEnd(kinds)}  ${rest}`.trimEnd()).join("\n");
}

/** A driver as `client --json` prints it. Fields are only ever added. */
export function treeJson(node: DriverNode): unknown {
  return {
    name: node.name,
    path: node.path,
    uuid: node.uuid,
    interface: node.interface?.name ?? null,
    labels: node.labels,
    description: node.description ?? null,
    commands: ownCommandNames(node),
    children: [...node.children.values()].map(treeJson),
  };
}

function rowsOf(node: DriverNode, depth: number): [string, string, string][] {
  const commands = ownCommandNames(node).join(", ") || (node.interface ? "" : "methods, call, stream");
  const client = node.labels["jumpstarter.dev/client"];
  const kind = node.interface?.name ?? `(${client ?? "unknown"})`;
  const rest = [commands, node.description && `# ${node.description}`].filter(Boolean).join("  ");
  const name = `${"  ".repeat(depth)}${node.name || "."}`;
  return [[name, kind, rest], ...[...node.children.values()].flatMap((child) => rowsOf(child, depth + 1))];
}
