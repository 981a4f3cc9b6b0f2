/** `jumpstarter config exporter`. @module */
import { Command as Commander } from "commander";
import { loadExporterConfig } from "../config/exporter_config.ts";
import {
  deleteExporter,
  exporterAliases,
  hasOwnExporter,
  listExporters,
  saveNewExporter,
} from "../config/exporter_files.ts";
import { exporterFile } from "../config/places.ts";
import { renderProblem } from "../config/problem.ts";
import { JumpstarterError } from "../core/errors.ts";
import { withoutSecrets } from "../core/secret.ts";
import { addIdentityOptions, completeIdentity, type CreateFlags } from "./config_identity.ts";
import { ChildExit, type Interruptions } from "./exit_code.ts";
import { runForeground } from "./foreground.ts";
import { addListOptions, addPathOptions, type OutputFlags, printListing, printPath, throwAll } from "./listing.ts";
import { noteLine } from "./output.ts";
import { Questions } from "./prompt.ts";

/** The command with its parts. */
export function exporterConfigCommand(interruption: Interruptions): Commander {
  const command = new Commander("exporter").description("Manage exporters' files by alias.");
  const create = command.command("create").argument("[alias]", "name of the file", "default")
    .description(
      "Make an exporter's file for a lab, and ask for what is not given. See also: jumpstarter exporter init.",
    );
  addPathOptions(addIdentityOptions(create)).action((alias: string, flags: CreateFlags & OutputFlags) =>
    createExporter(alias, flags, new Questions(interruption.signal))
  );
  addPathOptions(
    command.command("delete").argument("[alias]", "name of the file", "default").description(
      "Remove an exporter's file.",
    ),
  ).action((alias: string, flags: OutputFlags) => {
    const { path, instead } = deleteExporter(alias);
    if (instead) noteLine(`Warning: ${path} is gone, and ${instead} is used from now on`);
    printPath(path, flags);
  });
  command.command("edit").argument("[alias]", "name of the file", "default")
    .description("Open an exporter's file in $VISUAL or $EDITOR, and check it afterwards.")
    .option("--json", "print errors as JSON")
    .action((alias: string) => editExporter(alias, interruption));
  addListOptions(command.command("list").description("List the exporters' files.")).action(listAll);
  return command;
}

async function createExporter(alias: string, flags: CreateFlags & OutputFlags, questions: Questions): Promise<void> {
  if (hasOwnExporter(alias)) {
    throw new JumpstarterError("already_exists", `exporter "${alias}" exists`, {
      phase: "config",
      hint: `jumpstarter config exporter edit ${alias}`,
    });
  }
  const { namespace, name, endpoint, token } = await completeIdentity(flags, questions);
  const tls = { insecure: flags.insecureTls ?? false };
  printPath(saveNewExporter(alias, { metadata: { namespace, name }, endpoint, token, tls }), flags);
}

async function editExporter(alias: string, interruption: Interruptions): Promise<void> {
  const file = exporterFile(alias);
  const editor = Deno.env.get("VISUAL") || Deno.env.get("EDITOR") ||
    (Deno.build.os === "windows" ? "notepad" : "vi");
  // The variable may hold arguments as well, and quotes.
  const words = Deno.build.os === "windows" ? [...editor.split(" "), file] : ["sh", "-c", `${editor} "$1"`, "sh", file];
  const code = await runForeground(words, {}, interruption);
  if (code !== 0) throw new ChildExit(code);
  for (const problem of loadExporterConfig(file).problems) noteLine(renderProblem(problem, true));
}

function listAll(flags: OutputFlags): void {
  const files = exporterAliases();
  const wantsContent = flags.json || flags.output === "json" || flags.output === "yaml";
  const { configs, errors } = wantsContent ? listExporters() : { configs: [], errors: [] };
  printListing({
    model: {
      apiVersion: "jumpstarter.dev/v1alpha1",
      items: configs.map(withoutSecrets),
      kind: "ExporterConfigList",
    },
    names: [...files.keys()],
    columns: ["ALIAS", "PATH"],
    rows: [...files],
  }, flags);
  throwAll(errors);
}
