/**
 * `jumpstarter shell`: a shell, or one command, in which `j` reaches the board.
 *
 * @module
 */
import { Command as Commander } from "commander";
import { basename, delimiter, join, resolve } from "node:path";
import { exporterFile } from "../config/places.ts";
import { parseAddress, type SshTarget } from "../client/address.ts";
import { securityEnvironment } from "../client/environment.ts";
import { isPlain, wantsTls, withAuthority } from "../client/security.ts";
import { byteStreamOfPipe } from "../core/byte_stream.ts";
import { messageOf } from "../core/errors.ts";
import { privateFolder } from "../core/own_folder.ts";
import { type Forward, forwardUnix } from "../streams/forward.ts";
import type { Board } from "../client/connect.ts";
import { ChildExit, type Interruptions } from "./exit_code.ts";
import { addBoardOptions } from "./client.ts";
import { runForeground } from "./foreground.ts";
import { noteLine } from "./output.ts";
import { linkNames } from "./self.ts";
import { type BoardFlags, nameBoard, type NamedBoard, reach } from "./which_board.ts";

interface ShellFlags extends BoardFlags {
  exporter?: string;
  tlsGrpc?: string;
  tlsGrpcInsecure?: boolean;
  exporterLogs?: boolean;
}

const help = `
Inside, j stands for this program's client command, and Python's Jumpstarter finds the board as well.
The exit code is that of the shell or command.

Examples:
  jumpstarter shell --exporter-config bench.yaml
  jumpstarter shell --exporter-config bench.yaml -- sh -c 'j power on && pytest'
  jumpstarter shell --host 127.0.0.1:7000 -- j power on`;

/** The command. */
export function shellCommand(interruption: Interruptions): Commander {
  const command = new Commander("shell")
    .description("Run a shell, or one command, in which j reaches the board.")
    .argument("[command...]", "command to run instead of a shell")
    .passThroughOptions()
    .addHelpText("after", help);
  return addBoardOptions(command)
    .option("--exporter <alias>", "use the board of this exporter file of the configuration folder")
    .option("--tls-grpc <address>", "upstream's word for --host")
    .option("--tls-grpc-insecure", "upstream's word for --plaintext")
    .option("--exporter-logs", "print what the exporter logs meanwhile")
    .option("-v, --verbose", "print the steps of the connection")
    .action((words: string[], flags: ShellFlags) => runShell(words, flags, interruption));
}

async function runShell(words: string[], flags: ShellFlags, interruption: Interruptions): Promise<void> {
  const { tlsGrpc, tlsGrpcInsecure, exporter } = flags;
  await using found = await nameBoard({
    ...flags,
    host: tlsGrpc ?? flags.host,
    // Upstream's word asks for TLS, on this machine too.
    plaintext: tlsGrpcInsecure || flags.plaintext || (tlsGrpc === undefined || wantsTls(flags) ? undefined : false),
    exporterConfig: flags.exporterConfig ?? (exporter === undefined ? undefined : exporterFile(exporter)),
  }, interruption);
  const address = parseAddress(found.host);
  using names = privateFolder();
  linkNames(names.path);
  const options = await withAuthority(address, found.options, 10_000);
  const named = { ...found, options: { ...options, sshControlPath: join(names.path, "ssh") } };
  await using board = await reach(named, flags);
  await using relay = "ssh" in address ? await relayThrough(address.ssh, names.path) : undefined;
  const ended = new AbortController();
  const tellEnd = (error: unknown) => noteLine(`The exporter's log has ended: ${messageOf(error)}`);
  const logs = flags.exporterLogs ? printLogs(board, ended.signal).catch(tellEnd) : undefined;
  if (words.length === 0 && board.motd && Deno.stdin.isTerminal()) noteLine(board.motd);
  const shell = words.length > 0 ? { words, env: {} } : interactiveShell(board.name ?? "local");
  const env = {
    ...environment(named, relay?.address ?? named.host, board, names.path),
    ...shell.env,
    PATH: [names.path, Deno.env.get("PATH") ?? ""].join(delimiter),
  };
  const code = await runForeground(shell.words, env, interruption);
  ended.abort();
  await logs;
  if (code !== 0) throw new ChildExit(code);
}

/**
 * A socket for children, Python's programs among them, each of whose connections goes through ssh. They share the login
 * of the shell's own connection: nobody could answer a question that ssh asks behind a shell.
 */
async function relayThrough(target: SshTarget, folder: string): Promise<Forward> {
  const { openSsh } = await import("../client/ssh.ts");
  const sshControlPath = join(folder, "ssh");
  return forwardUnix({ path: join(folder, "exporter") }, {
    open: () => Promise.resolve(byteStreamOfPipe(openSsh(target, { sshControlPath, onNote: noteLine }))),
    onFailure: noteLine,
  });
}

/** What children find, Python's programs among them. `folder` is there as long as they are. */
function environment(named: NamedBoard, host: string, board: Board, folder: string): Record<string, string> {
  const address = parseAddress(host);
  const direct = !named.local && "hostname" in address;
  return {
    JUMPSTARTER_HOST: host,
    JUMPSTARTER_EXPORTER_FILE: named.file ?? "",
    JMP_DRIVERS_ALLOW: "UNSAFE",
    _JMP_SUPPRESS_DRIVER_WARNINGS: "1",
    ...(direct && { JMP_EXPORTER: "direct", JMP_LEASE: "direct" }),
    ...(direct && board.name !== undefined && { JMP_EXPORTER_LABELS: `jumpstarter.dev/name=${board.name}` }),
    ...(direct && { JMP_GRPC_INSECURE: isPlain(address, named.options) ? "1" : "" }),
    ...securityEnvironment(named.options, authoritiesFile(named.options.tlsCa, folder)),
  };
}

/** A file with the authorities that are trusted, for programs that want a file. */
function authoritiesFile(tlsCa: string | undefined, folder: string): string | undefined {
  if (tlsCa === undefined) return undefined;
  if (!tlsCa.includes("-----BEGIN")) return resolve(tlsCa);
  const file = join(folder, "ca.pem");
  Deno.writeTextFileSync(file, tlsCa, { mode: 0o600 });
  return file;
}

/** The user's shell with a prompt that names the board. */
export function interactiveShell(board: string): { words: string[]; env: Record<string, string> } {
  // The name is the exporter's word, and prompts are programs.
  const context = board.replace(/[^\p{L}\p{N} ._-]/gu, "_").slice(0, 64);
  const shell = Deno.env.get("SHELL") || "bash";
  const name = basename(shell);
  if (name.endsWith("bash")) {
    const PS1 = `\\[\\e[90m\\]\\W \\[\\e[93m\\]⚡\\[\\e[97m\\]${context} \\[\\e[93m\\]➤\\[\\e[0m\\] `;
    return { words: [shell, "--norc", "--noprofile"], env: { PS1 } };
  }
  if (name === "zsh") {
    const PS1 = `%F{8}%1~ %F{yellow}⚡%F{white}${context} %F{yellow}➤%f `;
    return { words: [shell, "--no-rcs", "-o", "inc_append_history", "-o", "share_history"], env: { PS1 } };
  }
  if (name === "fish") {
    const prompt = `function fish_prompt; printf "%s ⚡${context} ➤ " (basename $PWD); end`;
    return { words: [shell, "--init-command", prompt], env: {} };
  }
  return { words: [shell], env: {} };
}

async function printLogs(board: Board, signal: AbortSignal): Promise<void> {
  for await (const { severity, message, driverType } of board.connection.logs(signal)) {
    noteLine(`[exporter] ${severity} ${driverType ? `${driverType}: ` : ""}${message}`);
  }
}
