/** What docs/raspberry-pi.md tells to type is typed here. systemd's programs are stand-ins that do nothing. @module */
import assert from "node:assert/strict";
import { isolated, programWords, temporaryFolder } from "./program.ts";

const page = new URL("../../docs/raspberry-pi.md", import.meta.url);

Deno.test("the commands of docs/raspberry-pi.md run in their order, and none fails", async () => {
  const blocks = [...(await Deno.readTextFile(page)).matchAll(/^```sh\n([\s\S]*?)^```$/gm)].map(([, code]) => code);
  assert.ok(blocks.length >= 4);
  using folder = temporaryFolder();
  const bin = `${folder.path}/bin`;
  Deno.mkdirSync(bin);
  const program = programWords.map((word) => `'${word}'`).join(" ");
  Deno.writeTextFileSync(`${bin}/jumpstarter`, `#!/bin/sh\nexec ${program} "$@"\n`, { mode: 0o755 });
  for (const name of ["systemctl", "loginctl"]) {
    Deno.writeTextFileSync(`${bin}/${name}`, "#!/bin/sh\n", { mode: 0o755 });
  }
  const { code, stdout, stderr } = await new Deno.Command("sh", {
    args: ["-e", "-x", "-c", blocks.join("\n")],
    env: {
      ...isolated(),
      JUMPSTARTER_HOST: "",
      XDG_CONFIG_HOME: `${folder.path}/config`,
      PATH: `${bin}:${Deno.env.get("PATH")}`,
    },
    cwd: folder.path,
    stdin: "null",
  }).output();
  const said = new TextDecoder().decode(stdout);
  assert.equal(code, 0, `${said}\n${new TextDecoder().decode(stderr)}`);
  assert.match(said, /no errors/);
  assert.match(said, /^WantedBy=default.target$/m);
  assert.match(said, /^User=jumpstarter$/m);
});
