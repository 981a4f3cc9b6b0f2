/** The commands of docs/forwards.md, executed as they stand there. @module */
import assert from "node:assert/strict";
import { sshdTest, startSshd } from "../sshd.ts";
import { linkNamesOf } from "./names.ts";
import { benchConfig, isolated } from "./program.ts";

const page = new URL("../../docs/forwards.md", import.meta.url);

sshdTest("the commands of docs/forwards.md run in their order, and none fails", async () => {
  const blocks = [...(await Deno.readTextFile(page)).matchAll(/^```sh\n([\s\S]*?)^```$/gm)].map(([, code]) => code);
  assert.ok(blocks.length >= 2);
  using config = await benchConfig();
  const { folder } = config;
  const names = linkNamesOf(folder);
  await using sshd = await startSshd([names]);
  const script = blocks.join("\n").replaceAll("/etc/bench.yaml", `${folder}/bench.yaml`);
  const { code, stdout, stderr } = await new Deno.Command("sh", {
    args: ["-e", "-x", "-c", script],
    env: {
      ...isolated(),
      JUMPSTARTER_HOST: "",
      XDG_CONFIG_HOME: `${folder}/config`,
      PATH: `${names}:${sshd.env.PATH}`,
    },
    cwd: folder,
    stdin: "null",
  }).output();
  assert.equal(code, 0, `${new TextDecoder().decode(stdout)}\n${new TextDecoder().decode(stderr)}`);
});
