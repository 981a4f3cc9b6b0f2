import assert from "node:assert/strict";
import { currentAlias, currentClientConfig, useClient } from "../../lib/config/user_config.ts";
import { clientYaml, home } from "./home.ts";

Deno.test("There is no current client without a user's file, and reading makes none", () => {
  using folder = home();
  assert.equal(currentAlias(), undefined);
  assert.deepEqual([...Deno.readDirSync(folder.path)], []);
});

Deno.test("The current client is written, read back, and taken away", () => {
  using folder = home();
  folder.file("clients/a.yaml", clientYaml("token: t\n"));
  useClient("a");
  assert.equal(
    folder.read("config.yaml"),
    "apiVersion: jumpstarter.dev/v1alpha1\nkind: UserConfig\nconfig:\n  current-client: a\n",
  );
  assert.equal(currentAlias(), "a");
  assert.equal(currentClientConfig()?.token, "t");
  useClient(null);
  assert.match(folder.read("config.yaml"), /current-client: null\n$/);
  assert.equal(currentAlias(), undefined);
});

Deno.test("The current client may be spelled with an underscore, and null says that there is none", () => {
  using folder = home();
  folder.file("clients/a.yaml", clientYaml());
  folder.file("config.yaml", "config: {current_client: a}\n");
  assert.equal(currentAlias(), "a");
  folder.file("config.yaml", "config: {}\nextra: 1\n");
  assert.equal(currentAlias(), undefined);
});

Deno.test("A current client without a file is none", () => {
  using folder = home();
  for (const alias of ["gone", "../config", "''"]) {
    folder.file("config.yaml", `config: {current-client: ${alias}}\n`);
    assert.equal(currentAlias(), undefined, alias);
  }
});

Deno.test("What is wrong with the user's file is said with its place", () => {
  using folder = home();
  const path = folder.file("config.yaml", "kind: UserConfig\nconfig: {current-client: [a]}\n");
  assert.throws(() => currentAlias(), {
    message: `${path}:2:26: config.current-client: Expected text, got a list`,
  });
  folder.file("config.yaml", "kind: UserConfig\n");
  assert.throws(() => currentAlias(), { message: `${path}:1:1: config: Expected a mapping, but it is missing` });
});

Deno.test("A client of the environment comes before the current one", () => {
  using folder = home({ JMP_NAMESPACE: "lab", JMP_NAME: "env" });
  folder.file("clients/a.yaml", clientYaml());
  useClient("a");
  assert.equal(currentClientConfig()?.metadata.name, "env");
  Deno.env.delete("JMP_NAME");
  assert.equal(currentClientConfig()?.metadata.name, "me");
});
