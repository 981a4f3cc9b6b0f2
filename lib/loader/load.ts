/**
 * From a `type:` to a driver: a bundled name, a Python class path that a bundled driver stands for, or a module's path.
 *
 * @module
 */
import { dirname, isAbsolute, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { stripVTControlCharacters } from "node:util";
import type { AnyDriver } from "../contract/driver.ts";
import { isJumpstarterError, JumpstarterError, messageOf } from "../core/errors.ts";
import { didYouMean } from "../core/nearest.ts";

/** The bundled drivers by name, each with the Python class paths that mean it. */
export type BundledDrivers = Readonly<
  Record<string, { readonly python: readonly string[]; load(): Promise<{ default: AnyDriver }> }>
>;

/** A `type:` that is a module's path. */
export const modulePath = /^\.{0,2}\/|^file:|\.[cm]?[jt]s$/;

/** What a `type:` is looked up in. */
export interface LoadOptions {
  bundled: BundledDrivers;
  /** The file that names the driver; relative paths start at its folder. */
  configFile: string;
}

/**
 * Loads the driver that a `type:` names.
 *
 * @throws {JumpstarterError} `not_found` for a name that nothing answers to, with the nearest one and what there is;
 * `invalid_argument` for a module that cannot be loaded or does not export a driver.
 */
export async function loadDriver(type: string, { bundled, configFile }: LoadOptions): Promise<AnyDriver> {
  if (Object.hasOwn(bundled, type)) return (await bundled[type].load()).default;
  const known = Object.values(bundled).find(({ python }) => python.includes(type));
  if (known) return (await known.load()).default;
  if (/^(?:https?|jsr|npm):/.test(type)) {
    throw new JumpstarterError("unimplemented", `This version loads drivers from files only, got "${type}"`);
  }
  if (modulePath.test(type) || isAbsolute(type)) return await loadModule(type, configFile);
  throw unknownDriver(type, bundled);
}

function unknownDriver(type: string, bundled: BundledDrivers): JumpstarterError {
  const isClassPath = /^\w+(\.\w+)+$/.test(type);
  const paths = Object.values(bundled).flatMap(({ python }) => python);
  const names = Object.keys(bundled);
  const near = didYouMean(type, isClassPath ? paths : names);
  return new JumpstarterError(
    "not_found",
    `Driver "${type}" is not known${near || ";"} Available: ${names.join(", ")}, or a path such as ./driver.ts`,
  );
}

async function loadModule(type: string, configFile: string): Promise<AnyDriver> {
  const path = type.startsWith("file:") ? new URL(type) : pathToFileURL(resolve(dirname(configFile), type));
  if (!isThere(path)) throw new JumpstarterError("not_found", `There is no driver module at ${path.pathname}`);
  let module: { default?: unknown };
  try {
    module = await importModule(path);
  } catch (error) {
    const why = stripVTControlCharacters(`${messageOf(error)}${isJumpstarterError(error) ? "" : placeIn(error)}`);
    // Deno itself leaves such an import out; without its compiler it has to be said.
    const [, name] = / does not provide an export named '([^']*)'/.exec(why) ?? [];
    const typeHint = name && `Where ${name} is a type: import type { ${name} }`;
    throw new JumpstarterError("invalid_argument", `The driver module ${type} cannot be loaded: ${why}`, {
      hint: isJumpstarterError(error) ? error.hint : typeHint,
      cause: error,
    });
  }
  const { default: driver } = module;
  if (!isDriver(driver)) {
    throw new JumpstarterError("invalid_argument", `The module ${type} does not export a driver as its default`, {
      hint: "export default defineDriver({ … })",
    });
  }
  if (!isSchema(driver.config)) {
    throw new JumpstarterError(
      "invalid_argument",
      `The config of the driver that ${type} exports is no schema; expected z.object({ … })`,
    );
  }
  return driver;
}

/** Where a module has failed by itself, as its stack says. */
function placeIn(error: unknown): string {
  const [place] = error instanceof Error && !(error instanceof SyntaxError)
    ? /\bfile:\S+?:\d+:\d+/.exec(error.stack ?? "") ?? []
    : [];
  return place && !place.startsWith(import.meta.url) ? ` at ${place}` : "";
}

/** Whether there is something to read, which a folder is not. */
function isThere(path: URL): boolean {
  try {
    return !Deno.statSync(path).isDirectory;
  } catch {
    return false;
  }
}

/** Deno runs TypeScript by itself; an executable made of it does not, on every version, once the file is outside. */
async function importModule(path: URL): Promise<{ default?: unknown }> {
  if (!Deno.build.standalone || !/\.[cm]?ts$/.test(path.pathname)) return await import(path.href);
  const { transpiled } = await import("./transpile.ts");
  return await import(await transpiled(path));
}

function isDriver(value: unknown): value is AnyDriver {
  const driver = value as Partial<AnyDriver> | null | undefined;
  return typeof driver?.open === "function" && typeof driver.name === "string" &&
    typeof driver.implements?.methods === "object";
}

function isSchema(config: unknown): boolean {
  return typeof config === "object" && config !== null && "_zod" in config;
}
