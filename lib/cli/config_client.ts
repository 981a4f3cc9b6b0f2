/** `jumpstarter config client`. @module */
import { Command as Commander } from "commander";
import { resolve } from "node:path";
import {
  clientAliases,
  deleteClientConfig,
  hasClientConfig,
  listClientConfigs,
  loadClientConfig,
  newClientConfig,
  saveClientConfig,
  shownClientConfig,
} from "../config/client_config.ts";
import { clientFile } from "../config/places.ts";
import { currentAlias, useClient } from "../config/user_config.ts";
import { JumpstarterError, usageError } from "../core/errors.ts";
import { addIdentityOptions, completeIdentity, type CreateFlags } from "./config_identity.ts";
import { addListOptions, addPathOptions, type OutputFlags, printListing, printPath, throwAll } from "./listing.ts";
import { noteLine } from "./output.ts";
import { Questions } from "./prompt.ts";

interface CreateClientFlags extends CreateFlags, OutputFlags {
  out?: string;
  allow?: string;
  unsafe?: boolean;
}

/** The command with its parts. */
export function clientConfigCommand(interrupted: AbortSignal): Commander {
  const command = new Commander("client").description("Manage clients: who you are to a lab, and where it is.");
  const create = command.command("create")
    .argument("<alias>", "name of the file")
    .description("Make a client's file, and ask for what is not given. The only client becomes the current one.")
    .option("--out <file>", "write another file than that of the alias")
    .option("-a, --allow <packages>", "driver packages that Python's client may load, separated by commas")
    .option("--unsafe", "allow all of them");
  addPathOptions(addIdentityOptions(create)).action((alias: string, flags: CreateClientFlags) =>
    createClient(alias, flags, new Questions(interrupted))
  );
  addPathOptions(
    command.command("delete").argument("<alias>").description(
      "Remove a client's file. Another client becomes current.",
    ),
  ).action(deleteClient);
  addListOptions(command.command("list").description("List the clients.")).action(listClients);
  addPathOptions(
    command.command("use").argument("<alias>").description("Make a client the current one."),
  ).action((alias: string, flags: OutputFlags) => {
    const { path } = loadClientConfig(alias);
    useClient(alias);
    printPath(path!, flags);
  });
  return command;
}

async function createClient(alias: string, flags: CreateClientFlags, questions: Questions): Promise<void> {
  const file = flags.out === undefined ? clientFile(alias) : resolve(flags.out);
  if (alias.includes(".")) {
    const message = `Invalid client alias "${alias}": Expected a name without dots, for only what stands before counts`;
    throw usageError(message);
  }
  if (flags.out === undefined && hasClientConfig(alias)) {
    throw new JumpstarterError("already_exists", `A client with the name '${alias}' already exists`, {
      phase: "config",
      hint: `jumpstarter config client delete ${alias}`,
    });
  }
  const { namespace, name, endpoint, token } = await completeIdentity(flags, questions);
  const question = "Driver packages that Python's client may load, separated by commas (optional)";
  const allow = flags.allow ?? (flags.nointeractive ? "" : await questions.ask(question, { fallback: "" }) ?? "");
  const config = newClientConfig(alias, {
    metadata: { namespace, name },
    endpoint,
    token,
    tls: { insecure: flags.insecureTls ?? false },
    drivers: { allow: allow.split(",").filter(Boolean), unsafe: flags.unsafe ?? false },
  });
  saveClientConfig(config, file);
  if (flags.out === undefined && clientAliases().length === 1) useClient(alias);
  printPath(file, flags);
}

function deleteClient(alias: string, flags: OutputFlags): void {
  if (!hasClientConfig(alias)) loadClientConfig(alias);
  if (currentAlias() === alias) {
    const next = clientAliases().find((other) => other !== alias);
    useClient(next ?? null);
    noteLine(next ? `The current client is now ${next}` : "There is no current client any more");
  }
  printPath(deleteClientConfig(alias), flags);
}

function listClients(flags: OutputFlags): void {
  const { configs, errors } = listClientConfigs();
  const current = currentAlias() ?? null;
  printListing({
    model: {
      apiVersion: "jumpstarter.dev/v1alpha1",
      currentConfig: current,
      items: configs.map(shownClientConfig),
      kind: "ClientConfigList",
    },
    names: configs.map(({ alias }) => alias),
    columns: ["CURRENT", "ALIAS", "ENDPOINT", "PATH"],
    rows: configs.map(({ alias, endpoint, path }) => [alias === current ? "*" : "", alias, endpoint ?? "", path!]),
  }, flags);
  throwAll(errors);
}
