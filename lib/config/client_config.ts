/**
 * A client's file: `kind: ClientConfig`, as Python's Jumpstarter 0.9.0 reads and writes it. It says who the client is,
 * where the controller is, and which Python driver clients may be loaded.
 *
 * @module
 */
import { basename } from "node:path";
import * as z from "zod/mini";
import { isJumpstarterError, JumpstarterError } from "../core/errors.ts";
import { renderPath } from "../core/issues.ts";
import { replaceFile } from "./atomic_file.ts";
import { checkYaml } from "./coerce.ts";
import { parseYaml, readYaml, type YamlFile } from "./document.ts";
import { fillFromEnvironment } from "./environment.ts";
import { clientFile, clientsFolder, yamlFilesIn } from "./places.ts";
import { type Problem, throwProblems } from "./problem.ts";
import { dumpYaml, Float } from "./python_yaml.ts";

const drivers = z.pipe(
  z.strictObject({
    allow: z._default(
      z.pipe(z.transform((allow) => typeof allow === "string" ? allow.split(",") : allow), z.array(z.string())),
      [],
    ),
    unsafe: z._default(z.boolean(), false),
  }),
  z.transform(({ allow, unsafe }) => ({ allow, unsafe: unsafe || allow.includes("UNSAFE") })),
);

const leases = z.strictObject({
  acquisition_timeout: z._default(z.int().check(z.minimum(5)), 7200),
  /** It is read and never written, as Python has it. */
  dial_timeout: z._default(z.number().check(z.positive()), 30),
  retry_timeout: z._default(z.number().check(z.minimum(0)), 300),
});

const schema = z.strictObject({
  /** Taken from the file's name, whatever is written. */
  alias: z.optional(z.unknown()),
  path: z.optional(z.unknown()),
  apiVersion: z._default(z.literal("jumpstarter.dev/v1alpha1"), "jumpstarter.dev/v1alpha1"),
  kind: z._default(z.literal("ClientConfig"), "ClientConfig"),
  metadata: z.strictObject({ namespace: z.nullable(z.string()), name: z.string() }),
  endpoint: z._default(z.nullable(z.string()), null),
  tls: z.prefault(z.object({ ca: z._default(z.string(), ""), insecure: z._default(z.boolean(), false) }), {}),
  token: z._default(z.nullable(z.string()), null),
  refresh_token: z._default(z.nullable(z.string()), null),
  grpcOptions: z._default(z.nullable(z.record(z.string(), z.union([z.string(), z.int()]))), {}),
  drivers: z.prefault(drivers, {}),
  shell: z.prefault(z.object({ use_profiles: z._default(z.boolean(), false) }), {}),
  leases: z.prefault(leases, {}),
});

type Content = Omit<z.output<typeof schema>, "alias" | "path">;

/** A client's config. Times are in seconds. */
export interface ClientConfig extends Readonly<Content> {
  readonly alias: string;
  /** The file that it came from; none when it came from the environment alone. */
  readonly path?: string;
}

/** What a new config is made of; the rest has its default. */
export type NewClientConfig = Pick<z.input<typeof schema>, "metadata" | "endpoint" | "token" | "tls" | "drivers">;

/** Makes a config for an alias. */
export function newClientConfig(alias: string, content: NewClientConfig): ClientConfig {
  return { ...contentOf(schema.parse(content)), alias };
}

/**
 * Reads a client's file by its alias, with what the environment adds.
 *
 * @throws {JumpstarterError} `not_found` without such a file; `invalid_argument` with everything that is wrong with it.
 */
export function loadClientConfig(alias: string): ClientConfig {
  const file = clientFile(alias);
  if (hasClientConfig(alias)) return readClientConfig(file);
  const known = clientAliases();
  throw new JumpstarterError("not_found", `There is no client "${alias}": looked for ${file}`, {
    phase: "config",
    hint: known.length > 0 ? `one of ${known.join(", ")}` : `jumpstarter config client create ${alias}`,
  });
}

/** Reads a client's file, with what the environment adds. */
export function readClientConfig(file: string): ClientConfig {
  return { ...checked(readYaml(file)), alias: aliasOf(file), path: file };
}

/** The config that the environment makes alone: it does as soon as it has the client's namespace and name. */
export function clientConfigFromEnvironment(): ClientConfig | undefined {
  const { value, variables } = fillFromEnvironment({});
  const { namespace, name } = value.metadata as Record<string, unknown>;
  if (namespace === undefined || name === undefined) return undefined;
  return { ...checked(parseYaml("{}", variables.get("metadata") ?? "JMP_NAME")), alias: "default" };
}

