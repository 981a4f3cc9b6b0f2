/** A configuration folder and an environment for one test. @module */

/** A folder of configs. Until it is disposed it is the user's, and no other variable of Jumpstarter is set. */
export interface Home extends Disposable {
  readonly path: string;
  /** Writes a file below the folder and returns its path. */
  file(name: string, text: string): string;
  read(name: string): string;
}

/** Makes the folder, and sets these variables as well. */
export function home(variables: Record<string, string> = {}): Home {
  const path = Deno.makeTempDirSync({ prefix: "jumpstarter-test-" });
  const before = Deno.env.toObject();
  const ours = /^(?:JMP_|JUMPSTARTER_HOST$|(?:ACQUISITION|DIAL|RETRY)_TIMEOUT$)/i;
  for (const name of Object.keys(before)) if (ours.test(name)) Deno.env.delete(name);
  const set = { JMP_CLIENT_CONFIG_HOME: path, ...variables };
  for (const [name, value] of Object.entries(set)) Deno.env.set(name, value);
  return {
    path,
    file(name, text) {
      const file = `${path}/${name}`;
      Deno.mkdirSync(file.slice(0, file.lastIndexOf("/")), { recursive: true });
      Deno.writeTextFileSync(file, text);
      return file;
    },
    read: (name) => Deno.readTextFileSync(`${path}/${name}`),
    [Symbol.dispose]() {
      for (const name of Object.keys(set)) Deno.env.delete(name);
      for (const [name, value] of Object.entries(before)) Deno.env.set(name, value);
      Deno.removeSync(path, { recursive: true });
    },
  };
}

/** A client's file with the least that it needs, and these lines. */
export function clientYaml(lines = ""): string {
  return `metadata: {namespace: lab, name: me}\n${lines}`;
}
