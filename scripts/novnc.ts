/**
 * Makes noVNC's client one script that the program can serve, from its package.
 *
 *     deno run -A scripts/novnc.ts            write it
 *     deno run -A scripts/novnc.ts --check    write nothing; fail where it is stale
 *
 * @module
 */
import { build, stop } from "esbuild";
import { join } from "node:path";
import manifest from "../deno.json" with { type: "json" };
import { installPackages } from "./packages.ts";

const file = "lib/streams/novnc/rfb_script.ts";
const path = join(import.meta.dirname!, "..", file);

const packages = await installPackages();
const { outputFiles: [{ text: script }] } = await build({
  entryPoints: [join(packages.folder, "@novnc/novnc/core/rfb.js")],
  bundle: true,
  minify: true,
  format: "esm",
  target: "es2022",
  legalComments: "none",
  write: false,
});
await stop();
await packages[Symbol.asyncDispose]();

const text = `/**
 * noVNC's client in one script, made by scripts/novnc.ts from ${manifest.imports["@novnc/novnc"]}, where its source is.
 *
 * Copyright (c) The noVNC authors. This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0
 * (https://mozilla.org/MPL/2.0/). It holds pako, (C) 2014-2017 Vitaly Puzrin and Andrei Tuputcyn, under the MIT license.
 *
 * @module
 */
const script: string = ${JSON.stringify(script)};
export default script;
`;
if (await Deno.readTextFile(path).catch(() => "") !== text) {
  if (Deno.args.includes("--check")) {
    console.error(`Stale, run deno task generate: ${file}`);
    Deno.exit(1);
  }
  await Deno.writeTextFile(path, text);
}
