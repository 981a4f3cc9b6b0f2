/**
 * Writes the `.proto` file of every bundled interface, as it follows from the definition.
 *
 *     deno run -A scripts/interface_protos.ts            write them
 *     deno run -A scripts/interface_protos.ts --check    write nothing; fail where they are stale
 *
 * @module
 */
import { dirname, join } from "node:path";
import { interfaceByName, interfaceNames } from "../lib/interfaces/table.ts";
import { describe } from "../lib/wire/native/description.ts";
import { protoPathOf, protoText } from "../lib/wire/native/proto_text.ts";

const root = join(import.meta.dirname!, "..");
const folder = "proto/jumpstarter/interfaces";
const check = Deno.args.includes("--check");

const files = new Map<string, string>();
for (const name of interfaceNames) {
  const native = describe((await interfaceByName(name))!);
  files.set(`proto/${protoPathOf(native)}`, protoText(native));
}

const stale: string[] = [];
for (const [path, text] of files) {
  const present = await Deno.readTextFile(join(root, path)).catch(() => undefined);
  if (present === text) continue;
  if (check) stale.push(path);
  else {
    await Deno.mkdir(dirname(join(root, path)), { recursive: true });
    await Deno.writeTextFile(join(root, path), text);
  }
}
for (const path of await filesBelow(folder)) {
  if (files.has(path)) continue;
  if (check) stale.push(path);
  else await Deno.remove(join(root, path));
}

if (stale.length > 0) {
  console.error(`Stale, run deno task generate: ${stale.join(", ")}`);
  Deno.exit(1);
}

async function filesBelow(path: string): Promise<string[]> {
  const found: string[] = [];
  for await (const { name, isDirectory } of Deno.readDir(join(root, path))) {
    if (isDirectory) found.push(...await filesBelow(`${path}/${name}`));
    else found.push(`${path}/${name}`);
  }
  return found;
}
