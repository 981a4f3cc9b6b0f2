/** ssh to a device, by the ssh of the client's machine. @module */
import * as z from "zod/mini";
import { command, ownCommand } from "../contract/command.ts";
import { type Client, defineInterface } from "../contract/interface.ts";
import { unary } from "../contract/method.ts";
import { isJumpstarterError, JumpstarterError, messageOf, usageError } from "../core/errors.ts";
import { withoutBrackets } from "../core/host_port.ts";
import { privateFolder } from "../core/own_folder.ts";
import { shellWord } from "../core/words.ts";
import { forwardCommands, network, type NetworkClient } from "./network.ts";
import { operand, sshWords } from "./ssh_command.ts";

/** How ssh is called. */
export interface SshOptions {
  /** Connects to the address of the device itself instead of a forward, where the exporter tells it. @default false */
  direct?: boolean;
  signal?: AbortSignal;
}

/** What a command on the device has printed, and how it ended. */
export interface SshResult {
  /** The command's exit code, or 255 when ssh itself failed. */
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs commands on a device and copies files over ssh. */
export const ssh = defineInterface({
  name: "ssh",
  summary: "Runs commands on the device over ssh",
  pythonClients: ["jumpstarter_driver_ssh.client.SSHWrapperClient"],
  native: { package: "ssh_wrapper", service: "SSHWrapper" },
  children: { tcp: network },
  methods: {
    getDefaultUsername: unary("The user to log in as where none is named; empty: ssh decides", { result: z.string() }),
    getSshCommand: unary("The ssh command with its options", { result: z.string() }),
    getSshIdentity: unary("The private key to log in with", { result: z.nullable(z.string()) }),
  },
  extend: (calls, { tcp }) => {
    const commandLine = (words: readonly string[], options: CommandLineOptions = {}) =>
      sshLine(calls, tcp, words, options);
    const copyLine = (words: readonly string[], options: CommandLineOptions = {}) =>
      scpLine(calls, tcp, words, options);
    return {
      /** A raw stream to the device's ssh port. */
      connect: tcp.connect,
      /** Forwards a local TCP port to the device's ssh port. */
      forwardTcp: tcp.forwardTcp,
      /** Forwards a local unix socket to the device's ssh port. */
      forwardUnix: tcp.forwardUnix,
      /**
       * The words that call ssh, which are good until they are disposed. `words` are ssh's options and the command on the
       * device, as behind `ssh HOST`.
       */
      commandLine,
      /**
       * The words that call scp, which are good until they are disposed. `words` are scp's options and the files; those on
       * the device begin with a colon.
       */
      copyLine,
      /** Runs a command on the device to its end. */
      run: async (words: readonly string[], options: SshOptions = {}): Promise<SshResult> =>
        await resultOf(await commandLine(words, options), options.signal),
      /** Copies files to the device or from it, by scp: `copy(["boot.img", ":/tmp/"])`. */
      copy: async (words: readonly string[], options: SshOptions = {}): Promise<SshResult> =>
        await resultOf(await copyLine(words, options), options.signal),
    };
  },
  commands: (client) => ({
    [ownCommand]: command("Run a command on the device, or a shell, over ssh", async ({ args, direct }, io) => {
      await using line = await client.commandLine(args, { direct, signal: io.signal, onNote: io.note });
      return await io.foreground(line.words);
    }, {
      args: {
        args: z._default(z.array(z.string()), []).check(
          z.describe("Options of ssh, then the command; left out, a shell"),
        ),
      },
      options: { direct },
      passThrough: true,
    }),
    scp: command("Copy files to the device or from it, by scp", async ({ args, direct }, io) => {
      await using line = await client.copyLine(args, { direct, signal: io.signal, onNote: io.note });
      return await io.foreground(line.words);
    }, {
      args: {
        args: z.array(z.string()).check(
          z.describe("Options of scp, then the files and where they go; those on the device begin with a colon"),
        ),
      },
      options: { direct },
      passThrough: true,
    }),
    ...forwardCommands(client),
  }),
});

const direct = z._default(z.boolean(), false).check(
  z.describe("Connect to the device itself, not through the exporter"),
);

export type SshClient = Client<typeof ssh>;

interface CommandLineOptions extends SshOptions {
  /** Told why the device cannot be connected to directly. */
  onNote?(text: string): void;
}

interface Calls {
  getDefaultUsername(options?: { signal?: AbortSignal }): Promise<string>;
  getSshCommand(options?: { signal?: AbortSignal }): Promise<string>;
  getSshIdentity(options?: { signal?: AbortSignal }): Promise<string | null>;
}

/** Words that are good until they are disposed. */
interface CommandLine extends AsyncDisposable {
  readonly words: readonly string[];
}

/** How the device is reached; disposing takes the forward and the key away. */
interface Way extends AsyncDisposable {
  /** ssh with its options, the key and the port. */
  readonly ssh: readonly string[];
  /** Who logs in where nobody is named; empty: ssh decides. */
  readonly user: string;
  readonly host: string;
}

async function wayTo(
  calls: Calls,
  tcp: NetworkClient,
  { direct = false, signal, onNote }: CommandLineOptions,
): Promise<Way> {
  await using stack = new AsyncDisposableStack();
  const [command, user, identity, place] = await Promise.all([
    calls.getSshCommand({ signal }),
    calls.getDefaultUsername({ signal }),
    calls.getSshIdentity({ signal }),
    direct ? addressOf(tcp, signal, onNote) : undefined,
  ]);
  const { host, port } = place ?? placeOf(stack.use(tcp.forwardTcp({}, onNote)).address);
  const ssh = [
    ...sshWords(command),
    ...(identity ? ["-i", keyFile(identity, stack)] : []),
    ...(port === "22" ? [] : ["-p", port]),
  ];
  const owned = stack.move();
  return { ssh, user: user && operand(user), host: operand(host), [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

async function sshLine(
  calls: Calls,
  tcp: NetworkClient,
  given: readonly string[],
  how: CommandLineOptions,
): Promise<CommandLine> {
  const { options, rest, namesUser } = splitOptions(given);
  const way = await wayTo(calls, tcp, how);
  const words = [...way.ssh, ...(way.user && !namesUser ? ["-l", way.user] : []), ...options, "--", way.host, ...rest];
  return { words, [Symbol.asyncDispose]: () => way[Symbol.asyncDispose]() };
}

async function scpLine(
  calls: Calls,
  tcp: NetworkClient,
  given: readonly string[],
  how: CommandLineOptions,
): Promise<CommandLine> {
  if (!given.some((word) => word.startsWith(":"))) {
    throw usageError("Expected a path on the device, which begins with a colon: boot.img :/tmp/");
  }
  await using stack = new AsyncDisposableStack();
  const way = stack.use(await wayTo(calls, tcp, how));
  const namesUser = /(?:^|\0)-o\0?\s*user\b/i.test(given.join("\0"));
  // scp takes a program in the place of ssh, but no options of it.
  const program = `${stack.use(privateFolder()).path}/ssh`;
  const line = [...way.ssh, ...(way.user && !namesUser ? ["-l", way.user] : [])].map(shellWord).join(" ");
  Deno.writeTextFileSync(program, `#!/bin/sh\nexec ${line} "$@"\n`, { mode: 0o700, createNew: true });
  const host = way.host.includes(":") ? `[${way.host}]` : way.host;
  const words = given.map((word) => word.startsWith(":") ? `${host}${word}` : word);
  const owned = stack.move();
  return { words: ["scp", "-S", program, ...words], [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

/** Runs a command line to its end. */
async function resultOf(given: CommandLine, signal: AbortSignal | undefined): Promise<SshResult> {
  await using line = given;
  const [program, ...args] = line.words;
  const child = new Deno.Command(program, { args, signal, stdin: "null" });
  const { code, stdout, stderr } = await child.output().catch((error) => {
    throw new JumpstarterError("not_found", `Cannot run ${program}: ${messageOf(error)}`, { cause: error });
  });
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { code, stdout: text(stdout), stderr: text(stderr) };
}

/** The device's own address, or nothing where the exporter keeps it to itself. */
async function addressOf(tcp: NetworkClient, signal: AbortSignal | undefined, onNote?: (text: string) => void) {
  try {
    return placeOf((await tcp.address({ signal })).replace(/^tcp:\/\//, ""));
  } catch (error) {
    if (!isJumpstarterError(error, "unimplemented", "not_found", "invalid_argument")) throw error;
    onNote?.(`Going through the exporter: ${messageOf(error)}`);
    return undefined;
  }
}

function placeOf(address: string): { host: string; port: string } {
  const colon = address.lastIndexOf(":");
  return { host: withoutBrackets(address.slice(0, colon)), port: address.slice(colon + 1) };
}

/** Writes a private key into a file that only this user can read, until the stack is disposed. */
function keyFile(identity: string, stack: AsyncDisposableStack): string {
  const file = `${stack.use(privateFolder()).path}/key`;
  // ssh does not read a key whose last line has no end.
  Deno.writeTextFileSync(file, identity.replace(/\n?$/, "\n"), { mode: 0o600, createNew: true });
  return file;
}

/** ssh's own options, without and with a value (ssh(1) of OpenSSH 9). */
const flags = "46AaCfGgKkMNnqsTtVvXxYy";
const flagsWithValue = "BbcDEeFIiJLlmOoPpQRSWw";

/** Parts ssh's options from the command for the device: the first word that is no option begins it. */
export function splitOptions(words: readonly string[]): { options: string[]; rest: string[]; namesUser: boolean } {
  let at = 0;
  let namesUser = false;
  while (at < words.length && /^-./.test(words[at])) {
    const word = words[at];
    if (word === "--") return { options: words.slice(0, at), rest: words.slice(at + 1), namesUser };
    const letter = [...word.slice(1)].findIndex((letter) => !flags.includes(letter)) + 1;
    if (letter > 0 && !flagsWithValue.includes(word[letter])) break;
    const inNext = letter === word.length - 1;
    if (letter > 0) {
      const value = inNext ? words[at + 1] ?? "" : word.slice(letter + 1);
      namesUser ||= word[letter] === "l" || word[letter] === "o" && /^\s*user\b/i.test(value);
    }
    at += letter > 0 && inNext ? 2 : 1;
  }
  return { options: words.slice(0, at), rest: words.slice(at), namesUser };
}
