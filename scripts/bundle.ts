/**
 * Bundles the program and the library for `deno compile`: a few small files start twice as fast as the checkout's many.
 *
 * Both are made in one go, so that they share their modules: a driver outside the executable that imports `jumpstarter`
 * gets the very modules that the program runs on. Workers lie beside them, each an entry of its own.
 *
 * @module
 */
import { build, type Metafile, type Plugin, stop } from "esbuild";
import { Buffer } from "node:buffer";
import { basename, join } from "node:path";
import { brotliCompressSync, constants } from "node:zlib";
import manifest from "../deno.json" with { type: "json" };
import { installPackages } from "./packages.ts";

const root = join(import.meta.dirname!, "..");

/** The files of the program that run as workers: those called so. */
const workers = [...filesOf(join(root, "lib"))].filter((file) => file.endsWith("_worker.ts"));

/** The files that {@linkcode bundle} makes, beside the parts that they share. */
export const bundled = {
  program: "program.js",
  library: "library.js",
  workers: workers.map((file) => basename(file).replace(/\.ts$/, ".js")),
} as const;

/** Bundles into a folder, which is emptied first. Resolves to what went where. */
export async function bundle(folder: string): Promise<Metafile> {
  await Deno.remove(folder, { recursive: true }).catch(ignoreNotFound);
  await Deno.mkdir(folder, { recursive: true });
  const packages = await installPackages();
  try {
    const { metafile } = await build({
      absWorkingDir: root,
      entryPoints: {
        program: "cli.ts",
        library: manifest.exports,
        ...Object.fromEntries(workers.map((file) => [basename(file, ".ts"), file])),
      },
      outdir: folder,
      bundle: true,
      splitting: true,
      minify: true,
      legalComments: "none",
      format: "esm",
      target: "esnext",
      platform: "neutral",
      mainFields: ["module", "main"],
      conditions: ["deno", "module"],
      external: ["node:*"],
      alias: { ...packages.aliases, jumpstarter: join(root, manifest.exports) },
      nodePaths: [packages.folder],
      plugins: [requiredBuiltins, packedWebAssembly, bundledWorkers, wholeZod(await packages.inOneFile("zod"))],
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

/** Built-in modules that a CommonJS package requires become imports: an ES module has no `require`. */
const requiredBuiltins: Plugin = {
  name: "required-builtins",
  setup(build) {
    build.onResolve({ filter: /^(?:node:)?(?:buffer|util|zlib)$/ }, ({ path, kind }) => {
      if (kind !== "require-call") return undefined;
      return { path: path.replace("node:", ""), namespace: "required-builtin" };
    });
    build.onLoad({ filter: /.*/, namespace: "required-builtin" }, ({ path }) => {
      return { contents: `export * from "node:${path}";` };
    });
  },
};

/**
 * Every start of an executable reads all of its files. What strips types carries 3.8 MB of WebAssembly as text, for the
 * few starts with a driver in TypeScript: these unpack it.
 */
const packedWebAssembly: Plugin = {
  name: "packed-web-assembly",
  setup(build) {
    build.onLoad({ filter: /[/\\]amaro[/\\]dist[/\\]\w+\.js$/ }, async ({ path }) => {
      const source = await Deno.readTextFile(path);
      const contents = source.replace(/\w+\.from\("(AGFzb[^"]+)", "base64"\)/, (_, text: string) => {
        const packed = brotliCompressSync(Buffer.from(text, "base64"), {
          params: { [constants.BROTLI_PARAM_QUALITY]: 9 },
        });
        const unpack = `require("node:zlib").brotliDecompressSync`;
        return `${unpack}(require("node:buffer").Buffer.from("${packed.toString("base64")}", "base64"))`;
      });
      return { contents, loader: "js" };
    });
  },
};

/** Whoever starts a worker, in a file called a thread, finds it beside itself in the bundle as well. */
const bundledWorkers: Plugin = {
  name: "bundled-workers",
  setup(build) {
    build.onLoad({ filter: /_thread\.ts$/ }, async ({ path }) => {
      const source = await Deno.readTextFile(path);
      return { contents: source.replace(/(new URL\("\.\/\w+_worker)\.ts"/g, '$1.js"'), loader: "ts" };
    });
  },
};

/**
 * The library hands out the whole of zod, of which the program needs a part. Were it one copy, every start would load the
 * whole: esbuild shares files, not parts of them. The two understand each other's schemas.
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

function* filesOf(folder: string): Generator<string, void, undefined> {
  for (const { name, isDirectory } of Deno.readDirSync(folder)) {
    if (isDirectory) yield* filesOf(join(folder, name));
    else yield join(folder, name);
  }
}

function ignoreNotFound(error: unknown): void {
  if (!(error instanceof Deno.errors.NotFound)) throw error;
}
