/**
 * The exporter's file: `kind: ExporterConfig`, as upstream writes and reads it.
 *
 * @module
 */
import * as z from "zod";
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

const name = z.string().regex(/^[^.\s]+$/, { error: "Expected a name without dots and spaces" });

const node: z.ZodType<ExportNode> = z.object({
  type: z.string().optional().describe("The driver: a bundled one, a Python class path, or a path such as ./driver.ts"),
  ref: z.string().optional().describe("Another driver of this file, by its dotted path from `export:`"),
  description: z.string().nullish().transform((text) => text ?? undefined).describe("What clients show as its help"),
  methods_description: z.record(z.string(), z.string()).default({}).describe("Help texts by method"),
  config: z.record(z.string(), z.unknown()).nullish().transform((config) => config ?? {}).describe(
    "What the driver is told",
  ),
  get children() {
    return z.record(name, nullableNode).nullish().transform((children) => children ?? {}).describe("Drivers below it");
  },
}) as unknown as z.ZodType<ExportNode>;

/** `power:` with nothing below it is an empty composite, as it is to Python. */
const nullableNode = node.nullish().transform((value) => value ?? node.parse({})).meta({ id: "node" });

const onFailure = z.enum(["warn", "endLease", "exit"]).optional().describe("What follows when the script fails");
const hook = z.strictObject({
  script: z.string().describe("What runs: commands of a shell, in which j reaches the board"),
  exec: z.string().nullish().describe("The interpreter, where it does not follow from the script"),
  timeout: z.int().positive().default(120).describe("Limit in seconds"),
  onFailure,
  on_failure: onFailure,
});
const beforeLease = hook.nullish().describe("Runs when a lease begins");
const afterLease = hook.nullish().describe("Runs when a lease has ended");

/** The schema of the file, drivers' own configs aside. */
export const exporterSchema = z.object({
  apiVersion: z.literal("jumpstarter.dev/v1alpha1").default("jumpstarter.dev/v1alpha1"),
  kind: z.literal("ExporterConfig").default("ExporterConfig"),
  metadata: z.strictObject({
    namespace: z.string().nullish().describe("Namespace of the exporter in the lab"),
    name: z.string().optional().describe("Name of the exporter"),
  }).nullish().describe("Who the exporter is"),
  endpoint: z.string().nullish().describe("Address of the controller as host:port"),
  token: z.string().nullish().describe("What the controller knows the exporter by; keep it secret"),
  tls: z.object({
    ca: z.string().default("").describe("The controller's CA certificates: PEM in base64"),
    insecure: z.boolean().default(false).describe("Whether the controller's certificate goes unchecked"),
  }).nullish().describe("How the controller is trusted"),
  grpcOptions: z.record(z.string(), z.union([z.string(), z.int()])).nullish().describe("Options of gRPC channels"),
  description: z.string().nullish().describe("What clients show as the board's help"),
  motd: z.string().nullish().describe("What a client's shell says first"),
  export: z.record(name, nullableNode).nullish().transform((nodes) => nodes ?? {}).describe(
    "The drivers by name, in the order in which they are opened",
  ),
  hooks: z.strictObject({ beforeLease, afterLease, before_lease: beforeLease, after_lease: afterLease }).nullish()
    .describe("Scripts at a lease's boundaries"),
  failureDetection: z.object({
    maxRapidFailures: z.int().default(5).describe("Rapid failures in a row after which the exporter gives up"),
    rapidFailureWindow: z.int().default(60).describe("Seconds within which a failure counts as rapid"),
  }).nullish().describe("When an exporter that fails again and again gives up"),
  exitOnLeaseEnd: z.boolean().default(false).describe("Whether the exporter ends with its lease"),
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

/** Reads an exporter file. `config` is missing when there are errors among the problems. */
export function loadExporterConfig(file: string): { config?: ExporterConfig; problems: Problem[] } {
  return checkExporterConfig(readYaml(file));
}

/** Checks a parsed exporter file. */
export function checkExporterConfig(yaml: YamlFile): { config?: ExporterConfig; problems: Problem[] } {
  const problems = [...yaml.problems];
  if (problems.some((problem) => problem.severity === "error")) return { problems };
  const { value, problems: found } = checkYaml(yaml, exporterSchema, yaml.value ?? {}, []);
  problems.push(...found);
  const exporterName = value?.metadata?.name ?? Deno.env.get("JMP_NAME");
  if (value && !exporterName) {
    problems.push(yaml.problem(["metadata", "name"], "Expected a name for the exporter, but it is missing"));
  }
  problems.push(...unknownKeys(yaml));
  if (!value || problems.some((problem) => problem.severity === "error")) return { problems };
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
  return { config, problems };
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
