/** buf and protoc-gen-es as npm has them. Needs Node.js' npx. @module */
import manifest from "../deno.json" with { type: "json" };

/** Generated code only fits the runtime of its own version. */
const runtimeVersion = manifest.imports["@bufbuild/protobuf"].split("@").at(-1);
const packages = ["@bufbuild/buf@1.75.0", `@bufbuild/protoc-gen-es@${runtimeVersion}`];

/**
 * The search path on which npx puts the packages' programs.
 *
 * @throws {Error} that says why they cannot be had.
 */
export async function bufPath(): Promise<string> {
  const args = ["--yes", "--loglevel=error", ...packages.map((name) => `--package=${name}`), "-c", 'printf %s "$PATH"'];
  try {
    const { success, stdout, stderr } = await new Deno.Command("npx", { args }).output();
    if (success) return new TextDecoder().decode(stdout);
    throw new Error(`npx cannot install buf: ${new TextDecoder().decode(stderr)}`);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    throw new Error("npx is not installed: buf comes from npm, so install Node.js");
  }
}
