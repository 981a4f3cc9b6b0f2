/** The vnc driver and its command. @module */
import assert from "node:assert/strict";
import { withLimit } from "../../lib/core/limit.ts";
import { connect, vnc } from "../../mod.ts";
import { talk } from "../bytes.ts";
import { parsed, run as runCommand } from "../interfaces/io.ts";
import { run, temporaryFolder } from "../system/program.ts";

const board = (screen: string) => `metadata: {name: board}\nexport: {screen: {type: vnc, ${screen}}}\n`;

Deno.test("vnc streams what its child tcp does, and says whether Python's client is to encrypt", async () => {
  using folder = temporaryFolder();
  const config = board("config: {default_encrypt: true}, children: {tcp: {type: echo-network}}");
  await using client = await connect({ exporterConfig: folder.file("board.yaml", config) }, { screen: vnc });
  assert.equal(await client.screen.getDefaultEncrypt(), true);
  await using stream = await client.screen.connect();
  const { send, until } = talk(stream);
  await send("RFB");
  assert.equal(await until("RFB"), "RFB");
});

Deno.test("The command session prints where its page is, and takes it away at the end", async () => {
  using folder = temporaryFolder();
  const config = board("children: {tcp: {type: echo-network}}");
  await using client = await connect({ exporterConfig: folder.file("board.yaml", config) }, { screen: vnc });
  const command = vnc.commands!(client.screen).session;
  const session = runCommand(command, parsed(command, { noBrowser: true }));
  await withLimit(session.printed(1), 2_000, "The page");
  const [{ url }] = session.values as { url: string }[];
  assert.deepEqual(session.lines, [url]);
  assert.match(await (await fetch(url)).text(), /<script type="module" src="page\.js">/);
  session.stop();
  await session.done;
  await assert.rejects(fetch(url));
});

Deno.test("vnc without a child tcp is refused before anything is opened", async () => {
  using folder = temporaryFolder();
  const { code, stdout } = await run(["exporter", "check", folder.file("board.yaml", board("children: {}"))]);
  assert.equal(code, 2);
  assert.match(stdout, /board\.yaml:2:\d+: error: export\.screen\.children\.tcp: The driver vnc needs a child "tcp"/);
});
