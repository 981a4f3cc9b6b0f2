/**
 * `jumpstarter exporter install` and `uninstall`: an exporter that systemd keeps running.
 *
 * @module
 */
import { Command as Commander, Option } from "commander";
import { userInfo } from "node:os";
import { dirname, join } from "node:path";
import { bundledDrivers } from "../../drivers/table.ts";
import { type ExporterConfig, requireExporterConfig } from "../config/exporter_config.ts";
import { isFile } from "../config/exporter_files.ts";
import type { PlannedDriver, PlannedNode } from "../contract/plan.ts";
import { isJumpstarterError, JumpstarterError, usageError } from "../core/errors.ts";
import { requireTree } from "../loader/plan.ts";
import { parseListen } from "./listen_address.ts";
import { noteLine, printLine, writeOut } from "./output.ts";
import { selfCommand } from "./self.ts";
import { devicesOf, groupsOf } from "./service/groups.ts";
import { ask, closedTo, systemctl, sysusersFile, unitFolder } from "./service/systemd.ts";
import { renderUnit, type Scope, serviceUser, sysusers, unitName } from "./service/unit.ts";

interface ScopeFlags {
  user?: boolean;
  system?: boolean;
}

interface InstallFlags extends ScopeFlags {
  listen?: string;
  print?: boolean;
  group?: string[];
}

const help = `
The exporter runs without root. With --user it is yours, has your groups, and runs when you are logged out as well.
With --system it belongs to the user ${serviceUser}, which is made, with the groups of the devices that the file names.
Words behind -- are options for exporter run; files among them need absolute paths.

Examples:
  jumpstarter exporter install --user --print bench.yaml
  jumpstarter exporter install --user bench.yaml --listen 127.0.0.1:7000
  sudo jumpstarter exporter install --system /etc/jumpstarter/exporters/bench.yaml -- --log-level warning
  journalctl --user --unit jumpstarter-bench --follow`;

/** Makes an exporter a service. */
export function installCommand(): Commander {
  return addScopeOptions(
    new Commander("install")
      .description("Let systemd run an exporter, from now on and after every start of the machine.")
      .argument("<config>", "exporter file")
      .argument("[options...]", "options for exporter run, behind --")
      .addHelpText("after", help),
  )
    .option("--listen <address>", "[HOST:]PORT to listen on; left out, what exporter run listens on")
    .option("--group <name>", "another group whose devices the drivers open, with --system; may be repeated", gather)
    .option("--print", "print the unit and change nothing")
    .action(install);
}

/** Takes the service away. */
export function uninstallCommand(): Commander {
  return addScopeOptions(
    new Commander("uninstall")
      .description("Stop an exporter that systemd runs, and remove its unit.")
      .argument("<config>", "exporter file, or the exporter's name"),
  ).action(uninstall);
}

function addScopeOptions(command: Commander): Commander {
  return command
    .addOption(new Option("--user", "this user's service, without root").conflicts("system"))
    .addOption(new Option("--system", "the machine's service; needs root"));
}

async function install(file: string, options: string[], flags: InstallFlags): Promise<void> {
  const scope = scopeOf(flags);
  const config = requireExporterConfig(file);
  const tree = await requireTree(config, bundledDrivers);
  const path = Deno.realPathSync(file);
  const { known, missing, unowned } = groupsOf(devicesOf(tree.children));
  const groups = [...new Set([...known, ...flags.group ?? []])].sort();
  const knownDrivers = await areBundled(tree);
  const listen = flags.listen === undefined ? [] : ["--listen", flags.listen];
  const unit = renderUnit({
    scope,
    name: config.name,
    command: [...selfCommand(), "exporter", "run", path, ...listen, ...options],
    folder: dirname(path),
    groups,
    privilegedPort: listensOf([...listen, ...options]).some(isPrivileged) || servesPrivileged(tree.children),
    knownDrivers,
  });
  for (const group of missing) noteLine(`There is no group ${group} here: a udev rule has to say who may open devices`);
  for (const device of unowned) noteLine(`Nobody knows which group may open ${device}: --group NAME adds it`);
  if (!knownDrivers) noteLine("Drivers from files may need more groups than the file shows: --group NAME adds them");
  if (flags.print) return writeOut(unit);
  if (scope === "user") await installForUser(config, unit, groups);
  else await installForMachine(config, unit, path);
}

