/**
 * Exporters' files by their aliases, and their written form, as Python's Jumpstarter 0.9.0 has it.
 *
 * @module
 */
import { basename, join } from "node:path";
import { isJumpstarterError, JumpstarterError } from "../core/errors.ts";
import { replaceFile } from "./atomic_file.ts";
import { type ExporterContent, exporterSchema, type ExportNode, requireExporterConfig } from "./exporter_config.ts";
import { checkAlias, exporterFolders, yamlFilesIn } from "./places.ts";
import { dumpYaml } from "./python_yaml.ts";

/** What a new file is made of; the rest has its default. */
export interface NewExporterConfig {
  metadata: { namespace: string; name: string };
  endpoint: string;
  token: string;
  tls: { insecure: boolean };
}

/** The file that {@linkcode saveNewExporter} would write. The machine's own files are never written. */
export function ownExporterFile(alias: string, [own]: readonly string[] = exporterFolders()): string {
  checkAlias(alias, "exporter");
  return join(own, `${alias}.yaml`);
}

/** Whether the user has a file of this alias. */
export function hasOwnExporter(alias: string, folders: readonly string[] = exporterFolders()): boolean {
  return isFile(ownExporterFile(alias, folders));
}

/** Writes the file of a new exporter and returns its path. */
export function saveNewExporter(alias: string, content: NewExporterConfig): string {
  const file = ownExporterFile(alias);
  replaceFile(file, exporterText(exporterSchema.parse(content)));
  return file;
}

/** The exporters' files by alias, the user's own first. */
export function exporterAliases(folders: readonly string[] = exporterFolders()): Map<string, string> {
  const files = new Map<string, string>();
  for (const file of folders.flatMap(yamlFilesIn)) {
    const alias = basename(file, ".yaml");
    if (!files.has(alias)) files.set(alias, file);
  }
  return files;
}

/**
 * Removes the user's file of an alias. `instead` is the machine's file that the alias means from now on.
 *
 * @throws {JumpstarterError} `not_found` without a file; `failed_precondition` when only the machine has one.
 */
export function deleteExporter(
  alias: string,
  folders: readonly string[] = exporterFolders(),
): { path: string; instead?: string } {
  const path = ownExporterFile(alias, folders);
  const system = exporterAliases(folders.slice(1)).get(alias);
  if (hasOwnExporter(alias, folders)) {
    Deno.removeSync(path);
    return { path, instead: system };
  }
  if (system === undefined) {
    throw new JumpstarterError("not_found", `There is no exporter "${alias}": looked for ${path}`, { phase: "config" });
  }
  const message = `Exporter config '${alias}' exists only in the system location '${system}' and cannot be deleted`;
  throw new JumpstarterError("failed_precondition", message, { phase: "config" });
}

/** The files that can be read, in Python's written form with alias and path, and what is wrong with the others. */
export function listExporters(folders: readonly string[] = exporterFolders()): {
  configs: Record<string, unknown>[];
  errors: JumpstarterError[];
} {
  const configs: Record<string, unknown>[] = [];
  const errors: JumpstarterError[] = [];
  for (const [alias, path] of exporterAliases(folders)) {
    try {
      configs.push({ alias, ...writtenForm(requireExporterConfig(path).content), path });
    } catch (error) {
      if (!isJumpstarterError(error)) throw error;
      errors.push(error);
    }
  }
  return { configs, errors };
}

/** A file's text, the same bytes as Python writes. */
export function exporterText(content: ExporterContent): string {
  return dumpYaml(writtenForm(content));
}

type Hook = NonNullable<NonNullable<ExporterContent["hooks"]>["beforeLease"]>;

function writtenForm(content: ExporterContent): Record<string, unknown> {
  const { apiVersion, kind, metadata, endpoint, tls, token, grpcOptions, description, motd, hooks } = content;
  const { maxRapidFailures = 5, rapidFailureWindow = 60 } = content.failureDetection ?? {};
  return {
    apiVersion,
    kind,
    metadata: {
      namespace: metadata?.namespace ?? Deno.env.get("JMP_NAMESPACE") ?? null,
      name: metadata?.name ?? Deno.env.get("JMP_NAME") ?? null,
    },
    endpoint: endpoint ?? null,
    tls: { ca: tls?.ca ?? "", insecure: tls?.insecure ?? false },
    token: token ?? null,
    grpcOptions: grpcOptions === undefined ? {} : grpcOptions,
    description: description ?? null,
    // Python 0.9.0 does not know these two, and leaves them out.
    ...(motd != null && { motd }),
    export: mapValues(content.export, writtenNode),
    hooks: {
      beforeLease: writtenHook(hooks?.beforeLease ?? hooks?.before_lease),
      afterLease: writtenHook(hooks?.afterLease ?? hooks?.after_lease),
    },
    failureDetection: { maxRapidFailures, rapidFailureWindow },
    ...(content.exitOnLeaseEnd && { exitOnLeaseEnd: true }),
  };
}

function writtenNode({ type, ref, description, methods_description, config, children }: ExportNode): unknown {
  if (type === undefined && ref !== undefined) return { ref };
  const below = mapValues(children, writtenNode);
  if (type === undefined) return { children: below };
  return { type, description: description ?? null, methods_description, config, children: below };
}

function writtenHook(hook: Hook | null | undefined): unknown {
  if (!hook) return null;
  const { exec = null, script, timeout } = hook;
  return { exec, script, timeout, onFailure: hook.onFailure ?? hook.on_failure ?? "warn" };
}

function mapValues<T>(mapping: Readonly<Record<string, T>>, map: (value: T) => unknown): Record<string, unknown> {
  return Object.fromEntries(Object.entries(mapping).map(([key, value]) => [key, map(value)]));
}

/** Whether there is a file, by links as well. */
export function isFile(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}
