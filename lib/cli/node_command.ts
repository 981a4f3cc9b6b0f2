/**
 * The commands of one driver, grown from its interface, and what any driver has: `methods`, `call` and `stream`.
 *
 * @module
 */
import { Argument, Command as Commander, Option } from "commander";
import * as z from "zod/mini";
import type { DriverNode } from "../client/tree.ts";
import { clientOf } from "../contract/client.ts";
import { type Command, command, ownCommand } from "../contract/command.ts";
import { type Method, wireNameOf } from "../contract/method.ts";
import { JumpstarterError } from "../core/errors.ts";
import { printableJson } from "../core/printable.ts";
import type { CommandRunner } from "./command_run.ts";
import { helpOf } from "./commander.ts";
import { IntoBackground } from "./exit_code.ts";
import { flagOf, jsonOrText, parameterOf, valueOf } from "./parameter.ts";

/** The commands of a driver by name. Those of its kind come first, and win over what every driver has. */
export async function commandsOf(node: DriverNode): Promise<Record<string, Command>> {
  const own = await ownCommands(node);
  return { ...own, ...genericCommands(node), ...own };
}

/** Names of the commands that belong to the driver's kind, without those that every driver has. */
export async function ownCommandNames(node: DriverNode): Promise<string[]> {
  return Object.keys(await ownCommands(node)).filter((name) => name !== ownCommand);
}

/** A command line of what the driver's bare name stands for, where it stands for something. Its help names the others. */
export async function growOwnCommand(
  node: DriverNode,
  words: string,
  run: CommandRunner,
): Promise<Commander | undefined> {
  const { [ownCommand]: definition, ...others } = await ownCommands(node);
  if (!definition) return undefined;
  const lines = Object.entries(others).map(([name, { summary }]) => `  ${name}  ${summary}`);
  const grown = new Commander(words).description(await descriptionOf(node));
  if (lines.length > 0) grown.addHelpText("after", ["", "Commands:", ...lines].join("\n"));
  return growCommand(grown, node, definition, run);
}

async function descriptionOf(node: DriverNode): Promise<string> {
  return node.description ?? (await node.definition())?.summary ?? "A driver of an unknown kind";
}

const known = new WeakMap<DriverNode, Promise<Record<string, Command>>>();

/** The commands of a driver's kind. They are made once: some drivers have to be asked for theirs. */
function ownCommands(node: DriverNode): Promise<Record<string, Command>> {
  let commands = known.get(node);
  if (!commands) known.set(node, commands = makeCommands(node));
  return commands;
}

async function makeCommands(node: DriverNode): Promise<Record<string, Command>> {
  const definition = await node.definition();
  if (!definition) return {};
  const client = clientOf(definition, node.caller);
  return { ...definition.commands?.(client), ...await definition.configuredCommands?.(client) };
}

/**
 * A command-line tree of a driver's commands. `words` are what stands before it, for the help. Where one is chosen
 * already, the others are not grown: they lend their names only.
 */
export async function growCommands(
  node: DriverNode,
  words: string,
  run: CommandRunner,
  chosen?: string,
): Promise<Commander> {
  const group = new Commander(words).description(await descriptionOf(node)).enablePositionalOptions();
  const commands = await commandsOf(node);
  const isChosen = chosen !== undefined && Object.hasOwn(commands, chosen);
  for (const [name, definition] of Object.entries(commands)) {
    if (name === ownCommand) continue;
    const help = node.methodsDescription[name] ?? definition.summary;
    const grown = new Commander(name).description(help);
    group.addCommand(isChosen && name !== chosen ? grown : growCommand(grown, node, definition, run));
  }
  return group;
}

function growCommand(grown: Commander, node: DriverNode, definition: Command, run: CommandRunner): Commander {
  if (definition.passThrough) grown.passThroughOptions().allowUnknownOption();
  for (const [key, schema] of Object.entries(definition.args)) {
    const { required, description, choices, kind } = parameterOf(schema);
    const name = kind === "list" ? `${flagOf(key)}...` : flagOf(key);
    const argument = new Argument(required ? `<${name}>` : `[${name}]`, description);
    grown.addArgument(choices ? argument.choices([...choices]) : argument);
  }
  for (const [key, schema] of Object.entries(definition.options)) grown.addOption(optionOf(key, schema, definition));
  if (definition.staying) {
    grown.option("--background", "go on in the background once it has printed, until this session ends");
  }
  grown.option("--json", "print the result as JSON, one line for each value of a stream");
  grown.option("--timeout <seconds>", "give up after this many seconds");
  grown.action(async (...given: unknown[]) => {
    const words = given.slice(0, -2);
    const { json, timeout, background, ...options } = given.at(-2) as Record<string, unknown>;
    const values = { ...valuesOf(definition.args, words), ...optionValues(definition.options, options) };
    if (background) throw new IntoBackground();
    await run(node, definition, {
      name: grown.name(),
      help: helpOf(grown),
      values,
      json: json === true,
      timeoutMs: seconds(timeout),
    });
  });
  return grown;
}

