/**
 * Makes the executable: bundles the program, then compiles it for one or several targets.
 *
 *     deno task compile                                     for this machine
 *     deno task compile --target aarch64-unknown-linux-gnu --target …
 *
 * The results are build/jumpstarter-TARGET, and build/jumpstarter for this machine.
 *
 * `deno compile` puts a program into a runtime, `denort`, which it downloads. Where it cannot be downloaded, name a
 * folder that holds a Deno and its runtimes in JUMPSTARTER_DENORT_DIR: `deno-VERSION` with `denort-VERSION-ARCH`. Deno's
 * own variable DENORT_BIN names a single runtime, which has to be of the version of this Deno and of the target.
 *
 * @module
 */
import { basename, join } from "node:path";
import { parseArgs } from "node:util";
import { bundle, bundled } from "./bundle.ts";

const build = join(import.meta.dirname!, "..", "build");

const targets = [
  "x86_64-unknown-linux-gnu",
  "aarch64-unknown-linux-gnu",
  "x86_64-apple-darwin",
  "aarch64-apple-darwin",
  "x86_64-pc-windows-msvc",
] as const;
type Target = (typeof targets)[number];

/** A Deno that compiles, and the runtime that it puts the program into; left out, the one it downloads. */
interface Compiler {
  deno: string;
  denort?: string;
}

/**
 * Finds what compiles for a target.
 *
 * @throws {Error} when the folder of JUMPSTARTER_DENORT_DIR has nothing for it.
 */
function compilerFor(target: Target): Compiler {
  const folder = Deno.env.get("JUMPSTARTER_DENORT_DIR");
  if (!folder) return { deno: Deno.execPath() };
  const names = [...Deno.readDirSync(folder)].map(({ name }) => name);
  const deno = names.find((name) => /^deno-\d/.test(name));
  if (!deno) throw new Error(`${folder} holds no deno-VERSION`);
  // Runtimes carry the architecture alone, as Linux's do, or the whole target.
  const [arch, , os] = target.split("-");
  const wanted = [target, ...(os === "linux" ? [arch] : [])].map((suffix) =>
    deno.replace("deno", "denort") + `-${suffix}`
  );
  const denort = wanted.find((name) => names.includes(name));
  if (!denort) throw new Error(`${folder} holds no ${wanted.join(" or ")}`);
  return { deno: join(folder, deno), denort: join(folder, denort) };
}

/** Compiles the bundle for a target. Resolves to the executable's path. */
async function compile(folder: string, target: Target): Promise<string> {
  const { deno, denort } = compilerFor(target);
  const output = join(build, `jumpstarter-${target}${target.includes("windows") ? ".exe" : ""}`);
  const options = ["--quiet", "--allow-all", "--no-lock", "--cached-only"];
  // As deno.json says; Deno ends a program that uses a vsock without it.
  options.push("--unstable-vsock");
  // A small heap is not worth collecting: V8 would begin at 10 MB and mark all of it several times a second while
  // buffers are in use, which costs forwards half of their own time.
  options.push("--v8-flags=--initial-old-space-size=64");
  // The cache of compiled code would lie in the shared temporary folder under a name that anybody can guess.
  options.push("--no-code-cache", "--target", target, "--output", output);
  options.push(...[bundled.library, ...bundled.workers].flatMap((file) => ["--include", file]));
  const command = new Deno.Command(deno, {
    args: ["compile", ...options, bundled.program],
    cwd: folder,
    env: denort ? { DENORT_BIN: denort } : {},
    stdout: "inherit",
    stderr: "inherit",
  });
  if (!(await command.output()).success) {
    throw new Error(
      `${basename(deno)} cannot compile for ${target}. Where its runtime cannot be downloaded, put it and its Deno ` +
        `into a folder and name that in JUMPSTARTER_DENORT_DIR`,
    );
  }
  return output;
}

/** Puts a copy, or where the file system can a second name, beside the executable. */
async function linkAs(path: string, executable: string): Promise<void> {
  await Deno.remove(path).catch(() => {});
  await Deno.link(executable, path).catch(() => Deno.copyFile(executable, path));
}

function parseTargets(args: string[]): Target[] {
  const { values } = parseArgs({ args, options: { target: { type: "string", multiple: true } } });
  const wanted = values.target ?? [Deno.build.target];
  for (const target of wanted) {
    if (targets.some((known) => known === target)) continue;
    throw new Error(`Unknown target ${target}; expected one of ${targets.join(", ")}`);
  }
  return wanted as Target[];
}

try {
  const wanted = parseTargets(Deno.args);
  const folder = join(build, "bundle");
  await bundle(folder);
  for (const target of wanted) {
    const executable = await compile(folder, target);
    const { size } = await Deno.stat(executable);
    console.log(`${executable} (${(size / 1e6).toFixed(1)} MB)`);
    if (target !== Deno.build.target) continue;
    await linkAs(join(build, Deno.build.os === "windows" ? "jumpstarter.exe" : "jumpstarter"), executable);
  }
} catch (error) {
  console.error(`Error: ${(error as Error).message}`);
  Deno.exit(1);
}
