/**
 * `jumpstarter exporter`: make a config, check it, serve it.
 *
 * @module
 */
import { Command as Commander } from "commander";
import { isLoopback } from "../client/address.ts";
import { type ExporterConfig, loadExporterConfig } from "../config/exporter_config.ts";
import { exporterFile } from "../config/places.ts";
import { type Problem, renderProblem, throwProblems } from "../config/problem.ts";
import type { PlannedNode } from "../contract/plan.ts";
import { JumpstarterError } from "../core/errors.ts";
import { aborted } from "../core/limit.ts";
import { bundledDrivers } from "../../drivers/table.ts";
import type { TcpAddress } from "../exporter/socket.ts";
import { runExporter } from "../local/exporter.ts";
import { planTree } from "../loader/plan.ts";
import { exampleConfig } from "./example_config.ts";
import { serveStdioCommand } from "./exporter_stdio.ts";
import { installCommand, uninstallCommand } from "./exporter_install.ts";
import type { Interruptible } from "./exit_code.ts";
import { parseListen } from "./listen_address.ts";
import { addLogOptions, type LogFlags, printingHub } from "./log_printer.ts";
import { noteLine, outliveReaders, printLine, writeOut } from "./output.ts";
import { addProtectionOptions, clientLines, openDoorOf, protect, type ProtectionFlags } from "./protection.ts";

/** Flags of a command that runs an exporter. */
export interface ServeFlags extends LogFlags {
  json?: boolean;
  /** False with `--no-hooks`. */
  hooks?: boolean;
}

interface RunFlags extends ServeFlags, ProtectionFlags {
  listen: string;
}

const runHelp = `
Without TLS it listens on this machine only. To other machines it is opened by --tls-self-signed: it prints what a
client has to say, and keeps its identity over restarts. A passphrase keeps out those who merely reach the port.

Examples:
  jumpstarter exporter run bench.yaml
  jumpstarter exporter run bench.yaml --listen 0.0.0.0:7000 --tls-self-signed --passphrase-file p.txt`;

/** The command with its parts. */
export function exporterCommand(interruption: Interruptible): Commander {
  const command = new Commander("exporter").description("Offer this machine's devices to clients.");
  command.command("init")
    .description("Print an exporter file to start from: a simulated board, and examples of real drivers.")
    .action(() => writeOut(exampleConfig));
  command.command("check")
    .argument("<config>", "exporter file")
    .description("Check an exporter file and print every problem with its place. No device is touched.")
    .option("--json", "print the problems as JSON")
    .action(checkConfig);
  command.command("schema")
    .description("Print the JSON Schema of exporter files: completion and checks for editors.")
    .addHelpText("after", "\nEditors find it by the first line of what exporter init prints.")
    .option("--json", "the same: a schema is JSON")
    .action(printSchema);
  const run = command.command("run")
    .argument("[config]", "exporter file; left out, the alias `default` of your configuration folder")
    .description("Open the drivers of an exporter file and serve them until interrupted.")
    .option("--listen <address>", "[HOST:]PORT to listen on; port 0 picks a free one", "127.0.0.1:7000")
    .option("--plaintext", "allow another host than this one without TLS: everybody there can use the board")
    .option("--tls-self-signed", "serve with TLS by an authority of this user's own, which clients pin")
    .option("--tls-name <name...>", "names by which clients reach this machine, for --tls-self-signed");
  addProtectionOptions(run)
    .option("--no-hooks", "run a file with hooks without running them")
    .option("--json", "print the addresses as JSON once clients can connect")
    .addHelpText("after", runHelp);
  addLogOptions(run).action(async (file: string | undefined, flags: RunFlags, self: Commander) => {
    const at = await protect(parseListen(flags.listen, "127.0.0.1"), flags);
    await serveConfig(file ?? exporterFile("default"), at, { ...self.optsWithGlobals(), ...flags }, interruption);
  });
  command.addCommand(serveStdioCommand(interruption));
  return command.addCommand(installCommand()).addCommand(uninstallCommand());
}

/** Serves a config until interrupted, and says where. */
export async function serveConfig(
  file: string,
  at: TcpAddress,
  flags: ServeFlags,
  interruption: Interruptible,
): Promise<void> {
  const { signal: interrupted } = interruption;
  const config = loadWithWarnings(file);
  using _closing = interruption.hold();
  await using printing = printingHub(flags);
  await using exporter = await runExporter(config, [at], {
    hub: printing.hub,
    withoutHooks: flags.hooks === false,
    signal: interrupted,
  });
  // A board does not go because somebody has read enough of what its exporter says.
  outliveReaders();
  const [address] = exporter.addresses;
  const drivers = exporter.session.tree.byUuid.size - 1;
  const { fingerprint, file: ca } = at.identity?.authority ?? {};
  const openDoor = openDoorOf(at);
  // A program that started this one knows what it asked for, unless others can get in.
  if (openDoor && !(flags.json && isLoopback(at.hostname))) noteLine(openDoor);
  if (flags.json) printLine(JSON.stringify({ name: config.name, addresses: exporter.addresses, fingerprint, ca }));
  else {
    noteLine(`Serving ${config.name} (${drivers} ${drivers === 1 ? "driver" : "drivers"}) on ${address}`);
    for (const line of clientLines(at, Number(address.split(":").at(-1)))) noteLine(`  ${line}`);
  }
  await aborted(interrupted);
}

function loadWithWarnings(file: string): ExporterConfig {
  const { config, problems } = loadExporterConfig(file);
  throwProblems(problems);
  for (const problem of problems) noteLine(`Warning: ${renderProblem(problem)}`);
  return config!;
}

async function printSchema(): Promise<void> {
  const { editorSchema } = await import("../loader/editor_schema.ts");
  printLine(JSON.stringify(await editorSchema(bundledDrivers), null, 2));
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
  const { drivers, problems } = loadExporterConfig(file);
  if (!drivers) return { problems, drivers: 0 };
  const planned = await planTree(drivers, bundledDrivers);
  const count = (nodes: readonly PlannedNode[]): number =>
    nodes.reduce((sum, node) => {
      if (node.kind === "proxy") return sum;
      return sum + 1 + Object.keys(node.driver.provides ?? {}).length + count(node.children);
    }, 0);
  return { problems: [...problems, ...planned.problems], drivers: planned.root ? count(planned.root.children) : 0 };
}
