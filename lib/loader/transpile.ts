/**
 * TypeScript modules outside the executable: their types are stripped, and so are those of every file that they import
 * by a relative path. The results lie in the user's cache folder; what a module sees as its own URL stays the original.
 *
 * @module
 */
import { transformSync } from "amaro";
import { init, parse } from "es-module-lexer";
import { createHash } from "node:crypto";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { replaceFile } from "../config/atomic_file.ts";
import { JumpstarterError, messageOf } from "../core/errors.ts";
import { makeOwnFolder } from "../core/own_folder.ts";

/** Transpiles a module and all that it imports. Resolves to the URL to import instead. */
export async function transpiled(module: URL): Promise<string> {
  await init;
  const folder = writableFolder();
  const written = new Map<string, string>();
  write(module, undefined, folder, written);
  return written.get(module.href)!;
}

function write(module: URL, importer: URL | undefined, folder: string, written: Map<string, string>): string {
  const already = written.get(module.href);
  if (already) return already;
  const source = textOf(module, importer);
  const digest = createHash("sha256").update(module.href).update("\0").update(source).digest("hex");
  // Its stack names this file: lines are the same, and so is the name, nearly.
  const file = join(folder, `${basename(fileURLToPath(module))}.${digest}.mjs`);
  const url = pathToFileURL(file).href;
  written.set(module.href, url);
  const output = rewrite(strip(source, module), module, (dependency) => write(dependency, module, folder, written));
  // Another process may be doing the same: the file appears whole or not at all.
  replaceFile(file, output);
  return url;
}

function textOf(module: URL, importer: URL | undefined): string {
  try {
    return Deno.readTextFileSync(module);
  } catch (error) {
    if (!importer) throw error;
    throw new JumpstarterError(
      "invalid_argument",
      `${importer.pathname} imports ${module.pathname}: ${messageOf(error)}`,
    );
  }
}

/** What amaro throws. */
interface StripError {
  readonly code: "InvalidSyntax" | "UnsupportedSyntax";
  readonly message: string;
  /** From 1. */
  readonly startLine: number;
  /** From 0. */
  readonly startColumn: number;
}

function strip(source: string, module: URL): string {
  try {
    return transformSync(source, { mode: "strip-only" }).code;
  } catch (error) {
    const { code, message = messageOf(error), startLine, startColumn = 0 } = error as Partial<StripError>;
    const place = startLine === undefined ? "" : `:${startLine}:${startColumn + 1}`;
    throw new JumpstarterError("invalid_argument", `${module.pathname}${place}: ${message.trim()}`, {
      hint: code === "UnsupportedSyntax"
        ? "Types are stripped, not compiled: enums, namespaces and parameter properties are not available"
        : undefined,
    });
  }
}

/** Points relative imports to where they are now, and `import.meta` to where the module was. */
function rewrite(code: string, module: URL, transpile: (dependency: URL) => string): string {
  const [imports] = parse(code);
  let output = "";
  let end = 0;
  for (const { n: specifier, s: from, e: to, d: kind } of imports) {
    const isMeta = kind === -2;
    if (!isMeta && !(specifier && /^\.{0,2}\//.test(specifier))) continue;
    output += code.slice(end, from);
    if (isMeta) {
      output += metaOf(module);
    } else {
      const dependency = new URL(specifier!, module);
      const target = /\.[cm]?ts$/.test(dependency.pathname) ? transpile(dependency) : dependency.href;
      // A dynamic import's range includes its quotes, a static one's does not.
      output += kind >= 0 ? JSON.stringify(target) : target;
    }
    end = to;
  }
  // Errors of its syntax and its imports name it by this.
  return `${output}${code.slice(end)}\n//# sourceURL=${module.href}\n`;
}

/** An `import.meta` that knows the module's own place. */
function metaOf(module: URL): string {
  const path = fileURLToPath(module);
  const place = { url: module.href, filename: path, dirname: dirname(path) };
  const here = JSON.stringify(module.href);
  const resolve = `(to) => /^\\.{0,2}\\//.test(to) ? new URL(to, ${here}).href : import.meta.resolve(to)`;
  return `({ ...import.meta, ...${JSON.stringify(place)}, resolve: ${resolve} })`;
}

/** Where the results lie: in the user's cache, or in a temporary folder of his where that cannot be had. */
function writableFolder(): string {
  const home = Deno.env.get("HOME");
  const cache = Deno.env.get("XDG_CACHE_HOME") || (home && join(home, ".cache"));
  if (cache) {
    const folder = join(cache, "jumpstarter", "drivers");
    try {
      Deno.mkdirSync(folder, { recursive: true, mode: 0o700 });
      Deno.removeSync(Deno.makeTempFileSync({ dir: folder }));
      return folder;
    } catch { /* a service's user may have a home that it cannot write to */ }
  }
  const folder = join(tmpdir(), `jumpstarter-${Deno.uid() ?? "user"}`);
  if (makeOwnFolder(folder)) return folder;
  throw new JumpstarterError("failed_precondition", `There is no place for what drivers in TypeScript become`, {
    hint: `Set XDG_CACHE_HOME to a folder that can be written to, or remove ${folder}`,
  });
}
