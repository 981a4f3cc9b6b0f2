/**
 * The system's ssh as the way to an exporter: its `serve-stdio` at the other end, the wire on ssh's standard streams.
 * No port is open, and who may log in is decided by ssh alone.
 *
 * @module
 */
import { type Code, isJumpstarterError, JumpstarterError, messageOf, type Phase } from "../core/errors.ts";
import { withLimit } from "../core/limit.ts";
import { type Pipe, pipeOfStreams } from "../core/pipe.ts";
import { shellWord } from "../core/words.ts";
import { renderAddress, type SshTarget } from "./address.ts";

/** How long ssh may take to end after its streams have, in milliseconds. */
const endMs = 2_000;
/** How long after ssh itself its last words may come: a shared connection's master keeps them open. In milliseconds. */
const lastWordsMs = 200;
/** Most lines that are kept of what is said before the exporter answers. */
const mostLines = 200;

/** What may be said of a connection through ssh. */
export interface SshOptions {
  /** Told what ssh and the exporter's host say, once the exporter has answered or ssh has ended. */
  onNote?(line: string): void;
  /** A path at which connections share one login, where ssh can do that. */
  sshControlPath?: string;
}

/**
 * Starts ssh. The pipe is there at once; when ssh fails, reading and writing fail with the reason.
 *
 * @throws {JumpstarterError} `not_found` in the phase `connect` when there is no ssh.
 */
export function openSsh(target: SshTarget, options: SshOptions = {}): Pipe {
  const child = spawn(argumentsOf(target, options));
  const said = new Said(child.stderr, options.onNote ?? (() => {}));
  const streams = pipeOfStreams(child.stdout, child.stdin);
  let givenUp = false;
  let failure: Promise<JumpstarterError | undefined> | undefined;
  const whyEnded = () => failure ??= reasonOf(child, said, target);
  const orWhy = (error: unknown) => whyEnded().then((why) => Promise.reject(why ?? error));
  return {
    async read(buffer) {
      const count = await streams.read(buffer).catch(orWhy);
      if (count !== null) {
        said.release();
        return count;
      }
      const why = givenUp ? undefined : await whyEnded();
      if (why) throw why;
      return null;
    },
    write: (bytes) => streams.write(bytes).catch(orWhy),
    closeWrite: () => streams.closeWrite(),
    close() {
      givenUp = true;
      streams.close();
      said.release();
      try {
        child.kill("SIGTERM");
      } catch { /* it has ended */ }
    },
  };
}

/** The error of a first call over ssh, with the likely reason where ssh itself was well: text before the wire's bytes. */
export function sshFailure(error: unknown, target: SshTarget): unknown {
  if (!isJumpstarterError(error, "unavailable") || error.hint !== undefined) return error;
  return new JumpstarterError("unavailable", error.message, {
    phase: "connect",
    hint: `${login(target)} true has to print nothing: what runs at every login there must not print`,
    cause: error,
  });
}

/** How somebody gets there by hand, to which a command is added. */
function login({ host, user, port }: SshTarget): string {
  const options = [...(port === undefined ? [] : [`-p ${port}`]), ...(user === undefined ? [] : [`-l ${user}`])];
  return ["ssh", ...options, host].join(" ");
}

/** The words after `ssh`. scp and sftp say the same of forwards, agents and terminals. */
function argumentsOf({ host, user, port, config }: SshTarget, { sshControlPath }: SshOptions): string[] {
  const shared = sshControlPath !== undefined && Deno.build.os !== "windows";
  const options = [
    "ConnectTimeout=10",
    "ServerAliveInterval=15",
    "PermitLocalCommand=no",
    "ClearAllForwardings=yes",
    "RemoteCommand=none",
    "RequestTTY=no",
    ...(hasTerminal() ? [] : ["BatchMode=yes"]),
    ...(shared ? ["ControlMaster=auto", "ControlPersist=no", `ControlPath=${sshControlPath}`] : []),
  ];
  const file = config === undefined ? [] : [quoted(config.startsWith("/") ? config : `./${config}`)];
  return [
    "-a",
    "-x",
    ...options.flatMap((option) => ["-o", option]),
    ...(port === undefined ? [] : ["-p", String(port)]),
    ...(user === undefined ? [] : ["-l", user]),
    // Nothing behind it is an option, whatever it begins with.
    "--",
    host,
    ["jumpstarter", "exporter", "serve-stdio", "--json", ...file].join(" "),
  ];
}

/** A word for the shell at the other end. */
function quoted(word: string): string {
  return /^[\w./@%+=:,-]+$/.test(word) ? word : shellWord(word);
}

/** Whether ssh could ask somebody for a password. */
function hasTerminal(): boolean {
  if (Deno.build.os === "windows") return true;
  try {
    Deno.openSync("/dev/tty").close();
    return true;
  } catch {
    return false;
  }
}

function spawn(args: string[]): Deno.ChildProcess {
  try {
    return new Deno.Command("ssh", { args, stdin: "piped", stdout: "piped", stderr: "piped" }).spawn();
  } catch (error) {
    const missing = error instanceof Deno.errors.NotFound;
    throw new JumpstarterError("not_found", missing ? "There is no ssh on this machine" : messageOf(error), {
      phase: "connect",
      hint: missing ? "Install OpenSSH's client, or use --host HOST:PORT" : undefined,
      cause: error,
    });
  }
}