function optionOf(key: string, schema: z.core.$ZodType, { short }: Command): Option {
  const { kind, description, choices, default: fallback } = parameterOf(schema);
  const letter = short[key] ? `-${short[key]}, ` : "";
  const value = kind === "flag" ? "" : ` <${kind === "number" ? "number" : kind === "json" ? "json" : "text"}>`;
  const shown = fallback === undefined || fallback === false || kind === "list"
    ? description
    : `${description} (default: ${JSON.stringify(fallback)})`;
  const option = new Option(`${letter}--${flagOf(key)}${value}`, shown);
  // A flag that begins with `no-` is a flag of that name here, not the denial of another.
  if (option.negate) {
    option.negate = false;
    option.attributeName = () => key;
  }
  if (kind === "list") option.argParser((word: string, before?: string[]) => [...before ?? [], word]);
  return choices ? option.choices([...choices]) : option;
}

function valuesOf(shape: Record<string, z.core.$ZodType>, words: unknown[]): Record<string, unknown> {
  const entries = Object.entries(shape).map((
    [key, schema],
    index,
  ) => [key, valueOf(words[index], parameterOf(schema))]);
  return Object.fromEntries(entries.filter(([, value]) => value !== undefined));
}

function optionValues(
  shape: Record<string, z.core.$ZodType>,
  options: Record<string, unknown>,
): Record<string, unknown> {
  const given = Object.entries(options).filter(([key]) => Object.hasOwn(shape, key));
  return Object.fromEntries(given.map(([key, word]) => [key, valueOf(word, parameterOf(shape[key]))]));
}

/** Seconds of a `--timeout` in milliseconds. */
export function seconds(given: unknown): number | undefined {
  if (given === undefined) return undefined;
  const value = Number(given);
  if (Number.isFinite(value) && value > 0) return value * 1000;
  throw new JumpstarterError(
    "invalid_argument",
    `Expected a number of seconds for --timeout, got ${JSON.stringify(given)}`,
    {
      phase: "usage",
    },
  );
}

/** What can be done with a driver of any kind, an unknown one above all. */
function genericCommands(node: DriverNode): Record<string, Command> {
  const method = z.string().check(z.describe("Name of the method on the wire"));
  const args = z._default(z.array(z.string()), []).check(z.describe("Arguments, each as JSON or plain text"));
  return {
    methods: command("List the methods that are known of this driver", async (_, { print, note }) => {
      const methods = await knownMethods(node);
      for (const line of methods) print(line, [line.name, line.kind, line.summary].filter(Boolean).join("  "));
      if (methods.length === 0) note("None are known of this driver; call and stream take any name");
    }),
    call: command("Call a method with one answer", async ({ method, args }, { signal, print }) => {
      const result = await node.caller.unary(method, args.map(jsonOrText), { signal });
      print(result, printableJson(result));
    }, { args: { method, args } }),
    stream: command("Call a method with a stream of answers", async ({ method, args }, { signal, print }) => {
      for await (const value of node.caller.serverStreaming(method, args.map(jsonOrText), { signal })) {
        print(value, printableJson(value));
      }
    }, { args: { method, args } }),
  };
}

/** What is known of one method. */
interface KnownMethod {
  name: string;
  kind?: string;
  params?: string[];
  summary?: string;
}

async function knownMethods(node: DriverNode): Promise<KnownMethod[]> {
  const methods = Object.entries(((await node.definition())?.methods ?? {}) as Record<string, Method>);
  if (methods.length > 0) {
    return methods.map(([name, method]) => ({
      name: wireNameOf(name, method),
      kind: method.kind,
      params: Object.keys(method.params),
      summary: method.summary,
    }));
  }
  // A report does not list methods; the help texts of an unknown driver's commands are the best hint there is.
  return Object.entries(node.methodsDescription).map(([name, summary]) => ({ name, summary }));
}
