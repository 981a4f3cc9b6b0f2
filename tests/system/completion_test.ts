/** TAB in real shells, in a real terminal. @module */
import assert from "node:assert/strict";
import { benchConfig, isolated, programWords, run, temporaryFolder } from "./program.ts";
import { isInstalled, openTerminal, shells } from "./terminal.ts";

/** Names that mean something to shells. Files beside them show whether any was evaluated. */
const oddNames = ["$(touch${IFS}pwned)", "x;y'z", "q:r", "gruß", '`w"\\v'];

/** A folder with two boards that have been reached, a folder with the program's names, and a cache of its own. */
async function surroundings() {
  const stack = new DisposableStack();
  const bench = stack.use(await benchConfig());
  const folder = stack.use(temporaryFolder());
  Deno.copyFileSync(bench.path, `${folder.path}/bench.yaml`);
  const odd = oddNames.map((name) => `  ${JSON.stringify(name)}: {type: mock-power}`).join("\n");
  folder.file("odd.yaml", `metadata: {namespace: default, name: odd}\nexport:\n${odd}\n`);
  Deno.mkdirSync(`${folder.path}/bin`);
  const program = programWords.map((word) => `'${word}'`).join(" ");
  Deno.writeTextFileSync(`${folder.path}/bin/jumpstarter`, `#!/bin/sh\nexec ${program} "$@"\n`, { mode: 0o755 });
  const env = {
    ...isolated(`${folder.path}/cache`),
    HOME: folder.path,
    HISTFILE: "",
    // zsh takes the keys of vi where the user's editor is vi, which npx says it is.
    EDITOR: "",
    VISUAL: "",
    PATH: `${folder.path}/bin:${Deno.env.get("PATH")}`,
  };
  for (const config of ["bench.yaml", "odd.yaml"]) {
    const { code, stderr } = await run(["client", "--exporter-config", config], { env, cwd: folder.path });
    assert.equal(code, 0, stderr);
  }
  return { env, path: folder.path, [Symbol.dispose]: () => stack.dispose() };
}

for (const [shell, { words, load }] of Object.entries(shells)) {
  const missing = (await Promise.all(["script", shell].map(async (name) => await isInstalled(name) ? "" : name)))
    .filter(Boolean);
  if (missing.length > 0) console.error(`${missing.join(" and ")} missing: TAB in ${shell} is not tested`);

  Deno.test({
    name:
      `${shell}: TAB completes commands, options, values, files, drivers and their commands, as the shell reads words`,
    ignore: missing.length > 0,
    async fn() {
      using place = await surroundings();
      await using terminal = openTerminal(words, place.env, place.path);
      await terminal.run(load);
      const completed: Record<string, string[]> = {
        "jumpstarter exp": ["jumpstarter", "exporter"],
        "jumpstarter exporter che": ["jumpstarter", "exporter", "check"],
        "jumpstarter exporter check be": ["jumpstarter", "exporter", "check", "bench.yaml"],
        "jumpstarter client --exporter-c": ["jumpstarter", "client", "--exporter-config"],
        "jumpstarter client --exporter-config be": ["jumpstarter", "client", "--exporter-config", "bench.yaml"],
        "jumpstarter client --exporter-config=be": ["jumpstarter", "client", "--exporter-config=bench.yaml"],
        "jumpstarter --log-level wa": ["jumpstarter", "--log-level", "warning"],
        "jumpstarter --log-level=wa": ["jumpstarter", "--log-level=warning"],
        "jumpstarter completion fi": ["jumpstarter", "completion", "fish"],
        "j --exporter-config bench.yaml p": ["j", "--exporter-config", "bench.yaml", "power"],
        "j --exporter-config bench.yaml power cyc": ["j", "--exporter-config", "bench.yaml", "power", "cycle"],
        "j --exporter-config bench.yaml power cycle --wa": [
          ..."j --exporter-config bench.yaml power cycle --wait".split(" "),
        ],
        "jmp client --exporter-config ~/bench.yaml board.po": [
          "jmp",
          "client",
          "--exporter-config",
          `${place.path}/bench.yaml`,
          "board.power",
        ],
        "j --exporter-config bench.yaml none": ["j", "--exporter-config", "bench.yaml", "none"],
      };
      for (const [beginning, expected] of Object.entries(completed)) {
        assert.deepEqual(await terminal.complete(beginning), expected, beginning);
      }
    },
  });

  Deno.test({
    name: `${shell}: a driver's name is inserted as the one word that it is, whatever it means to the shell`,
    ignore: missing.length > 0,
    async fn() {
      using place = await surroundings();
      await using terminal = openTerminal(words, place.env, place.path);
      await terminal.run(load);
      for (const name of oddNames) {
        // The first character as a user types it.
        const first = /\w/.test(name[0]) ? name[0] : `\\${name[0]}`;
        const completed = await terminal.complete(`j --exporter-config odd.yaml ${first}`);
        assert.deepEqual(completed, ["j", "--exporter-config", "odd.yaml", name]);
      }
      assert.throws(() => Deno.statSync(`${place.path}/pwned`), Deno.errors.NotFound);
    },
  });

  Deno.test({
    name: `${shell}: the board in the environment is the one that is completed`,
    ignore: missing.length > 0,
    async fn() {
      using place = await surroundings();
      await using terminal = openTerminal(
        `${words}`,
        { ...place.env, JUMPSTARTER_HOST: "/no/such/socket" },
        place.path,
      );
      await terminal.run(load);
      assert.deepEqual(await terminal.complete("j --exporter-config bench.yaml p"), [
        ..."j --exporter-config bench.yaml p".split(" "),
      ]);
    },
  });
}
