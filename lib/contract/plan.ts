/**
 * The planned tree: every driver resolved and its config checked, nothing opened yet.
 *
 * @module
 */
import { JumpstarterError } from "../core/errors.ts";
import type { LogLevel } from "../core/log.ts";
import { didYouMean } from "../core/nearest.ts";
import type { AnyDriver, Interfaces } from "./driver.ts";
import type { AnyInterface } from "./interface.ts";

/** A driver that a session will open. */
export interface PlannedDriver {
  readonly kind: "driver";
  /** The key in the parent; empty for the root. */
  readonly name: string;
  readonly driver: AnyDriver;
  /** Checked by the driver's schema. */
  readonly config: unknown;
  /** Extra labels for the report. */
  readonly labels: Readonly<Record<string, string>>;
  /** A fixed uuid; left out, every session draws a new one. */
  readonly uuid?: string;
  readonly description?: string;
  /** Help texts by command name. */
  readonly methodsDescription: Readonly<Record<string, string>>;
  readonly logLevel?: LogLevel;
  readonly children: readonly PlannedNode[];
  /** Where it stands in its file, `bench.yaml:12:3`, for messages. */
  readonly place?: string;
}

/** Another name for a driver elsewhere in the tree. */
export interface PlannedProxy {
  readonly kind: "proxy";
  readonly name: string;
  /** Dotted path from the root. */
  readonly ref: string;
  readonly place?: string;
}

export type PlannedNode = PlannedDriver | PlannedProxy;

/** A planned driver with nothing but what it must have. */
export function planDriver(
  name: string,
  driver: AnyDriver,
  config: unknown,
  children: readonly PlannedNode[] = [],
): PlannedDriver {
  return { kind: "driver", name, driver, config, labels: {}, methodsDescription: {}, children };
}

/** The dotted path of a driver in another. */
export function joinPath(parentPath: string, name: string): string {
  return parentPath ? `${parentPath}.${name}` : name;
}

/** What a proxy's path leads to: a planned driver, or a child that one provides itself. */
export interface ProxyTarget {
  readonly planned: PlannedDriver;
  /** Dotted path of `planned` from the root; no proxy is part of it. */
  readonly path: string;
  /** Names below `planned` of children that drivers provide. */
  readonly provided: readonly string[];
}

/**
 * Follows a proxy to the driver it stands for, through other proxies where there are any.
 *
 * @throws {JumpstarterError} `failed_precondition` when nothing is there, or when proxies lead back to themselves.
 */
export function resolveProxy(
  root: PlannedDriver,
  proxy: PlannedProxy,
  seen: readonly PlannedProxy[] = [],
): ProxyTarget {
  if (seen.includes(proxy)) {
    const circle = [...seen.slice(seen.indexOf(proxy)), proxy].map((step) => step.ref).join(" → ");
    throw new JumpstarterError("failed_precondition", `Proxy "${proxy.name}" leads back to itself: ${circle}`);
  }
  let target: ProxyTarget = { planned: root, path: "", provided: [] };
  for (const step of proxy.ref.split(".")) {
    target = descend(root, target, step, proxy, [...seen, proxy]);
  }
  return target;
}

function descend(
  root: PlannedDriver,
  { planned, path, provided }: ProxyTarget,
  step: string,
  proxy: PlannedProxy,
  seen: readonly PlannedProxy[],
): ProxyTarget {
  const below = provided.length === 0 ? planned.children.find((child) => child.name === step) : undefined;
  if (below?.kind === "proxy") return resolveProxy(root, below, seen);
  if (below) return { planned: below, path: joinPath(path, step), provided: [] };
  const provides = provided.length === 0 ? Object.keys(planned.driver.provides ?? {}) : [];
  if (provides.includes(step)) return { planned, path, provided: [step] };
  const known = [...planned.children.map((child) => child.name), ...provides];
  throw new JumpstarterError(
    "failed_precondition",
    `Proxy driver "${proxy.name}" references nonexistent driver "${proxy.ref}": ` +
      `there is no "${step}"${didYouMean(step, known)}`,
  );
}

/**
 * Checks every proxy of a planned tree, and that no driver waits for itself.
 *
 * @returns one complaint for each wrong proxy.
 */
export function checkProxies(root: PlannedDriver): { proxy: PlannedProxy; message: string }[] {
  const complaints: { proxy: PlannedProxy; message: string }[] = [];
  const visit = (node: PlannedNode, above: readonly PlannedDriver[]) => {
    if (node.kind === "driver") return node.children.forEach((child) => visit(child, [...above, node]));
    try {
      const { planned } = resolveProxy(root, node);
      if (waitsFor(root, planned, above, new Set())) {
        const message = `Proxy "${node.name}" leads to "${node.ref}", which holds the proxy itself`;
        complaints.push({ proxy: node, message });
      }
    } catch (error) {
      complaints.push({ proxy: node, message: (error as Error).message });
    }
  };
  visit(root, []);
  return complaints;
}

/**
 * Checks that the children which drivers need are of the wanted interfaces.
 *
 * @returns one complaint for each wrong child that is there.
 */
export function checkChildren(root: PlannedDriver): { parent: PlannedDriver; name: string; message: string }[] {
  const complaints: { parent: PlannedDriver; name: string; message: string }[] = [];
  const visit = (parent: PlannedDriver) => {
    const wanted = (parent.driver.children ?? {}) as Interfaces;
    for (const child of parent.children) {
      if (child.kind === "driver") visit(child);
      const expected = Object.hasOwn(wanted, child.name) ? wanted[child.name].name : undefined;
      const got = interfaceAt(root, child)?.name;
      if (expected === undefined || got === undefined || got === expected) continue;
      const message = `The driver ${parent.driver.name} needs the interface ${expected} here, got ${got}`;
      complaints.push({ parent, name: child.name, message });
    }
  };
  visit(root);
  return complaints;
}

/** The interface of a node, or `undefined` for a proxy that leads nowhere: it is complained about where it stands. */
function interfaceAt(root: PlannedDriver, node: PlannedNode): AnyInterface | undefined {
  if (node.kind === "driver") return node.driver.implements;
  try {
    const { planned, provided } = resolveProxy(root, node);
    return provided.length > 0 ? planned.driver.provides[provided[0]] : planned.driver.implements;
  } catch {
    return undefined;
  }
}

/** Whether opening `planned` needs one of `above` to be open, directly or through proxies below it. */
function waitsFor(
  root: PlannedDriver,
  planned: PlannedDriver,
  above: readonly PlannedDriver[],
  seen: Set<PlannedDriver>,
): boolean {
  if (above.includes(planned)) return true;
  if (seen.has(planned)) return false;
  seen.add(planned);
  return planned.children.some((child) => {
    if (child.kind === "driver") return waitsFor(root, child, above, seen);
    try {
      return waitsFor(root, resolveProxy(root, child).planned, above, seen);
    } catch {
      return false; // A proxy that leads nowhere is complained about where it stands.
    }
  });
}
