/**
 * The driver-client tree, rebuilt from an exporter's report.
 *
 * @module
 */
import type { Caller } from "../contract/client.ts";
import { JumpstarterError } from "../core/errors.ts";
import { didYouMean } from "../core/nearest.ts";
import type { AnyInterface } from "../contract/interface.ts";
import { areLabelsOf, interfaceByName, interfaceNameOf } from "../interfaces/table.ts";
import type { DriverInstanceReport, GetReportResponse } from "../wire/exporter_messages.ts";
import type { ExporterConnection } from "./connection.ts";

/** Finds the interfaces of drivers that are not bundled with this program, as far as they are known. */
export type FindInterfaces = () => Promise<readonly AnyInterface[]>;

/** One driver of an exporter. */
export interface DriverNode {
  /** The key in the parent; empty for the root. */
  readonly name: string;
  /** Dotted path from the root; empty for the root. */
  readonly path: string;
  readonly uuid: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly description?: string;
  /** Help texts by command name. */
  readonly methodsDescription: Readonly<Record<string, string>>;
  /** The name of its interface. Left out where the report names nothing but a Python client that is unknown here. */
  readonly interface?: string;
  /** Its interface. A driver whose interface is not known here has a generic client only. */
  definition(): Promise<AnyInterface | undefined>;
  readonly parent?: DriverNode;
  readonly children: ReadonlyMap<string, DriverNode>;
  readonly caller: Caller;
}

/** How many drivers a report may have, and how far they may be below the root: paths grow with both. */
const maxDrivers = 4_096;
const maxDepth = 64;

/**
 * Builds the tree of a report. A driver that proxies lead to occurs several times under one uuid: a child belongs to the
 * latest occurrence of its parent. `foreign` finds interfaces that are not bundled.
 *
 * @throws {JumpstarterError} `data_loss` for a report without exactly one root, or with a child before its parent.
 */
export function buildTree(
  { reports }: GetReportResponse,
  connection: ExporterConnection,
  foreign: FindInterfaces = () => Promise.resolve([]),
): DriverNode {
  if (reports.length > maxDrivers) throw malformed(`it has ${reports.length} drivers, more than ${maxDrivers}`);
  const latest = new Map<string, MutableNode>();
  const depths = new Map<string, number>();
  const roots: MutableNode[] = [];
  for (const report of reports) {
    const parent = report.parentUuid ? latest.get(report.parentUuid) : undefined;
    if (report.parentUuid && !parent) throw malformed(`driver ${report.uuid} stands before its parent`);
    const depth = report.parentUuid ? depths.get(report.parentUuid)! + 1 : 0;
    if (depth > maxDepth) throw malformed(`it is deeper than ${maxDepth}`);
    depths.set(report.uuid, depth);
    const node = makeNode(report, parent, connection, foreign);
    if (parent) parent.children.set(node.name, node);
    else roots.push(node);
    latest.set(report.uuid, node);
  }
  if (roots.length !== 1) throw malformed(`it has ${roots.length} roots instead of one`);
  return roots[0];
}

/** Every node below and including one, parents first. */
export function* walk(node: DriverNode): Generator<DriverNode, void, undefined> {
  yield node;
  for (const child of node.children.values()) yield* walk(child);
}

/**
 * The node at a path below another.
 *
 * @throws {JumpstarterError} `not_found`, with the nearest name and those there are.
 */
export function nodeAt(root: DriverNode, path: readonly string[]): DriverNode {
  return path.reduce((node, name) => {
    const child = node.children.get(name);
    if (child) return child;
    const names = [...node.children.keys()];
    const where = node.path ? ` below "${node.path}"` : "";
    throw new JumpstarterError(
      "not_found",
      `There is no driver "${name}"${where}${didYouMean(name, names) || ";"} ` +
        (names.length > 0 ? `Available: ${names.join(", ")}` : "It has no children"),
      { phase: "usage" },
    );
  }, root);
}

type MutableNode = DriverNode & { readonly children: Map<string, DriverNode> };

function makeNode(
  report: DriverInstanceReport,
  parent: DriverNode | undefined,
  connection: ExporterConnection,
  foreign: FindInterfaces,
): MutableNode {
  const { uuid, labels, description, methodsDescription } = report;
  const name = parent ? labels["jumpstarter.dev/name"] ?? uuid : "";
  const children = new Map<string, DriverNode>();
  const kind = interfaceNameOf(labels);
  return {
    name,
    path: parent?.path ? `${parent.path}.${name}` : name,
    uuid,
    labels,
    description: description || undefined,
    methodsDescription,
    interface: kind,
    definition: async () =>
      (kind === undefined ? undefined : await interfaceByName(kind)) ??
        (await foreign()).find((definition) => areLabelsOf(definition, labels)),
    parent,
    children,
    caller: { ...connection.caller(uuid), child: (name) => children.get(name)?.caller },
  };
}

function malformed(what: string): JumpstarterError {
  return new JumpstarterError("data_loss", `The exporter's report makes no tree: ${what}`, { phase: "connect" });
}
