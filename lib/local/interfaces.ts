/** Interfaces that the drivers of an exporter's file bring with them. @module */
import { loadExporterConfig } from "../config/exporter_config.ts";
import type { AnyInterface } from "../contract/interface.ts";
import type { PlannedNode } from "../contract/plan.ts";
import { bundledDrivers } from "../../drivers/table.ts";
import { planTree } from "../loader/plan.ts";

/** The interfaces of all drivers in a file. There are none where the file is wrong: its exporter says so. */
export async function interfacesOf(file: string): Promise<readonly AnyInterface[]> {
  const { config } = loadExporterConfig(file);
  const { root } = config ? await planTree(config, bundledDrivers) : {};
  return root ? [...new Set(interfacesBelow(root))] : [];
}

function* interfacesBelow(node: PlannedNode): Generator<AnyInterface> {
  if (node.kind === "proxy") return;
  yield node.driver.implements;
  yield* Object.values<AnyInterface>(node.driver.provides ?? {});
  for (const child of node.children) yield* interfacesBelow(child);
}
