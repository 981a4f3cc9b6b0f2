/**
 * The program's source files and what they import, as Deno's own parser sees them.
 *
 * @module
 */
import { join, relative } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

/** The checkout. */
export const root: string = join(import.meta.dirname!, "..", "..");

/** One import, static, dynamic or of types only. */
export interface Import {
  /** The importing file, from the checkout's root. */
  readonly file: string;
  /** Counted from 1. */
  readonly line: number;
  /** As it is written. */
  readonly specifier: string;
  /** A file's path from the checkout's root, else a specifier: `npm:zod@4.0.0`, `node:path`. */
  readonly target: string;
  readonly isDynamic: boolean;
}

/** Every TypeScript file of the program, generated ones included. */
export function programFiles(): string[] {
  return ["cli.ts", "mod.ts", ...filesBelow("drivers"), ...filesBelow("lib")];
}

/** Every TypeScript file below a folder of the checkout, sorted. */
export function filesBelow(folder: string): string[] {
  const entries = [...Deno.readDirSync(join(root, folder))].sort((a, b) => a.name < b.name ? -1 : 1);
  return entries.flatMap(({ name, isDirectory }) => {
    const path = `${folder}/${name}`;
    return isDirectory ? filesBelow(path) : path.endsWith(".ts") ? [path] : [];
  });
}

/** Reads a file of the checkout. */
export function readSource(file: string): string {
  return Deno.readTextFileSync(join(root, file));
}

/** What `deno info --json` says of a module. */
interface ModuleInfo {
  readonly specifier: string;
  readonly error?: string;
  readonly dependencies?: readonly DependencyInfo[];
}

interface DependencyInfo {
  readonly specifier: string;
  readonly isDynamic?: boolean;
  readonly code?: ResolvedInfo;
  readonly type?: ResolvedInfo;
}

interface ResolvedInfo {
  readonly specifier?: string;
  readonly error?: string;
  readonly span: { readonly start: { readonly line: number } };
}

/** Every import of the files, in their order. */
export async function importsOf(files: readonly string[]): Promise<Import[]> {
  const modules = new Map((await graphOf(files)).map((module) => [module.specifier, module]));
  return files.flatMap((file) => {
    const module = modules.get(pathToFileURL(join(root, file)).href);
    if (!module || module.error) throw new Error(`${file}: ${module?.error ?? "Deno does not know this module"}`);
    return (module.dependencies ?? []).map((dependency) => importOf(file, dependency));
  });
}

function importOf(file: string, { specifier, isDynamic = false, code, type }: DependencyInfo): Import {
  const resolved = (code ?? type)!;
  if (!resolved.specifier) throw new Error(`${file}: ${resolved.error}`);
  const target = resolved.specifier.startsWith("file:")
    ? relative(root, fileURLToPath(resolved.specifier)).replaceAll("\\", "/")
    : resolved.specifier;
  return { file, line: resolved.span.start.line + 1, specifier, target, isDynamic };
}

async function graphOf(files: readonly string[]): Promise<ModuleInfo[]> {
  const entry = await Deno.makeTempFile({ suffix: ".ts" });
  try {
    const lines = files.map((file) => `import ${JSON.stringify(pathToFileURL(join(root, file)).href)};`);
    await Deno.writeTextFile(entry, lines.join("\n"));
    const args = ["info", "--json", "--no-lock", "--config", join(root, "deno.json"), entry];
    const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), { args }).output();
    if (!success) throw new Error(new TextDecoder().decode(stderr));
    return JSON.parse(new TextDecoder().decode(stdout)).modules;
  } finally {
    await Deno.remove(entry);
  }
}
