/** The commands of docs/native.md, executed as they stand there. @module */
import assert from "node:assert/strict";
import { dirname } from "node:path";
import { goProgram } from "../interop/go.ts";
import { freePort, pageBlocks, type Served, serveLine, sh } from "./page.ts";
import { linkNamesOf } from "./names.ts";
import { benchConfig } from "./program.ts";

const grpcurl = await goProgram("github.com/fullstorydev/grpcurl/cmd/grpcurl", "v1.9.3");

Deno.test({
  name: "the commands of docs/native.md do what the page says",
  ignore: !grpcurl,
  async fn() {
    using config = await benchConfig();
    const { folder } = config;
    const ports = { 7000: freePort(), 7001: freePort() };
    const env = {
      PATH: `${linkNamesOf(folder)}:${dirname(grpcurl!)}:${Deno.env.get("PATH")}`,
      XDG_STATE_HOME: `${folder}/state`,
      JMP_CLIENT_CONFIG_HOME: `${folder}/config`,
      JUMPSTARTER_HOST: "",
    };
    const local = (text: string) =>
      text.replaceAll("pi:7001", `127.0.0.1:${ports[7001]}`).replaceAll(":7000", `:${ports[7000]}`)
        .replaceAll(":7001", `:${ports[7001]}`).replaceAll(" ca.pem", ` ${folder}/state/jumpstarter/tls/ca.pem`);
    let exporter: Served | undefined;
    await using stack = new AsyncDisposableStack();
    stack.defer(() => exporter?.stop());
    const answers: string[] = [];
    for (const { commands, serving } of await pageBlocks("native.md")) {
      if (commands.trim()) {
        const { code, stdout, stderr } = await sh(local(commands), folder, env).output();
        const said = new TextDecoder().decode(stdout);
        assert.equal(code, 0, `${local(commands)}${said}${new TextDecoder().decode(stderr)}`);
        assert.doesNotMatch(said, /"code":/, commands);
        answers.push(said);
      }
      if (!serving) continue;
      await exporter?.stop();
      exporter = await serveLine(local(serving), folder, env);
    }
    const [listed, unary, stream, named] = answers;
    assert.match(listed, /^jumpstarter\.interfaces\.power\.v1\.PowerInterface$/m);
    assert.equal(unary, "{}");
    assert.match(stream, /\{"voltage":/);
    assert.equal(named, "{}");
  },
});
