/** The commands of docs/security.md, executed as they stand there. @module */
import assert from "node:assert/strict";
import { testAuthority } from "../certificates.ts";
import { linkNamesOf } from "./names.ts";
import { freePort, pageBlocks, type Served, serveLine, sh } from "./page.ts";
import { benchConfig } from "./program.ts";

Deno.test("the commands of docs/security.md do what the page says", async () => {
  using config = await benchConfig();
  const { folder } = config;
  const authority = await testAuthority(folder, "ca");
  await authority.issue("leaf", ["127.0.0.1"]);
  Deno.renameSync(`${folder}/leaf.pem`, `${folder}/cert.pem`);
  Deno.renameSync(`${folder}/leaf-key.pem`, `${folder}/key.pem`);
  const own = `${folder}/state/jumpstarter/tls/ca.pem`;
  const port = freePort();
  const env = {
    PATH: `${linkNamesOf(folder)}:${Deno.env.get("PATH")}`,
    XDG_STATE_HOME: `${folder}/state`,
    JMP_CLIENT_CONFIG_HOME: `${folder}/config`,
    JUMPSTARTER_HOST: "",
  };
  const blocks = await pageBlocks("security.md");
  assert.ok(blocks.length >= 6);

  let exporter: Served | undefined;
  try {
    for (const { commands, serving } of blocks) {
      const ca = exporter?.fingerprint ? own : authority.ca;
      const script = commands.replaceAll("pi:7000", `127.0.0.1:${port}`)
        .replaceAll("9F:86:…", exporter?.fingerprint ?? "")
        .replace("PATH=ca.pem", `PATH=${ca}`);
      const { code, stderr } = await sh(script, folder, env).output();
      assert.equal(code, 0, `${script}${new TextDecoder().decode(stderr)}`);
      if (!serving) continue;
      await exporter?.stop();
      exporter = await serveLine(serving.replace(":7000", `:${port}`), folder, env);
    }
  } finally {
    await exporter?.stop();
  }
});
