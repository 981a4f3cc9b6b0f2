/**
 * The user's file: `kind: UserConfig` in `config.yaml`, which names the current client, as Python's Jumpstarter 0.9.0
 * reads and writes it.
 *
 * @module
 */
import * as z from "zod/mini";
import { replaceFile } from "./atomic_file.ts";
import { type ClientConfig, clientConfigFromEnvironment, hasClientConfig, loadClientConfig } from "./client_config.ts";
import { checkYaml } from "./coerce.ts";
import { readYaml } from "./document.ts";
import { isAlias, userFile } from "./places.ts";
import { throwProblems } from "./problem.ts";
import { dumpYaml } from "./python_yaml.ts";

const currentClient = z.nullish(z.string());

const schema = z.object({
  apiVersion: z._default(z.literal("jumpstarter.dev/v1alpha1"), "jumpstarter.dev/v1alpha1"),
  kind: z._default(z.literal("UserConfig"), "UserConfig"),
  config: z.object({ "current-client": currentClient, current_client: currentClient }),
});

/**
 * The alias of the current client, or `undefined` when there is none: no file, none named, or one without a file.
 *
 * @throws {JumpstarterError} `invalid_argument` with everything that is wrong with the user's file.
 */
export function currentAlias(): string | undefined {
  const yaml = readUserFile();
  if (!yaml) return undefined;
  throwProblems(yaml.problems);
  const { value, problems } = checkYaml(yaml, schema, yaml.value ?? {}, []);
  throwProblems(problems);
  const { config } = value!;
  const alias = config["current-client"] === undefined ? config.current_client : config["current-client"];
  return alias && isAlias(alias) && hasClientConfig(alias) ? alias : undefined;
}

/**
 * The config of the client that is meant when none is named: the environment's, else the current one.
 *
 * @throws {JumpstarterError} `invalid_argument` with everything that is wrong with the files.
 */
export function currentClientConfig(): ClientConfig | undefined {
  const fromEnvironment = clientConfigFromEnvironment();
  if (fromEnvironment) return fromEnvironment;
  const alias = currentAlias();
  return alias === undefined ? undefined : loadClientConfig(alias);
}

/** Makes a client the current one, or none. */
export function useClient(alias: string | null): void {
  replaceFile(userFile(), userConfigText(alias));
}

/** The file's text, the same bytes as Python writes. */
export function userConfigText(alias: string | null): string {
  return dumpYaml({
    apiVersion: "jumpstarter.dev/v1alpha1",
    kind: "UserConfig",
    config: { "current-client": alias },
  });
}

function readUserFile(): ReturnType<typeof readYaml> | undefined {
  try {
    Deno.statSync(userFile());
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    // Reading it fails as well, and says so.
  }
  return readYaml(userFile());
}