async function installForUser(config: ExporterConfig, unit: string, groups: readonly string[]): Promise<void> {
  await activate("user", config.name, unit);
  const { username } = userInfo();
  if (groups.length > 0) noteLine(`Its devices need these groups: sudo usermod -aG ${groups.join(",")} ${username}`);
  try {
    await ask("loginctl", "enable-linger", username);
  } catch (error) {
    if (!isJumpstarterError(error)) throw error;
    noteLine(`It ends when you log out, because ${error.message}`);
    noteLine(`  Try: sudo loginctl enable-linger ${username}`);
  }
}

async function installForMachine(config: ExporterConfig, unit: string, path: string): Promise<void> {
  requireRoot("install");
  for (const needed of [path, selfCommand()[0]]) {
    const closed = closedTo(needed);
    if (!closed) continue;
    throw new JumpstarterError("permission_denied", `The user ${serviceUser} could not read ${needed}`, {
      phase: "config",
      hint: `Put it where everybody can, or open ${closed}: chmod o+rX ${closed}`,
    });
  }
  Deno.mkdirSync(dirname(sysusersFile), { recursive: true });
  Deno.writeTextFileSync(sysusersFile, sysusers);
  await ask("systemd-sysusers", sysusersFile);
  await activate("system", config.name, unit);
}

/** Writes the unit and starts it, or starts it anew where it ran. */
async function activate(scope: Scope, name: string, unit: string): Promise<void> {
  const folder = unitFolder(scope);
  const file = join(folder, unitName(name));
  Deno.mkdirSync(folder, { recursive: true });
  Deno.writeTextFileSync(file, unit);
  await systemctl(scope, "daemon-reload");
  await systemctl(scope, "enable", unitName(name));
  await systemctl(scope, "restart", unitName(name));
  printLine(file);
}

async function uninstall(config: string, flags: ScopeFlags): Promise<void> {
  const scope = scopeOf(flags);
  const name = isFile(config) ? requireExporterConfig(config).name : config;
  const file = join(unitFolder(scope), unitName(name));
  if (!isFile(file)) {
    throw new JumpstarterError("not_found", `There is no unit ${file}`, { phase: "config" });
  }
  if (scope === "system") requireRoot("uninstall");
  await systemctl(scope, "disable", "--now", unitName(name));
  Deno.removeSync(file);
  await systemctl(scope, "daemon-reload");
  printLine(file);
}

function scopeOf({ user, system }: ScopeFlags): Scope {
  if (user || system) return user ? "user" : "system";
  throw usageError("Expected one of --user and --system", "--user needs no root");
}

function requireRoot(verb: string): void {
  if (Deno.uid() === 0) return;
  throw new JumpstarterError("permission_denied", `The machine's services are root's to ${verb}`, {
    phase: "config",
    hint: `sudo ${selfCommand().join(" ")} exporter ${verb} --system …, or --user`,
  });
}

function isPrivileged(listen: string): boolean {
  const { port } = parseListen(listen, "127.0.0.1");
  return port > 0 && port < 1024;
}

/** The addresses of `--listen` among the words of a command. */
function listensOf(words: readonly string[]): string[] {
  return words.flatMap((word, at) =>
    word === "--listen" ? words[at + 1] ?? [] : /^--listen=(.*)$/s.exec(word)?.[1] ?? []
  );
}

/** Whether drivers serve on a port that is root's. */
function servesPrivileged(nodes: readonly PlannedNode[]): boolean {
  return nodes.some((node) => {
    if (node.kind !== "driver") return false;
    const { port } = node.config as { port?: unknown };
    const serves = /-server$/.test(node.driver.name) && typeof port === "number" && port > 0 && port < 1024;
    return serves || servesPrivileged(node.children);
  });
}

async function areBundled({ children }: { children: readonly PlannedNode[] }): Promise<boolean> {
  const drivers = children.filter((node): node is PlannedDriver => node.kind === "driver");
  for (const node of drivers) {
    const { name } = node.driver;
    const bundled = Object.hasOwn(bundledDrivers, name) && (await bundledDrivers[name].load()).default;
    if (bundled !== node.driver || !await areBundled(node)) return false;
  }
  return true;
}

function gather(word: string, before: readonly string[] = []): string[] {
  return [...before, word];
}
