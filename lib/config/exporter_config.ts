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
  type: z.string().optional(),
  ref: z.string().optional(),
  description: z.string().nullish().transform((text) => text ?? undefined),
  methods_description: z.record(z.string(), z.string()).default({}),
  config: z.record(z.string(), z.unknown()).nullish().transform((config) => config ?? {}),
  get children() {
    return z.record(name, nullableNode).nullish().transform((children) => children ?? {});
  },
}) as unknown as z.ZodType<ExportNode>;

/** `power:` with nothing below it is an empty composite, as it is to Python. */
const nullableNode = z.preprocess((value) => value ?? {}, node);

const hook = z.strictObject({
  script: z.string(),
  exec: z.string().nullish(),
  timeout: z.int().positive().default(120),
  onFailure: z.enum(["warn", "endLease", "exit"]).optional(),
  on_failure: z.enum(["warn", "endLease", "exit"]).optional(),
});

const schema = z.object({
  apiVersion: z.literal("jumpstarter.dev/v1alpha1").default("jumpstarter.dev/v1alpha1"),
  kind: z.literal("ExporterConfig").default("ExporterConfig"),
  metadata: z.strictObject({ namespace: z.string().nullish(), name: z.string().optional() }).nullish(),
  endpoint: z.string().nullish(),
  token: z.string().nullish(),
  tls: z.object({ ca: z.string().default(""), insecure: z.boolean().default(false) }).nullish(),
  grpcOptions: z.record(z.string(), z.union([z.string(), z.int()])).nullish(),
  description: z.string().nullish(),
  motd: z.string().nullish(),
  export: z.record(name, nullableNode).nullish().transform((nodes) => nodes ?? {}),
  hooks: z.strictObject({
    beforeLease: hook.nullish(),
    afterLease: hook.nullish(),
    before_lease: hook.nullish(),
    after_lease: hook.nullish(),
  }).nullish(),
  failureDetection: z.object({
    maxRapidFailures: z.int().default(5),
    rapidFailureWindow: z.int().default(60),
  }).nullish(),
  exitOnLeaseEnd: z.boolean().default(false),
});

/** A checked exporter file. The drivers' own configs are checked by whoever plans the tree. */
export interface ExporterConfig {
  readonly yaml: YamlFile;
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
  const { value, problems: found } = checkYaml(yaml, schema, yaml.value ?? {}, []);
  problems.push(...found);
  const exporterName = value?.metadata?.name ?? Deno.env.get("JMP_NAME");
  if (value && !exporterName) {
    problems.push(yaml.problem(["metadata"], "Expected a name for the exporter in metadata.name, but it is missing"));
  }
  problems.push(...unknownKeys(yaml));
  if (!value || problems.some((problem) => problem.severity === "error")) return { problems };
  const { hooks } = value;
  const config: ExporterConfig = {
    yaml,
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

const topKeys = Object.keys(schema.shape);
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
