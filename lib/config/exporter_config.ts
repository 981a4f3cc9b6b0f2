/**
 * The exporter's file: `kind: ExporterConfig`, as upstream writes and reads it.
 *
 * @module
 */
import * as z from "zod/mini";
import { nearest } from "../core/nearest.ts";
import { checkYaml } from "./coerce.ts";
import { readYaml, type YamlFile } from "./document.ts";
import { type Problem, throwProblems } from "./problem.ts";

/** A value under `export:` or `children:`: a driver, a composite without a type, or a proxy. */
export interface ExportNode {
  readonly type?: string;
  readonly ref?: string;
  readonly description?: string;
  readonly methods_description: Readonly<Record<string, string>>;
  readonly config: Readonly<Record<string, unknown>>;
  readonly children: Readonly<Record<string, ExportNode>>;
}

const name = z.string().check(z.regex(/^[^.\s]+$/, { error: "Expected a name without dots and spaces" }));

const node: z.ZodMiniType<ExportNode> = z.object({
  type: z.optional(z.string()).check(
    z.describe("The driver: a bundled one, a Python class path, or a path such as ./driver.ts"),
  ),
  ref: z.optional(z.string()).check(z.describe("Another driver of this file, by its dotted path from `export:`")),
  description: z.pipe(z.nullish(z.string()), z.transform((text) => text ?? undefined)).check(
    z.describe("What clients show as its help"),
  ),
  methods_description: z._default(z.record(z.string(), z.string()), {}).check(z.describe("Help texts by method")),
  config: z.pipe(z.nullish(z.record(z.string(), z.unknown())), z.transform((config) => config ?? {})).check(
    z.describe("What the driver is told"),
  ),
  get children() {
    return z.pipe(z.nullish(z.record(name, nullableNode)), z.transform((children) => children ?? {})).check(
      z.describe("Drivers below it"),
    );
  },
}) as unknown as z.ZodMiniType<ExportNode>;

/** `power:` with nothing below it is an empty composite, as it is to Python. */
const nullableNode = z.pipe(z.nullish(node), z.transform((value) => value ?? node.parse({}))).check(
  z.meta({ id: "node" }),
);

const onFailure = z.optional(z.enum(["warn", "endLease", "exit"])).check(
  z.describe("What follows when the script fails"),
);
const hook = z.strictObject({
  script: z.string().check(z.describe("What runs: commands of a shell, in which j reaches the board")),
  exec: z.nullish(z.string()).check(z.describe("The interpreter, where it does not follow from the script")),
  timeout: z._default(z.int().check(z.positive()), 120).check(z.describe("Limit in seconds")),
  onFailure,
  on_failure: onFailure,
});
const beforeLease = z.nullish(hook).check(z.describe("Runs when a lease begins"));
const afterLease = z.nullish(hook).check(z.describe("Runs when a lease has ended"));

/** The schema of the file, drivers' own configs aside. */
export const exporterSchema = z.object({
  apiVersion: z._default(z.literal("jumpstarter.dev/v1alpha1"), "jumpstarter.dev/v1alpha1"),
  kind: z._default(z.literal("ExporterConfig"), "ExporterConfig"),
  metadata: z.nullish(z.strictObject({
    namespace: z.nullish(z.string()).check(z.describe("Namespace of the exporter in the lab")),
    name: z.optional(z.string()).check(z.describe("Name of the exporter")),
  })).check(z.describe("Who the exporter is")),
  endpoint: z.nullish(z.string()).check(z.describe("Address of the controller as host:port")),
  token: z.nullish(z.string()).check(z.describe("What the controller knows the exporter by; keep it secret")),
  tls: z.nullish(z.object({
    ca: z._default(z.string(), "").check(z.describe("The controller's CA certificates: PEM in base64")),
    insecure: z._default(z.boolean(), false).check(z.describe("Whether the controller's certificate goes unchecked")),
  })).check(z.describe("How the controller is trusted")),
  grpcOptions: z.nullish(z.record(z.string(), z.union([z.string(), z.int()]))).check(
    z.describe("Options of gRPC channels"),
  ),
  description: z.nullish(z.string()).check(z.describe("What clients show as the board's help")),
  motd: z.nullish(z.string()).check(z.describe("What a client's shell says first")),
  export: z.pipe(z.nullish(z.record(name, nullableNode)), z.transform((nodes) => nodes ?? {})).check(
    z.describe("The drivers by name, in the order in which they are opened"),
  ),
  hooks: z.nullish(z.strictObject({ beforeLease, afterLease, before_lease: beforeLease, after_lease: afterLease }))
    .check(z.describe("Scripts at a lease's boundaries")),
  failureDetection: z.nullish(z.object({
    maxRapidFailures: z._default(z.int(), 5).check(
      z.describe("Rapid failures in a row after which the exporter gives up"),
    ),
    rapidFailureWindow: z._default(z.int(), 60).check(z.describe("Seconds within which a failure counts as rapid")),
  })).check(z.describe("When an exporter that fails again and again gives up")),
  exitOnLeaseEnd: z._default(z.boolean(), false).check(z.describe("Whether the exporter ends with its lease")),
});

