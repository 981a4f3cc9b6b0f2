/**
 * Bundles the program and the library for `deno compile`: a few small files start twice as fast as the checkout's many.
 *
 * Both are made in one go, so that they share their modules: a driver outside the executable that imports `jumpstarter`
 * gets the very modules that the program runs on.
 *
 * @module
 */
import { build, type Metafile, type Plugin, stop } from "esbuild";
import { join } from "node:path";
import manifest from "../deno.json" with { type: "json" };

const root = join(import.meta.dirname!, "..");

/** The files that {@linkcode bundle} makes, beside the parts that they share. */
export const bundled = { program: "program.js", library: "library.js" } as const;

/** Bundles into a folder, which is emptied first. Resolves to what went where. */
export async function bundle(folder: string): Promise<Metafile> {
  await Deno.remove(folder, { recursive: true }).catch(ignoreNotFound);
  await Deno.mkdir(folder, { recursive: true });
  const packages = await installPackages();
  try {
    const { metafile } = await build({
      absWorkingDir: root,
      entryPoints: { program: "cli.ts", library: manifest.exports },
      outdir: folder,
      bundle: true,
      splitting: true,
      minify: true,
      // Stack traces and drivers' errors show names.
      keepNames: true,
      legalComments: "none",
      format: "esm",
      target: "esnext",
      platform: "neutral",
      mainFields: ["module", "main"],
      conditions: ["deno", "module"],
      external: ["node:*"],
      alias: { ...packages.aliases, jumpstarter: join(root, manifest.exports) },
      nodePaths: [packages.folder],
      plugins: [requiredBuiltins, wholeZod(await packages.inOneFile("zod"))],
      tsconfigRaw: {},
      metafile: true,
      logLevel: "warning",
    });
    const map = { imports: { jumpstarter: `./${bundled.library}` }, nodeModulesDir: "none" };
    await Deno.writeTextFile(join(folder, "deno.json"), JSON.stringify(map));
    return metafile;
  } finally {
    await stop();
    await packages[Symbol.asyncDispose]();
  }
}

/** The packages of the manifest in a folder where esbuild looks for them. They come from Deno's own cache. */
async function installPackages() {
  const scratch = await Deno.makeTempDir({ prefix: "jumpstarter-bundle-" });
  const dependencies: Record<string, string> = {};
  const aliases: Record<string, string> = {};
  for (const [name, specifier] of Object.entries(manifest.imports)) {
    const [, packageName, version, path] = /^npm:(@?[^@]+)@([^/]+)(\/.+)?$/.exec(specifier) ?? [];
    if (!packageName || packageName === "esbuild") continue;
    dependencies[packageName] = version;
    if (path) aliases[name] = packageName + path;
  }
  await Deno.writeTextFile(join(scratch, "package.json"), JSON.stringify({ dependencies }));
  await Deno.writeTextFile(join(scratch, "deno.json"), JSON.stringify({ nodeModulesDir: "auto" }));
  // What is installed is what the lock file of the checkout vouches for.
  await Deno.copyFile(join(root, "deno.lock"), join(scratch, "deno.lock"));
  const install = new Deno.Command(Deno.execPath(), { args: ["install", "--quiet"], cwd: scratch, stderr: "inherit" });
  if (!(await install.output()).success) throw new Error("The packages of deno.json cannot be installed");
  const folder = join(scratch, "node_modules");
  return {
    folder,
    aliases,
    /** A copy of a package that shares nothing with the package. */
    async inOneFile(name: string): Promise<string> {
      const outfile = join(scratch, `${name}.js`);
      const stdin = { contents: `export * from "${name}";`, resolveDir: scratch };
      await build({ stdin, outfile, bundle: true, format: "esm", target: "esnext", platform: "neutral" });
      return outfile;
    },
    [Symbol.asyncDispose]: () => Deno.remove(scratch, { recursive: true }),
  };
}

/** Built-in modules that a CommonJS package requires become imports: an ES module has no `require`. */
const requiredBuiltins: Plugin = {
  name: "required-builtins",
  setup(build) {
    build.onResolve({ filter: /^(?:node:)?(?:buffer|util)$/ }, ({ path, kind }) => {
      if (kind !== "require-call") return undefined;
      return { path: path.replace("node:", ""), namespace: "required-builtin" };
    });
    build.onLoad({ filter: /.*/, namespace: "required-builtin" }, ({ path }) => {
      return { contents: `export * from "node:${path}";` };
    });
  },
};

/**
 * The library hands out the whole of zod, of which the program needs a fifth. Were it one copy, every start would load
 * the whole: esbuild shares files, not parts of them. The two understand each other's schemas.
 */
function wholeZod(path: string): Plugin {
  const library = join(root, manifest.exports);
  return {
    name: "whole-zod",
    setup(build) {
      build.onResolve({ filter: /^zod$/ }, ({ importer }) => importer === library ? { path } : undefined);
    },
  };
}

function ignoreNotFound(error: unknown): void {
  if (!(error instanceof Deno.errors.NotFound)) throw error;
}
