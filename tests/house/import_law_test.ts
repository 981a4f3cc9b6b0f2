/**
 * Who may import whom. `docs/architecture.md` tells why; here it is a table, and every import is held to it.
 *
 * @module
 */
import assert from "node:assert/strict";
import manifest from "../../deno.json" with { type: "json" };
import { type Import, importsOf, programFiles, readSource } from "./sources.ts";

const client = ["core", "config", "contract", "interfaces", "streams", "wire"];
const exporter = [...client, "loader"];
const local = [...exporter, "exporter", "client", "drivers/table.ts"];

/** The rooms of the program with the rooms that each may import, beside itself. */
const rooms: Record<string, readonly string[]> = {
  "core": [],
  "config": ["core"],
  "contract": ["core"],
  "hardware": ["core", "streams"],
  "streams": ["core"],
  "interfaces": ["core", "contract", "streams"],
  "drivers": ["core", "contract", "streams", "interfaces", "hardware"],
  "wire": ["core", "contract"],
  "loader": ["core", "config", "contract"],
  "exporter": exporter,
  "client": client,
  "local": local,
  "lab": ["core", "config", "wire"],
  "testing": [...local, "local", "hardware", "lab"],
  "cli": [...local, "local", "hardware", "lab"],
  "drivers/table.ts": ["contract", "drivers"],
  "mod.ts": ["core", "config", "contract", "interfaces", "streams", "client", "local"],
  "cli.ts": ["cli"],
};

/** The packages of the program with the rooms that know them. All others are for scripts and tests. */
const packages: Record<string, readonly string[]> = {
  // For those who write drivers. The program has the same schemas from the small half of it.
  "zod": ["mod.ts"],
  // One source for checks, types and help: whoever describes or checks something uses it.
  "zod/mini": Object.keys(rooms).filter((room) => !["hardware", "streams", "cli.ts"].includes(room)),
  "yaml": ["config"],
  "commander": ["cli"],
  "@bufbuild/protobuf": ["wire"],
  "@connectrpc/connect": ["wire"],
  "@peculiar/x509": ["wire"],
  "reflect-metadata": ["wire"],
  "@rgrove/parse-xml": ["drivers", "hardware"],
  "amaro": ["loader"],
  "aws4fetch": ["drivers"],
  "es-module-lexer": ["loader"],
};

/** Built-in modules that only these rooms know. */
const builtins: Record<string, readonly string[]> = {
  "node:http2": ["wire"],
  "node:tls": ["wire"],
  "node:process": ["cli"],
};

/** Modules that may only be imported where they are needed, so that a start does not load them all. */
const lazy: readonly { from: string; to: RegExp }[] = [
  { from: "drivers/table.ts", to: /^drivers\// },
  { from: "lib/interfaces/table.ts", to: /^lib\/interfaces\// },
  { from: "lib/cli/main.ts", to: /^lib\/cli\/(?:client|completion|config|demo|exporter|run|shell|version)\.ts$/ },
  { from: "cli.ts", to: /^lib\// },
  { from: "drivers/opendal/mod.ts", to: /s3\.ts$/ },
  { from: "lib/loader/load.ts", to: /transpile\.ts$/ },
  { from: "lib/wire/tls/authority.ts", to: /x509\.ts$/ },
  { from: "lib/wire/tls/identity.ts", to: /x509\.ts$/ },
  { from: "lib/wire/tls/trust.ts", to: /tls\/failure\.ts$/ },
  { from: "lib/exporter/native_service.ts", to: /^lib\/wire\/native\/(?:face|connect)\.ts$/ },
  { from: "lib/interfaces/flashing.ts", to: /(?:flash_image|images)\.ts$/ },
  { from: "lib/interfaces/storage_commands.ts", to: /images\.ts$/ },
  { from: "lib/client/connection.ts", to: /lend\.ts$/ },
  { from: "lib/cli/command_run.ts", to: /^lib\/(?:client\/oci|streams\/http1)\// },
  { from: "lib/client/lend.ts", to: /codec\/(?:codec|link)\.ts$/ },
  { from: "lib/exporter/resources.ts", to: /(?:requests|codec\/codec)\.ts$/ },
  { from: "lib/client/dial.ts", to: /^lib\/wire\/tls\/|connect_failure\.ts$/ },
  { from: "lib/client/security.ts", to: /^lib\/wire\/tls\// },
];

/** The room that a file stands in. */
function roomOf(file: string): string {
  if (Object.hasOwn(rooms, file)) return file;
  const [top, second] = file.split("/");
  return top === "lib" ? second : top;
}

/** What is wrong with an import, or nothing. */
function verdict({ file, target, specifier, isDynamic }: Import): string | undefined {
  const room = roomOf(file);
  if (!Object.hasOwn(rooms, room)) return `"${room}" is no room; give it a row in the table`;
  if (target.startsWith("node:")) return onlyFor(builtins[target], room, target);
  if (target.startsWith("npm:")) return packageVerdict(room, specifier);
  if (target.includes(":")) return `${target} is imported from the network; put a package into deno.json instead`;
  if (!isDynamic && lazy.some(({ from, to }) => from === file && to.test(target))) {
    return `${target} has to be imported lazily here, as import("…")`;
  }
  return fileVerdict(file, room, target);
}

function packageVerdict(room: string, specifier: string): string | undefined {
  if (specifier.startsWith("npm:")) return `${specifier} has to be named in deno.json and imported by its bare name`;
  const whole = specifier.split("/").slice(0, specifier.startsWith("@") ? 2 : 1).join("/");
  // A part of a package may have a row of its own.
  const name = Object.hasOwn(packages, specifier) ? specifier : whole;
  return onlyFor(packages[name] ?? [], room, name);
}

function onlyFor(allowed: readonly string[] | undefined, room: string, what: string): string | undefined {
  if (!allowed || allowed.includes(room)) return undefined;
  return `${what} is for ${allowed.join(", ") || "scripts and tests"} only, not for ${room}`;
}

function fileVerdict(file: string, room: string, target: string): string | undefined {
  const targetRoom = roomOf(target);
  if (room === "drivers" && targetRoom === "drivers") {
    const folder = (path: string) => path.split("/")[1];
    return folder(file) === folder(target) ? undefined : `A driver may not import another driver, got ${target}`;
  }
  if (targetRoom === room || rooms[room].includes(targetRoom)) return undefined;
  return `${room} may import ${rooms[room].join(", ") || "nothing of ours"}, got ${target}`;
}

const imports = await importsOf(programFiles());

Deno.test("Every import of the program keeps to the table of rooms", () => {
  const broken = imports.flatMap((one) => {
    const why = verdict(one);
    return why ? [`${one.file}:${one.line}: ${why}`] : [];
  });
  assert.deepEqual(broken, []);
});

Deno.test("Generated messages are imported by the wire only", () => {
  const broken = imports.filter(({ file, target }) =>
    target.startsWith("lib/wire/messages/") && roomOf(file) !== "wire"
  );
  assert.deepEqual(broken.map(({ file, line, target }) => `${file}:${line}: ${target}`), []);
});

Deno.test("Every package is pinned, and its reason stands in docs/architecture.md", () => {
  const architecture = readSource("docs/architecture.md");
  for (const [name, specifier] of Object.entries(manifest.imports)) {
    if (specifier.startsWith("./")) continue;
    assert.match(specifier, /^npm:(?:@[\w-]+\/)?[\w-]+@\d+\.\d+\.\d+(?:\/\w+)?$/, `${name} is not pinned`);
    assert.ok(architecture.includes(`\`${name}\``), `docs/architecture.md does not say what ${name} is for`);
  }
});
