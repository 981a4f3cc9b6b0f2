/**
 * The programs that are compared: ours, as the tests have them, and Python's.
 *
 * @module
 */
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { clientEnv, type PythonPeer } from "../interop/python.ts";
import { isExecutable, programWords } from "../system/program.ts";
import { freePort, type Program, type StartedExporter, startExporter } from "./processes.ts";

const here = import.meta.dirname!;

/** An exporter and a client of one make. */
export interface Contender {
  exporter(config: string, port: number): Program;
  /** A driver's command, by the client: `["power", "on"]`. */
  client(host: string, words: readonly string[]): Program;
}

/** The Deno that the executable was made with, and the library as it is in there. */
export function ourLibrary(): { deno: string; library: string } {
  const folder = Deno.env.get("JUMPSTARTER_DENORT_DIR");
  const name = folder && [...Deno.readDirSync(folder)].map(({ name }) => name).find((name) => /^deno-\d/.test(name));
  const deno = name ? join(folder, name) : Deno.execPath();
  const bundled = join(dirname(programWords[0]), "bundle", "library.js");
  const library = isExecutable ? bundled : join(here, "..", "..", "mod.ts");
  return { deno, library: pathToFileURL(library).href };
}

/** This project's programs. */
export const ours: Contender = {
  exporter: (config, port) => ({
    words: [...programWords, "exporter", "run", config, "--listen", `127.0.0.1:${port}`],
  }),
  client: (host, words) => ({ words: [...programWords, "client", "--host", host, ...words] }),
};

/** Python's programs, which find the drivers that lie here. */
export function pythonOf(peer: PythonPeer): Contender {
  return {
    exporter: (config, port) => ({
      words: [
        peer.bin("jmp"),
        "run",
        "--exporter-config",
        config,
        "--tls-grpc-listener",
        `127.0.0.1:${port}`,
        "--tls-grpc-insecure",
      ],
      env: { PYTHONPATH: here },
    }),
    client: (host, words) => ({ words: [peer.bin("j"), ...words], env: clientEnv(host) }),
  };
}

/** Starts an exporter of a config. */
export function start(contender: Contender, config: string): Promise<StartedExporter> {
  const port = freePort();
  return startExporter(contender.exporter(config, port), port);
}

/** Writes an exporter's file with the drivers of these lines. */
export function writeConfig(folder: string, name: string, drivers: readonly string[]): string {
  const file = join(folder, `${name}.yaml`);
  const head =
    "apiVersion: jumpstarter.dev/v1alpha1\nkind: ExporterConfig\nmetadata: { namespace: default, name: bench }\n";
  Deno.writeTextFileSync(file, `${head}export:\n${drivers.map((line) => `  ${line}\n`).join("")}`);
  return file;
}
