/** The tree as clients see it. @module */
import type { DriverTree, OpenDriver } from "../contract/tree.ts";
import { interfaceLabel } from "../interfaces/table.ts";
import type { DriverInstanceReport } from "../wire/exporter_messages.ts";

/**
 * The drivers depth first, parents before their children. A driver that a proxy leads to stands at the proxy's place as
 * well, with everything below it and under its own uuid.
 */
export function reportTree({ root }: DriverTree): DriverInstanceReport[] {
  const reports: DriverInstanceReport[] = [];
  const visit = (driver: OpenDriver, parent?: OpenDriver, name?: string) => {
    reports.push({
      uuid: driver.uuid,
      parentUuid: parent?.uuid,
      labels: labelsOf(driver, name),
      description: driver.description,
      methodsDescription: driver.methodsDescription,
    });
    for (const [childName, child] of driver.children) visit(child, driver, childName);
  };
  visit(root);
  return reports;
}

function labelsOf(driver: OpenDriver, name: string | undefined): Record<string, string> {
  return {
    ...driver.labels,
    ...(driver.implements.pythonClients.length === 0 && { [interfaceLabel]: driver.implements.name }),
    "jumpstarter.dev/client": driver.pythonClient,
    ...(name !== undefined && { "jumpstarter.dev/name": name }),
  };
}
