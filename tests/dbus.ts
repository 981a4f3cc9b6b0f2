/** A D-Bus of a test's own, by the real dbus-daemon. @module */
import { temporaryFolder } from "./system/program.ts";

const missing = ["dbus-daemon", "busctl"].filter((name) =>
  !(Deno.env.get("PATH") ?? "").split(":").some((folder) => {
    try {
      return Deno.statSync(`${folder}/${name}`).isFile;
    } catch {
      return false;
    }
  })
);

/** Whether a bus can be had. */
export const hasBus = missing.length === 0;

/** A test with a bus. Where its programs are missing it is skipped, and with `CI` in the environment it fails. */
export function dbusTest(name: string, fn: () => Promise<void>): void {
  const why = `${missing.join(", ")} not installed (Debian's dbus-daemon and systemd)`;
  if (missing.length > 0 && Deno.env.has("CI")) throw new Error(why);
  if (missing.length > 0) console.error(`${why}: "${name}" is skipped`);
  Deno.test({ name, ignore: missing.length > 0, fn });
}

/** Starts a bus, on a unix socket and on TCP. */
export async function startBus(): Promise<{ unix: string; tcp: string } & AsyncDisposable> {
  const folder = temporaryFolder();
  const config = folder.file(
    "bus.conf",
    `<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig><type>session</type><listen>unix:path=${folder.path}/bus</listen>
<listen>tcp:host=127.0.0.1,port=0,family=ipv4</listen><auth>EXTERNAL</auth><auth>ANONYMOUS</auth><allow_anonymous/>
<policy context="default"><allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/><allow own="*"/></policy></busconfig>`,
  );
  const child = new Deno.Command("dbus-daemon", {
    args: [`--config-file=${config}`, "--nofork", "--print-address=1"],
    stdin: "null",
    stdout: "piped",
    stderr: "null",
  }).spawn();
  const output = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  const { value = "" } = await output.read();
  const [unix, tcp] = ["unix:", "tcp:"].map((scheme) => value.trim().split(";").find((one) => one.startsWith(scheme))!);
  return {
    unix,
    tcp,
    async [Symbol.asyncDispose]() {
      child.kill("SIGTERM");
      await child.status;
      while (!(await output.read()).done) { /* nothing more is expected */ }
      folder[Symbol.dispose]();
    },
  };
}

/** The names on the bus at an address, by systemd's busctl. */
export async function namesOnBus(address: string): Promise<string> {
  const command = new Deno.Command("busctl", { args: [`--address=${address}`, "--no-pager", "list"], stdin: "null" });
  const { stdout, stderr } = await command.output();
  return new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
}
