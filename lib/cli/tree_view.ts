/** The live tree as text and as JSON. @module */
import type { DriverNode } from "../client/tree.ts";
import { ownCommandNames } from "./node_command.ts";

/** One line for each driver: its place, its interface, its commands and its description. */
export async function renderTree(root: DriverNode): Promise<string> {
  const rows = await rowsOf(root, 0);
  const width = (column: number) => Math.max(...rows.map((row) => row[column].length));
  const [names, kinds] = [width(0), width(1)];
  return rows.map(([name, kind, rest]) => `${name.padEnd(names)}  ${kind.padEnd(kinds)}  ${rest}`.trimEnd()).join("\n");
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

async function rowsOf(node: DriverNode, depth: number): Promise<[string, string, string][]> {
  const commands = (await ownCommandNames(node)).join(", ") || (await node.definition() ? "" : "methods, call, stream");
  const client = node.labels["jumpstarter.dev/client"];
  const kind = node.interface ?? `(${client ?? "unknown"})`;
  const rest = [commands, node.description && `# ${node.description}`].filter(Boolean).join("  ");
  const name = `${"  ".repeat(depth)}${node.name || "."}`;
  const below = await Promise.all([...node.children.values()].map((child) => rowsOf(child, depth + 1)));
  return [[name, kind, rest], ...below.flat()];
}