/** Why ssh ended, or nothing when it was well. */
async function reasonOf(
  child: Deno.ChildProcess,
  said: Said,
  target: SshTarget,
): Promise<JumpstarterError | undefined> {
  const status = await withLimit(child.status, endMs, "The end of ssh").catch(() => undefined);
  if (!status || status.code === 0) return undefined;
  await withLimit(said.done, lastWordsMs, "The last words of ssh").catch(() => {});
  if (said.released) {
    const what = status.signal ? `${status.signal} ended ssh` : `ssh ended with ${status.code}`;
    const message = `The connection to ${renderAddress({ ssh: target })} was lost: ${what}`;
    return new JumpstarterError("unavailable", message, { phase: "connect" });
  }
  const last = said.takeLast();
  said.release();
  return reportedError(last, target.host) ?? failureOf(status.code, last, target);
}

/** What the program at the other end says of itself; see `printError` of the command line. */
function reportedError(line: string, host: string): JumpstarterError | undefined {
  try {
    const { code, phase, message, hint } = JSON.parse(line).error;
    if (typeof code !== "string" || typeof message !== "string") return undefined;
    return new JumpstarterError(code as Code, `${host}: ${message}`, {
      phase: phase as Phase ?? "connect",
      hint: hint === undefined ? undefined : String(hint),
    });
  } catch {
    return undefined;
  }
}

/** ssh has one exit code for whatever goes wrong with itself; only its words tell more. */
const sshFailures: readonly { said: RegExp; phase: Phase; code: Code; hint(login: string): string }[] = [
  {
    said: /host key|host identification/i,
    phase: "authenticate",
    code: "permission_denied",
    hint: (login) => `${login} true shows the host's key and asks whether it is the right one`,
  },
  {
    said: /denied|authenticat|no matching|too many/i,
    phase: "authenticate",
    code: "permission_denied",
    hint: (login) => `${login} true has to log in first: check the user and the key`,
  },
  {
    said: /resolve hostname|name or service/i,
    phase: "resolve",
    code: "unavailable",
    hint: () => "Check the name, or give it to ssh as a Host in ~/.ssh/config",
  },
];

function failureOf(code: number, last: string, target: SshTarget): JumpstarterError {
  const where = renderAddress({ ssh: target });
  const said = last === "" ? "" : `: ${last}`;
  if (code === 255) {
    const known = sshFailures.find((failure) => failure.said.test(last));
    return new JumpstarterError(known?.code ?? "unavailable", `ssh does not get to ${where}${said}`, {
      phase: known?.phase ?? "connect",
      hint: known?.hint(login(target)) ?? `${login(target)} true`,
    });
  }
  if (code === 127) {
    return new JumpstarterError("not_found", `There is no jumpstarter on ${target.host}${said}`, {
      phase: "connect",
      hint: `Install it where ${login(target)} 'command -v jumpstarter' finds it, such as /usr/local/bin`,
    });
  }
  return new JumpstarterError("unavailable", `jumpstarter on ${target.host} ended with ${code}${said}`, {
    phase: "connect",
    hint: `${login(target)} jumpstarter version`,
  });
}

/** What comes on ssh's standard error: held back at first, so that a failure is told once. */
class Said {
  /** Resolves once nothing more can come. */
  readonly done: Promise<void>;
  readonly #onNote: (line: string) => void;
  #held: string[] | undefined = [];

  constructor(stream: ReadableStream<Uint8Array>, onNote: (line: string) => void) {
    this.#onNote = onNote;
    this.done = this.#read(stream).catch(() => {});
  }

  /** Whether the exporter has answered, or all is over. */
  get released(): boolean {
    return this.#held === undefined;
  }

  /** Takes the last line out, so that it is not told a second time. */
  takeLast(): string {
    return this.#held?.pop() ?? "";
  }

  /** Tells what was held back, and from now on every line as it comes. */
  release(): void {
    const held = this.#held ?? [];
    this.#held = undefined;
    held.forEach(this.#onNote);
  }

  async #read(stream: ReadableStream<Uint8Array>): Promise<void> {
    let rest = "";
    for await (const text of stream.pipeThrough(new TextDecoderStream())) {
      const lines = (rest + text).split("\n");
      // A line without an end is cut before it fills the memory.
      rest = lines.pop()!.slice(-10_000);
      lines.forEach((line) => this.#add(line));
    }
    if (rest) this.#add(rest);
  }

  #add(line: string): void {
    // It is another machine's text, and may end up on a terminal.
    // deno-lint-ignore no-control-regex
    const plain = line.replace(/\x1b\[[0-9;]*[A-Za-z]|[\x00-\x08\x0a-\x1f\x7f-\x9f]/g, "").trimEnd();
    if (plain === "") return;
    if (this.#held && this.#held.length < mostLines) this.#held.push(plain);
    else this.#onNote(plain);
  }
}
