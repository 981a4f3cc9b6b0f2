/**
 * OpenSSH's own sshd on a port of this machine, with keys of its own, and an ssh that finds it under the name `bench`.
 *
 * @module
 */
import { withLimit } from "../lib/core/limit.ts";
import { deadPort } from "./bytes.ts";
import { isolated, temporaryFolder } from "./system/program.ts";

/** An sshd that runs until it is disposed. */
export interface Sshd extends AsyncDisposable {
  readonly port: number;
  /** A folder with keys and files of this sshd. */
  readonly folder: string;
  /** A folder with an `ssh` that knows the host `bench`, its key and its user's. */
  readonly bin: string;
  /** The private key of a user who may log in, and the text of that key. */
  readonly key: string;
  /** Who may log in: whoever runs the test. */
  readonly user: string;
  /** The environment in which that `ssh` is found first. */
  readonly env: Record<string, string>;
  /** How many connections were made so far. */
  connections(): number;
}

const candidates = ["/usr/sbin/sshd", "/usr/local/sbin/sshd", "/usr/bin/sshd"];
const program = candidates.find((path) => {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
});

/** A test with an sshd. Where there is none it is skipped, and with `CI` in the environment it fails. */
export function sshdTest(name: string, fn: () => Promise<void>): void {
  const missing = program === undefined;
  if (missing && Deno.env.has("CI")) throw new Error("sshd is not installed (Debian's openssh-server)");
  if (missing) console.error(`sshd is not installed (Debian's openssh-server): "${name}" is skipped`);
  Deno.test({ name, ignore: missing, fn });
}

/** Starts an sshd whose commands find the folders of `path` first. */
export async function startSshd(path: readonly string[] = []): Promise<Sshd> {
  const home = temporaryFolder();
  const folder = home.path;
  const port = deadPort();
  for (const name of ["host", "id"]) {
    await toEnd("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", `${folder}/${name}`);
  }
  const shown = [...path, Deno.env.get("PATH")].join(":");
  const { DENO_DIR } = isolated();
  const config = home.file(
    "sshd_config",
    `Port ${port}\nListenAddress 127.0.0.1\nHostKey ${folder}/host\nAuthorizedKeysFile ${folder}/id.pub\nPidFile none\n` +
      "UsePAM no\nStrictModes no\nPasswordAuthentication no\nKbdInteractiveAuthentication no\nLogLevel VERBOSE\n" +
      `MaxStartups 100\nSubsystem sftp internal-sftp\nSetEnv PATH=${shown} DENO_DIR=${DENO_DIR}\n`,
  );
  const user = (await toEnd("id", "-un")).trim();
  const ours = home.file(
    "ssh_config",
    `Host bench\n  HostName 127.0.0.1\n  Port ${port}\n  User ${user}\n  IdentityFile ${folder}/id\nHost *\n` +
      `  IdentitiesOnly yes\n  BatchMode yes\n  UserKnownHostsFile ${folder}/known_hosts\n  GlobalKnownHostsFile none\n`,
  );
  const [type, hostKey] = Deno.readTextFileSync(`${folder}/host.pub`).split(" ");
  home.file("known_hosts", `[127.0.0.1]:${port} ${type} ${hostKey}\n`);
  const bin = `${folder}/bin`;
  Deno.mkdirSync(bin);
  const real = (await toEnd("sh", "-c", "command -v ssh")).trim();
  Deno.writeTextFileSync(`${bin}/ssh`, `#!/bin/sh\nexec ${real} -F ${ours} "$@"\n`, { mode: 0o755 });
  // What a system's service makes for it; without root it is not needed.
  if (Deno.uid() === 0) Deno.mkdirSync("/run/sshd", { recursive: true, mode: 0o755 });

  const child = new Deno.Command(program!, { args: ["-D", "-e", "-f", config], stdin: "null", stderr: "piped" })
    .spawn();
  const listening = Promise.withResolvers<void>();
  let said = "";
  const reading = (async () => {
    for await (const text of child.stderr.pipeThrough(new TextDecoderStream())) {
      said += text;
      if (said.includes("Server listening")) listening.resolve();
    }
    listening.reject(new Error(`sshd ended: ${said}`));
  })();
  await withLimit(listening.promise, 10_000, "The start of sshd");
  return {
    port,
    folder,
    bin,
    key: `${folder}/id`,
    user,
    env: { PATH: `${bin}:${Deno.env.get("PATH")}` },
    connections: () => said.split("Connection from").length - 1,
    async [Symbol.asyncDispose]() {
      child.kill("SIGTERM");
      await child.status;
      await reading;
      home[Symbol.dispose]();
    },
  };
}

/** What a program printed. */
async function toEnd(program: string, ...args: string[]): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(program, { args, stdin: "null" }).output();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
  return new TextDecoder().decode(stdout);
}
