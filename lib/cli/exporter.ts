/**
 * `jumpstarter exporter`: make a config, check it, serve it.
 *
 * @module
 */
import { Command as Commander } from "commander";
import { type ExporterConfig, loadExporterConfig } from "../config/exporter_config.ts";
import { exporterFile } from "../config/places.ts";
import { type Problem, renderProblem, throwProblems } from "../config/problem.ts";
import type { PlannedNode } from "../contract/plan.ts";
import { JumpstarterError } from "../core/errors.ts";
import { aborted } from "../core/limit.ts";
import { bundledDrivers } from "../../drivers/table.ts";
import { runExporter } from "../local/exporter.ts";
import { planTree } from "../loader/plan.ts";
import { exampleConfig } from "./example_config.ts";
import { addLogOptions, type LogFlags, printingHub } from "./log_printer.ts";
import { noteLine, printLine, writeOut } from "./output.ts";

/** Flags of a command that runs an exporter. */
export interface ServeFlags extends LogFlags {
  json?: boolean;
  /** False with `--no-hooks`. */
  hooks?: boolean;
}

/** The command with its three parts. */
export function exporterCommand(interrupted: AbortSignal): Commander {
  const command = new Commander("exporter").description("Offer this machine's devices to clients.");
  command.command("init")
    .description("Print an exporter file to start from: a simulated board, and examples of real drivers.")
    .action(() => writeOut(exampleConfig));
  command.command("check")
    .argument("<config>", "exporter file")
    .description("Check an exporter file and print every problem with its place. No device is touched.")
    .option("--json", "print the problems as JSON")
    .action(checkConfig);
  addLogOptions(
    command.command("run")
      .argument("[config]", "exporter file; left out, the alias `default` of your configuration folder")
      .description("Open the drivers of an exporter file and serve them until interrupted.")
      .option("--listen <address>", "[HOST:]PORT to listen on; port 0 picks a free one", "127.0.0.1:7000")
      .option("--plaintext", "allow another host than this one without TLS: everybody there can use the board")
      .option("--no-hooks", "run a file with hooks without running them")
      .option("--json", "print the addresses as JSON once clients can connect"),
  ).action(
    async (file: string | undefined, flags: ServeFlags & { listen: string; plaintext?: boolean }, self: Commander) => {
      const at = parseListen(flags.listen, "127.0.0.1");
      if (!flags.plaintext && !isLoopback(at.hostname)) {
        throw new JumpstarterError(
          "failed_precondition",
          `Listening on ${at.hostname} opens the board to the network, and this version has no TLS`,
          {
            phase: "usage",
            hint: `--plaintext, if everybody on that network may use the board, or --listen 127.0.0.1:${at.port}`,
          },
        );
      }
      await serveConfig(file ?? exporterFile("default"), at, { ...self.optsWithGlobals(), ...flags }, interrupted);
    },
  );
  return command;
}

/** Serves a config until interrupted, and says where. */
export async function serveConfig(
  file: string,
  at: { hostname: string; port: number },
  flags: ServeFlags,
  interrupted: AbortSignal,
): Promise<void> {
  const config = loadWithWarnings(file);
  await using printing = printingHub(flags);
  await using exporter = await runExporter(config, [at], { hub: printing.hub, withoutHooks: flags.hooks === false });
  const [address] = exporter.addresses;
  const drivers = exporter.session.tree.byUuid.size - 1;
  if (flags.json) printLine(JSON.stringify({ name: config.name, addresses: exporter.addresses }));
  else {
    noteLine(`Serving ${config.name} (${drivers} ${drivers === 1 ? "driver" : "drivers"}) on ${address}`);
    noteLine(`  jumpstarter client --host ${address}${isLoopback(at.hostname) ? "" : " --plaintext"}`);
  }
  await aborted(interrupted);
}

/** Reads `[HOST:]PORT`. */
export function parseListen(text: string, defaultHost: string): { hostname: string; port: number } {
  const [, host, digits] = /^(?:(.+):)?(\d{1,5})$/.exec(text) ?? [];
  const port = Number(digits);
  if (digits === undefined || port > 65535) {
    throw new JumpstarterError("invalid_argument", `Expected [HOST:]PORT with a port from 0 to 65535, got "${text}"`, {
      phase: "usage",
    });
  }
  return { hostname: (host ?? defaultHost).replace(/^\[(.*)\]$/, "$1"), port };
}

/** Whether only this machine can connect to an address. */
export function isLoopback(hostname: string): boolean {
  return /^(?:localhost|127(?:\.\d+){3}|::1)$/i.test(hostname);
}

function loadWithWarnings(file: string): ExporterConfig {
  const { config, problems } = loadExporterConfig(file);
  throwProblems(problems);
  for (const problem of problems) noteLine(`Warning: ${renderProblem(problem)}`);
  return config!;
}

async function checkConfig(file: string, { json }: { json?: boolean }): Promise<void> {
  const { problems, drivers } = await problemsOf(file);
  problems.sort((a, b) => a.place.line - b.place.line || a.place.column - b.place.column);
  const errors = problems.filter((problem) => problem.severity === "error").length;
  if (json) {
    const plain = problems.map(({ severity, place, path, message }) => ({ severity, ...place, path, message }));
    printLine(JSON.stringify({ ok: errors === 0, problems: plain }));
  } else {
    for (const problem of problems) printLine(renderProblem(problem, true));
    if (errors === 0) printLine(`${file}: no errors, ${drivers} ${drivers === 1 ? "driver" : "drivers"}`);
  }
  if (errors > 0) {
    throw new JumpstarterError("invalid_argument", `${file} has ${errors} ${errors === 1 ? "error" : "errors"}`, {
      phase: "config",
    });
  }
}

async function problemsOf(file: string): Promise<{ problems: Problem[]; drivers: number }> {
  const { config, problems } = loadExporterConfig(file);
  if (!config) return { problems, drivers: 0 };
  const planned = await planTree(config, bundledDrivers);
  const count = (nodes: readonly PlannedNode[]): number =>
    nodes.reduce((sum, node) => {
      if (node.kind === "proxy") return sum;
      return sum + 1 + Object.keys(node.driver.provides ?? {}).length + count(node.children);
    }, 0);
  return { problems: [...problems, ...planned.problems], drivers: planned.root ? count(planned.root.children) : 0 };
}
