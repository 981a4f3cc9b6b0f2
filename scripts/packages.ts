/** The packages of deno.json, where esbuild finds them. @module */
import { build } from "esbuild";
import { join } from "node:path";
import manifest from "../deno.json" with { type: "json" };

const root = join(import.meta.dirname!, "..");

/** The packages of the manifest in a folder where esbuild looks for them. They come from Deno's own cache. */
export async function installPackages() {
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
