/**
 * Descriptions for completion, read from the command lines themselves, so that the two cannot differ.
 *
 * @module
 */
import type { Argument, Command as Commander } from "commander";
import type { DriverNode } from "../../client/tree.ts";
import { growCommands, growOwnCommand, ownCommandNames } from "../node_command.ts";
import { version } from "../self.ts";
import { BoardCache, digest } from "./board_cache.ts";
import type { ArgumentDescription, CommandDescription, OptionDescription, Value } from "./description.ts";

/** Describes a command with all that is below it. */
export function describeCommand(command: Commander): CommandDescription {
  const help = command.createHelp();
  return {
    name: command.name(),
    summary: help.subcommandDescription(command),
    options: help.visibleOptions(command).map((option): OptionDescription => ({
      names: [option.long, option.short].filter((name) => name !== undefined),
      summary: option.description,
      ...((option.required || option.optional) && { value: valueOf(option.argChoices, placeholderOf(option.flags)) }),
    })),
    args: command.registeredArguments.map(describeArgument),
    commands: help.visibleCommands(command).map(describeCommand),
  };
}

/** Describes what a board's root offers: its drivers, and its own commands. */
export async function describeBoard(root: DriverNode): Promise<readonly CommandDescription[]> {
  return (await describeNode(root)).commands;
}

/** Remembers a board under its keys, for completion. A board that is remembered as it is costs next to nothing. */
export async function remember(keys: readonly string[], root: DriverNode): Promise<void> {
  const fingerprint = `${version} ${fingerprintOf(root)}`;
  const cache = new BoardCache();
  const stale = keys.filter((key) => !cache.has(key, fingerprint));
  if (stale.length === 0) return;
  const commands = await describeBoard(root);
  for (const key of stale) cache.remember(key, fingerprint, commands);
}

async function describeNode(node: DriverNode): Promise<CommandDescription> {
  const never = () => Promise.resolve();
  const bare = await growOwnCommand(node, node.name, never);
  const grown = await growCommands(node, node.name, never);
  const own = await ownCommandNames(node);
  const isKnown = await node.definition() !== undefined;
  const commands = grown.commands.map((command) => {
    const lesser = isKnown && !own.includes(command.name());
    return { ...describeCommand(command), ...(lesser && { lesser }) };
  });
  return {
    name: node.name,
    summary: grown.description(),
    options: describeCommand(bare ?? grown).options,
    args: bare ? describeCommand(bare).args : [],
    commands: [
      ...await Promise.all([...node.children.values()].map(describeNode)),
      ...(bare ? commands.filter(({ name }) => own.includes(name)) : commands),
    ],
  };
}

/** What of a report decides what can be typed; uuids change with every start of the exporter. */
function fingerprintOf(root: DriverNode): string {
  const plain = ({ name, labels, description, methodsDescription, children }: DriverNode): unknown => [
    name,
    labels,
    description,
    methodsDescription,
    [...children.values()].map(plain),
  ];
  return digest(JSON.stringify(plain(root)));
}

function describeArgument(argument: Argument): ArgumentDescription {
  const value = valueOf(argument.argChoices, argument.name());
  return { value, ...(argument.variadic && { variadic: true }) };
}

/** Placeholders that mean a file, and those that mean words which are not refused when they are others. */
const placeholders: Record<string, Value> = {
  file: "file",
  folder: "file",
  path: "file",
  config: "file",
  command: "program",
  level: ["debug", "info", "warning", "error"],
  format: ["text", "json"],
};

function valueOf(choices: readonly string[] | undefined, placeholder: string): Value {
  return choices ?? (Object.hasOwn(placeholders, placeholder) ? placeholders[placeholder] : "text");
}

/** `file` for `--exporter-config <file>`. */
function placeholderOf(flags: string): string {
  return /[<[]([\w-]+)/.exec(flags)?.[1] ?? "";
}
