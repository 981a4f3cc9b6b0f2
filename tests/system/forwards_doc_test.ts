/** The commands of docs/forwards.md, executed as they stand there. @module */
import assert from "node:assert/strict";
import { deadPort } from "../bytes.ts";
import { hasBus, startBus } from "../dbus.ts";
import { sshdTest, startSshd } from "../sshd.ts";
import { linkNamesOf } from "./names.ts";
import { benchConfig, isolated } from "./program.ts";

const page = new URL("../../docs/forwards.md", import.meta.url);

sshdTest("the commands of docs/forwards.md run in their order, and none fails", async () => {
  const blocks = [...(await Deno.readTextFile(page)).matchAll(/^```sh\n([\s\S]*?)^```$/gm)].map(([, code]) => code);
  assert.ok(blocks.length >= 2);
  using config = await benchConfig();
  const { folder } = config;
  const further = "  lamp: { type: tcp-network, config: { host: 192.0.2.7, port: 80 } }\n" +
    "  bus: { type: dbus-network, config: { kind: session } }\n";
  Deno.writeTextFileSync(config.path, further, { append: true });
  await using bus = hasBus ? await startBus() : undefined;
  if (!bus) {
    console.error("dbus-daemon is not installed (Debian's dbus-daemon): the page's commands for it are left out");
  }
  const names = linkNamesOf(folder);
  await using sshd = await startSshd([names]);
  const [listen, forward] = [deadPort(), deadPort()];
  const script = blocks.join("\n")
    .replaceAll("/etc/bench.yaml", `${folder}/bench.yaml`)
    .replaceAll("exporter run bench.yaml", `exporter run bench.yaml --listen 127.0.0.1:${listen}`)
    .replaceAll("127.0.0.1:7000", `127.0.0.1:${listen}`)
    .replaceAll("8080", String(forward))
    .replace(/^.* bus dbus .*$/gm, (line) => bus ? line : "")
    .replace(/^(.*) &$/gm, inBackground);
  const { code, stdout, stderr } = await new Deno.Command("sh", {
    args: ["-e", "-x", "-c", `trap 'kill $jobs' EXIT\n${script}`],
    env: {
      ...isolated(),
      JUMPSTARTER_HOST: "",
      ...(bus && { DBUS_SESSION_BUS_ADDRESS: bus.unix }),
      XDG_CONFIG_HOME: `${folder}/config`,
      PATH: `${names}:${sshd.env.PATH}`,
    },
    cwd: folder,
    stdin: "null",
  }).output();
  assert.equal(code, 0, `${new TextDecoder().decode(stdout)}\n${new TextDecoder().decode(stderr)}`);
});

/** A command that goes on; the next one waits until it has said something. */
function inBackground(_: string, command: string, at: number): string {
  return `mkfifo said${at}\n${command} > said${at} 2>&1 &\njobs="$jobs $!"\nread line < said${at}\n` +
    // Somebody has to read what it says afterwards.
    `cat said${at} > /dev/null & jobs="$jobs $!"`;
}
