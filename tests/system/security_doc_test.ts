/** The commands of docs/security.md, executed as they stand there. @module */
import assert from "node:assert/strict";
import { testAuthority } from "../certificates.ts";
import { linkNamesOf } from "./names.ts";
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
  const page = await Deno.readTextFile(new URL("../../docs/security.md", import.meta.url));
  const blocks = [...page.matchAll(/^```sh\n([\s\S]*?)^```$/gm)].map(([, block]) => block);
  assert.ok(blocks.length >= 6);

  let exporter: Exporter | undefined;
  try {
    for (const block of blocks) {
      const [, before, serving] = /^([\s\S]*?)(jumpstarter exporter run .*\n)?$/.exec(block)!;
      const ca = exporter?.fingerprint ? own : authority.ca;
      const script = before.replaceAll("pi:7000", `127.0.0.1:${port}`)
        .replaceAll("9F:86:…", exporter?.fingerprint ?? "")
        .replace("PATH=ca.pem", `PATH=${ca}`);
      const { code, stderr } = await sh(script, folder, env).output();
      assert.equal(code, 0, `${script}${new TextDecoder().decode(stderr)}`);
      if (!serving) continue;
      await exporter?.stop();
      exporter = await startExporter(serving.replace(":7000", `:${port}`), folder, env);
    }
  } finally {
    await exporter?.stop();
  }
});

interface Exporter {
  fingerprint?: string;
  stop(): Promise<void>;
}

function sh(script: string, cwd: string, env: Record<string, string>): Deno.Command {
  return new Deno.Command("sh", { args: ["-ec", script], cwd, env, stdin: "null", stdout: "piped", stderr: "piped" });
}

/** Starts the exporter of a line, and resolves once it serves. */
async function startExporter(line: string, cwd: string, env: Record<string, string>): Promise<Exporter> {
  const child = sh(`exec ${line.trim()} --json`, cwd, env).spawn();
  const errors = new Response(child.stderr).text();
  const output = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  const { value: said } = await output.read();
  if (!said) throw new Error(await errors);
  return {
    fingerprint: JSON.parse(said).fingerprint,
    async stop() {
      child.kill("SIGTERM");
      await child.status;
      await errors;
      while (!(await output.read()).done) { /* nothing more is expected */ }
    },
  };
}

function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}
