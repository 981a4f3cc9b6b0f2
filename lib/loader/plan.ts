/**
 * From a checked exporter file to a planned tree: drivers found, their configs checked, proxies followed. Nothing is
 * opened.
 *
 * @module
 */
import * as z from "zod/mini";
import { checkYaml } from "../config/coerce.ts";
import type { DriverNodes, ExporterConfig, ExportNode } from "../config/exporter_config.ts";
import { type Problem, renderPlace, throwProblems } from "../config/problem.ts";
import { type AnyDriver, strictConfig } from "../contract/driver.ts";
import { checkChildren, checkProxies, type PlannedDriver, type PlannedNode } from "../contract/plan.ts";
import { isJumpstarterError, messageOf } from "../core/errors.ts";
import { commonKeys } from "./common_keys.ts";
import { type BundledDrivers, loadDriver } from "./load.ts";

const logLevels = { debug: "debug", info: "info", warning: "warn", error: "error", critical: "error" } as const;

/** Plans the tree of an exporter file. `root` is missing when there are errors among the problems. */
export async function planTree(
  config: DriverNodes,
  bundled: BundledDrivers,
): Promise<{ root?: PlannedDriver; problems: Problem[] }> {
  const planning = new Planning(config, bundled);
  const children = await planning.nodes(config.export, ["export"]);
  const { default: composite } = await bundled["composite"].load();
  const root: PlannedDriver = {
    kind: "driver",
    name: "",
    driver: composite,
    config: {},
    labels: {},
    description: config.description,
    methodsDescription: {},
    children,
  };
  const { problems } = planning;
  for (const { proxy, message } of checkProxies(root)) {
    // What is wrong with the target has been said where it stands.
    if (planning.failed.some((path) => `${proxy.ref}.`.startsWith(`${path}.`))) continue;
    problems.push(config.yaml.problem([...planning.pathOf(proxy), "ref"], message));
  }
  for (const { parent, name, message } of checkChildren(root)) {
    const path = [...planning.pathOf(parent), "children", name];
    problems.push(config.yaml.problem(path, message, { key: true }));
  }
  return problems.some((problem) => problem.severity === "error") ? { problems } : { root, problems };
}

/** Plans the tree of an exporter file, or throws all that is wrong with it. */
export async function requireTree(config: ExporterConfig, bundled: BundledDrivers): Promise<PlannedDriver> {
  const { root, problems } = await planTree(config, bundled);
  throwProblems(problems);
  return root!;
}

class Planning {
  readonly problems: Problem[] = [];
  /** Dotted paths of drivers that could not be planned. */
  readonly failed: string[];
  readonly #config: DriverNodes;
  readonly #bundled: BundledDrivers;
  readonly #paths = new Map<PlannedNode, string[]>();
  /** Where the fixed uuids stand. */
  readonly #uuids = new Map<string, string>();

  constructor(config: DriverNodes, bundled: BundledDrivers) {
    this.failed = [...config.broken ?? []];
    this.#config = config;
    this.#bundled = bundled;
  }

  /** Where a node stands in the file. */
  pathOf(node: PlannedNode): string[] {
    return this.#paths.get(node) ?? [];
  }

  async nodes(nodes: Readonly<Record<string, ExportNode>>, path: string[]): Promise<PlannedNode[]> {
    const planned: PlannedNode[] = [];
    for (const [name, node] of Object.entries(nodes)) {
      const child = await this.#node(name, node, [...path, name]);
      if (child) {
        planned.push(child);
        this.#paths.set(child, [...path, name]);
      } else this.failed.push([...path, name].filter((_, index) => index % 2 === 1).join("."));
    }
    return planned;
  }

  async #node(name: string, node: ExportNode, path: string[]): Promise<PlannedNode | undefined> {
    const place = renderPlace(this.#config.yaml.problem(path, "", { key: true }).place);
    if (node.type === undefined && node.ref !== undefined) return { kind: "proxy", name, ref: node.ref, place };
    const driver = await this.#load(node.type ?? "composite", [...path, "type"]);
    const children = await this.nodes(node.children, [...path, "children"]);
    if (!driver) return undefined;
    this.#checkChildren(driver, Object.keys(node.children), path);
    const own = this.#checkConfig(driver, node, [...path, "config"]);
    if (!own) return undefined;
    const { config, common } = own;
    if (common.uuid) this.#checkUuid(common.uuid, place, [...path, "config", "uuid"]);
    return {
      kind: "driver",
      name,
      driver,
      config,
      labels: common.labels,
      uuid: common.uuid,
      logLevel: common.log_level && logLevels[common.log_level],
      description: node.description || undefined,
      methodsDescription: node.methods_description,
      children,
      place,
    };
  }

  async #load(type: string, path: string[]): Promise<AnyDriver | undefined> {
    try {
      return await loadDriver(type, { bundled: this.#bundled, configFile: this.#config.yaml.file });
    } catch (error) {
      const hint = isJumpstarterError(error) && error.hint;
      this.problems.push(this.#config.yaml.problem(path, hint ? `${messageOf(error)}; ${hint}` : messageOf(error)));
      return undefined;
    }
  }

  #checkConfig(driver: AnyDriver, node: ExportNode, path: string[]) {
    const { yaml } = this.#config;
    const given = Object.entries(node.config);
    const isCommon = ([key]: [string, unknown]) => Object.hasOwn(commonKeys, key);
    const common = checkYaml(yaml, z.object(commonKeys), Object.fromEntries(given.filter(isCommon)), path);
    const own = checkYaml(
      yaml,
      strictConfig(driver.config),
      Object.fromEntries(given.filter((entry) => !isCommon(entry))),
      path,
    );
    this.problems.push(...common.problems, ...own.problems);
    return common.value && own.value !== undefined ? { config: own.value, common: common.value } : undefined;
  }

  #checkUuid(uuid: string, place: string, path: string[]): void {
    const other = this.#uuids.get(uuid);
    if (other) this.problems.push(this.#config.yaml.problem(path, `The driver at ${other} has this uuid already`));
    else this.#uuids.set(uuid, place);
  }

  /** Children that a driver makes itself cannot be given, and those that it needs must be. */
  #checkChildren(driver: AnyDriver, names: readonly string[], path: string[]): void {
    for (const name of Object.keys(driver.provides ?? {})) {
      if (!names.includes(name)) continue;
      const message = `The driver ${driver.name} makes its child "${name}" itself; choose another name`;
      this.problems.push(this.#config.yaml.problem([...path, "children", name], message, { key: true }));
    }
    for (const [name, definition] of Object.entries(driver.children ?? {})) {
      if (names.includes(name)) continue;
      const message = `The driver ${driver.name} needs a child "${name}" with the interface ${
        (definition as { name: string }).name
      }`;
      this.problems.push(this.#config.yaml.problem([...path, "children", name], message));
    }
  }
}
