/**
 * What a source file may touch beside its imports, and how long it may grow. `docs/architecture.md` tells why.
 *
 * @module
 */
import assert from "node:assert/strict";
import { filesBelow, importsOf, programFiles, readSource } from "./sources.ts";

/** Things of the process and of the machine, each with the places that may touch it. */
const reserved: readonly { what: RegExp; only: RegExp; why: string }[] = [
  {
    what: /\bDeno\.(?:args|exit|exitCode|stdin|stdout|stderr)\b|\bconsole\.\w+\(|\bprocess\.(?:argv|exit|std\w+)\b/,
    only: /^(?:cli\.ts$|lib\/cli\/)/,
    why: "Arguments, exit and standard streams belong to lib/cli",
  },
  {
    what: /\bDeno\.dlopen\b/,
    only: /^lib\/(?:hardware\/|streams\/codec\/system_library\.ts$)/,
    why: "System libraries are opened in lib/hardware, those of codecs in one file beside them",
  },
  {
    what: /\bnew Worker\b/,
    only: /_thread\.ts$/,
    why: "Who starts a worker is called a thread, and the worker a worker: so the bundle finds both",
  },
  {
    what: /\bDeno\.(?:serve|upgradeWebSocket)\b/,
    only: /^(?:lib\/wire\/|lib\/streams\/novnc\/|drivers\/(?:simulated_board|http_server)\/)/,
    why: "HTTP is served in lib/wire, a page for one browser in lib/streams/novnc, and by drivers whose purpose it is",
  },
  {
    what: /\bDeno\.(?:connectTls|listenTls|startTls)\b/,
    only: /^lib\/(?:wire\/tls\/|streams\/http1\/https\.ts$)/,
    why: "Whom to trust is decided in lib/wire/tls, and of web servers in lib/streams/http1/https.ts",
  },
];

/** Longest file in lines, and most modules that one file imports. */
const longest = 400;
const mostImports = 25;

const isGenerated = (file: string) =>
  file.startsWith("lib/wire/messages/") || file === "lib/streams/novnc/rfb_script.ts";
const written = programFiles().filter((file) => !isGenerated(file));
const helpers = ["scripts", "tests"].flatMap(filesBelow);

Deno.test("Arguments, exit, standard streams and system libraries are touched in their own rooms only", () => {
  const broken = written.flatMap((file) => {
    const laws = reserved.filter(({ only }) => !only.test(file));
    return codeOf(readSource(file)).flatMap((line, index) =>
      laws.filter(({ what }) => what.test(line)).map(({ why }) => `${file}:${index + 1}: ${why}: ${line.trim()}`)
    );
  });
  assert.deepEqual(broken, []);
});

Deno.test(`No file is longer than ${longest} lines`, () => {
  const long = [...written, ...helpers].flatMap((file) => {
    const lines = readSource(file).split("\n").length - 1;
    return lines > longest ? [`${file}: ${lines} lines; split it by idea`] : [];
  });
  assert.deepEqual(long, []);
});

Deno.test(`No file imports more than ${mostImports} modules`, async () => {
  const counts = new Map<string, number>();
  for (const { file } of await importsOf(written)) counts.set(file, (counts.get(file) ?? 0) + 1);
  // Lists name as many modules as there are.
  const isList = (file: string) => file.endsWith("table.ts") || file === "mod.ts";
  const many = [...counts].filter(([file, count]) => count > mostImports && !isList(file));
  assert.deepEqual(many, [], "Everything passes through these files; split them by idea");
});

Deno.test("No file names a package by its version", () => {
  const broken = [...written, ...helpers].flatMap((file) =>
    codeOf(readSource(file)).flatMap((line, index) =>
      /\bfrom\s+"(?:npm|jsr|https?):|\bimport\(?\s*"(?:npm|jsr|https?):/.test(line) ? [`${file}:${index + 1}`] : []
    )
  );
  assert.deepEqual(broken, [], "Versions stand in deno.json");
});

/** The lines of a source without its comments. */
function codeOf(source: string): string[] {
  const tokens = /"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|`(?:\\.|[^`\\])*`|\/\*[\s\S]*?\*\/|\/\/.*/g;
  return source.replace(tokens, (token) => token.startsWith("/") ? token.replace(/[^\n]/g, " ") : token).split("\n");
}