/** What stands in a checked exporter file, its gaps filled. */
export type ExporterContent = z.output<typeof exporterSchema>;

/** A checked exporter file. The drivers' own configs are checked by whoever plans the tree. */
export interface ExporterConfig {
  readonly yaml: YamlFile;
  readonly content: ExporterContent;
  readonly name: string;
  readonly description?: string;
  readonly motd?: string;
  readonly export: Readonly<Record<string, ExportNode>>;
  /** Whether hooks are configured at either boundary of a lease. */
  readonly hasHooks: boolean;
}

/** The drivers of an exporter file, as far as they can be looked at when there are errors elsewhere. */
export interface DriverNodes extends Pick<ExporterConfig, "yaml" | "description" | "export"> {
  /** Names of those that cannot. */
  readonly broken?: readonly string[];
}

/** What is known of an exporter file. */
export interface CheckedExporter {
  /** Left out when there are errors among the problems. */
  readonly config?: ExporterConfig;
  /** Left out when the file is no YAML. */
  readonly drivers?: DriverNodes;
  readonly problems: Problem[];
}

/** Reads an exporter file. */
export function loadExporterConfig(file: string): CheckedExporter {
  return checkExporterConfig(readYaml(file));
}

/** Checks a parsed exporter file. */
export function checkExporterConfig(yaml: YamlFile): CheckedExporter {
  const problems = [...yaml.problems];
  if (problems.some((problem) => problem.severity === "error")) return { problems };
  const { value, problems: found } = checkYaml(yaml, exporterSchema, yaml.value ?? {}, []);
  problems.push(...found);
  const exporterName = value?.metadata?.name ?? Deno.env.get("JMP_NAME");
  const isNamed = exporterName || mapping(mapping(yaml.value).metadata).name;
  if (!isNamed && !found.some(({ path }) => /^(?:metadata\b|$)/.test(path))) {
    problems.push(yaml.problem(["metadata", "name"], "Expected a name for the exporter, but it is missing"));
  }
  problems.push(...unknownKeys(yaml));
  if (!value || problems.some((problem) => problem.severity === "error")) {
    return { drivers: value ? { yaml, export: value.export } : soundDrivers(yaml, found), problems };
  }
  const { hooks } = value;
  const config: ExporterConfig = {
    yaml,
    content: value,
    name: exporterName!,
    description: value.description ?? undefined,
    motd: value.motd ?? undefined,
    export: value.export,
    hasHooks: Object.values(hooks ?? {}).some((hook) => hook?.script.trim()),
  };
  return { config, drivers: config, problems };
}

/** The drivers that none of the problems is of. */
function soundDrivers(yaml: YamlFile, problems: readonly Problem[]): DriverNodes {
  const nodes = mapping(mapping(yaml.value).export);
  const isBroken = (name: string) => problems.some(({ path }) => `${path}.`.startsWith(`export.${name}.`));
  const [broken, sound] = [true, false].map((wanted) => Object.keys(nodes).filter((name) => isBroken(name) === wanted));
  const given = Object.fromEntries(sound.map((name) => [name, nodes[name]]));
  return { yaml, broken, export: checkYaml(yaml, exporterSchema.shape.export, given, ["export"]).value ?? {} };
}

/** Reads an exporter file, or throws all that is wrong with it. */
export function requireExporterConfig(file: string): ExporterConfig {
  const { config, problems } = loadExporterConfig(file);
  throwProblems(problems);
  return config!;
}

const topKeys = Object.keys(exporterSchema.shape);
const nodeKeys = ["type", "ref", "description", "methods_description", "config", "children"];

/** Upstream ignores unknown keys at the top and in a driver's node; here they are warnings. */
function unknownKeys(yaml: YamlFile): Problem[] {
  const problems: Problem[] = [];
  const warn = (path: string[], key: string, known: string[]) => {
    const near = nearest(key, known);
    const advice = near ? `did you mean "${near}"?` : `known keys are ${known.join(", ")}`;
    problems.push(
      yaml.problem([...path, key], `Ignored the unknown key "${key}"; ${advice}`, { severity: "warning", key: true }),
    );
  };
  const nodes = (value: unknown, path: string[]) => {
    for (const [child, at] of Object.entries(mapping(value))) {
      const below = mapping(at);
      for (const key of Object.keys(below)) if (!nodeKeys.includes(key)) warn([...path, child], key, nodeKeys);
      nodes(below.children, [...path, child, "children"]);
    }
  };
  const top = mapping(yaml.value);
  for (const key of Object.keys(top)) if (!topKeys.includes(key)) warn([], key, topKeys);
  nodes(top.export, ["export"]);
  return problems;
}

function mapping(value: unknown): Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? value as Record<string, unknown> : {};
}