/** Whether there is a file of this alias. */
export function hasClientConfig(alias: string): boolean {
  return yamlFilesIn(clientsFolder()).includes(clientFile(alias));
}

/** The aliases that have a file, sorted. */
export function clientAliases(): string[] {
  return [...new Set(yamlFilesIn(clientsFolder()).map(aliasOf))].sort();
}

/** All clients with a file, by alias, and what is wrong with the files of others. */
export function listClientConfigs(): { configs: ClientConfig[]; errors: JumpstarterError[] } {
  const configs: ClientConfig[] = [];
  const errors: JumpstarterError[] = [];
  for (const file of yamlFilesIn(clientsFolder())) {
    try {
      configs.push(readClientConfig(file));
    } catch (error) {
      if (!isJumpstarterError(error)) throw error;
      errors.push(error);
    }
  }
  return { configs, errors };
}

/** Writes a client's file, by default that of its alias. Resolves to its path. */
export function saveClientConfig(config: ClientConfig, file: string = clientFile(config.alias)): string {
  replaceFile(file, clientConfigText(config));
  return file;
}

/** Removes the file of an alias and returns its path. */
export function deleteClientConfig(alias: string): string {
  const file = clientFile(alias);
  Deno.removeSync(file);
  return file;
}

/** The file's text, the same bytes as Python writes. Without a lease's settings it is for clients of 0.7 as well. */
export function clientConfigText(config: ClientConfig): string {
  const { apiVersion, kind, metadata, endpoint, tls, token, refresh_token, grpcOptions, drivers, shell } = config;
  const leases = writtenLeases(config);
  return dumpYaml(withoutNulls({
    apiVersion,
    kind,
    metadata: withoutNulls({ namespace: metadata.namespace, name: metadata.name }),
    endpoint,
    tls: { ca: tls.ca, insecure: tls.insecure },
    token,
    refresh_token,
    grpcOptions,
    drivers: { allow: drivers.allow, unsafe: drivers.unsafe },
    shell: { use_profiles: shell.use_profiles },
    leases: JSON.stringify(leases) === JSON.stringify(writtenLeases({ leases: usualLeases() })) ? null : leases,
  }));
}

/** What of a config may be shown: everything but its tokens, in the order and words of Python's listing. */
export function shownClientConfig(config: ClientConfig): Record<string, unknown> {
  const { alias, path = null, apiVersion, kind, metadata, endpoint, tls, grpcOptions, drivers, shell } = config;
  const leases = writtenLeases(config);
  return { alias, path, apiVersion, kind, metadata, endpoint, tls, grpcOptions, drivers, shell, leases };
}

function writtenLeases({ leases }: Pick<ClientConfig, "leases">): Record<string, unknown> {
  return { acquisition_timeout: leases.acquisition_timeout, retry_timeout: new Float(leases.retry_timeout) };
}

/** What a file that says nothing of leases means in this environment. */
function usualLeases(): ClientConfig["leases"] {
  const { leases: filled } = fillFromEnvironment({}).value;
  const { value } = checkYaml(parseYaml("", "environment"), z.object({ leases }), { leases: filled }, []);
  return value?.leases ?? leases.parse({});
}

function withoutNulls(value: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(value).filter(([, below]) => below !== null));
}

function contentOf({ alias: _alias, path: _path, ...content }: z.output<typeof schema>): Content {
  return content;
}

/** As Python has it: the alias of `a.b.yaml` is `a`. */
function aliasOf(file: string): string {
  return basename(file).split(".")[0];
}

function checked(yaml: YamlFile): Content {
  throwProblems(yaml.problems);
  const content = yaml.value ?? {};
  const isMapping = typeof content === "object" && !Array.isArray(content);
  const { value: filled, variables } = isMapping
    ? fillFromEnvironment(content as Record<string, unknown>)
    : { value: content, variables: new Map<string, string>() };
  const { value, problems } = checkYaml(yaml, schema, filled, []);
  throwProblems(problems.map((problem) => withVariable(problem, variables)));
  return contentOf(value!);
}

/** Says of a wrong value where it came from, if not from the file. */
function withVariable(problem: Problem, variables: ReadonlyMap<string, string>): Problem {
  const steps = problem.path.split(".");
  const paths = steps.map((_, index) => renderPath(steps.slice(0, index + 1)));
  const variable = paths.map((path) => variables.get(path)).findLast((name) => name !== undefined);
  return variable ? { ...problem, message: `${problem.message} (from ${variable})` } : problem;
}
