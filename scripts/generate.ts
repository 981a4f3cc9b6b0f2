/**
 * Makes lib/wire/messages from proto/, with buf and protoc-gen-es as npm has them, and the generated parts of the
 * documents. Needs Node.js' npx.
 *
 *     deno task generate              write them
 *     deno task generate --check      write nothing; fail where something is stale, the .proto files break a lint
 *                                     rule, or they break peers that were built against proto/baseline.binpb
 *     deno task generate --baseline   accept the .proto files as what peers are built against
 *
 * @module
 */
import { join } from "node:path";
import { bufPath } from "./buf.ts";

const root = join(import.meta.dirname!, "..");
const messages = "lib/wire/messages";
const baseline = "proto/baseline.binpb";

const PATH = await bufPath().catch((error) => {
  console.error(error.message);
  Deno.exit(1);
});

/** Runs buf in the checkout; what it prints goes to the terminal. */
async function buf(...args: string[]): Promise<boolean> {
  // `env` looks the program up on the new path; Deno.Command would use its own.
  const command = new Deno.Command("env", { args: ["buf", ...args], cwd: root, env: { PATH } });
  return (await command.spawn().status).success;
}

/** Generates into a folder; the files lie in its {@linkcode messages}. */
function generate(into: string): Promise<boolean> {
  return buf("generate", "--template", "proto/buf.gen.yaml", "--output", into);
}

/** Every file below a folder, by its path from there. */
async function readTree(folder: string, prefix = ""): Promise<Map<string, string>> {
  const files = new Map<string, string>();
  for await (const entry of Deno.readDir(folder)) {
    const path = join(folder, entry.name);
    if (!entry.isDirectory) files.set(prefix + entry.name, await Deno.readTextFile(path));
    else for (const [name, text] of await readTree(path, `${prefix}${entry.name}/`)) files.set(name, text);
  }
  return files;
}

/** The generated files that differ from those in the checkout, on either side. */
async function staleFiles(): Promise<string[]> {
  const scratch = await Deno.makeTempDir();
  try {
    if (!await generate(scratch)) return ["proto/"];
    const fresh = await readTree(join(scratch, messages));
    const present = await readTree(join(root, messages)).catch(() => new Map<string, string>());
    const names = new Set([...fresh.keys(), ...present.keys()]);
    return [...names].filter((name) => fresh.get(name) !== present.get(name)).sort();
  } finally {
    await Deno.remove(scratch, { recursive: true });
  }
}

/** Writes what follows from the code, or checks it: those scripts look at the same arguments. */
async function derived(): Promise<boolean> {
  await import("./interface_protos.ts");
  await import("./driver_docs.ts");
  await import("./completion.ts");
  await import("./novnc.ts");
  return true;
}

async function check(): Promise<boolean> {
  const stale = await staleFiles();
  for (const name of stale) console.error(`${messages}/${name} is stale: run \`deno task generate\``);
  const linted = await buf("lint", "proto");
  const formatted = await buf("format", "--diff", "--exit-code", "proto");
  const compatible = await buf("breaking", "proto", "--against", baseline);
  return stale.length === 0 && linted && formatted && compatible;
}

async function run(flag: string | undefined): Promise<boolean> {
  switch (flag) {
    case undefined:
      return await generate(".") && await derived();
    case "--check":
      return await check() && await derived();
    case "--baseline":
      return await buf("build", "proto", "--exclude-source-info", "--output", baseline);
    default:
      console.error(`Unknown option ${flag}; expected --check or --baseline`);
      return false;
  }
}

Deno.exit(await run(Deno.args[0]) ? 0 : 1);
