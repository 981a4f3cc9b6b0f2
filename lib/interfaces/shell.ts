/** Commands of the exporter's machine that its config allows, by name. @module */
import * as z from "zod/mini";
import { type Command, command } from "../contract/command.ts";
import { type Client, defineInterface } from "../contract/interface.ts";
import { type CallOptions, serverStreaming, unary } from "../contract/method.ts";
import { usageError } from "../core/errors.ts";

/** What a script has said since the last one of these; the exit code stands in the last one alone. */
const Output = z.tuple([z.string(), z.string(), z.nullable(z.int())]);

interface Calls {
  callMethod(
    args: { method: string; env: Record<string, string>; args: string[] },
    options: CallOptions,
  ): AsyncIterable<z.infer<typeof Output>>;
}

/** What a script has said, and how it ended. */
export interface ScriptResult {
  /** 128 + the number of a signal that ended it, and 199 when it took too long. */
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** How a script is called. */
export interface ScriptOptions extends CallOptions {
  /** Variables beside those of the exporter. */
  env?: Record<string, string>;
}

/** Runs the scripts that the exporter's config names. */
export const shell = defineInterface({
  name: "shell",
  summary: "Runs scripts of the exporter's machine",
  pythonClients: ["jumpstarter_driver_shell.client.ShellClient"],
  native: { service: "Shell" },
  methods: {
    getMethods: unary("Names of the scripts, in the order of the config", { result: z.array(z.string()) }),
    callMethod: serverStreaming("Run a script: what it says, piece by piece, then its exit code", {
      params: {
        method: z.string().check(z.describe("Name of the script")),
        env: z.record(z.string(), z.string()).check(z.describe("Variables beside those of the exporter")),
        args: z.array(z.string()).check(z.describe("Its arguments, $1 and on")),
      },
      rest: true,
      result: Output,
    }),
  },
  extend: (calls) => ({
    /** Runs a script to its end. */
    async run(
      method: string,
      args: string[] = [],
      { env = {}, ...options }: ScriptOptions = {},
    ): Promise<ScriptResult> {
      const result = { code: 0, stdout: "", stderr: "" };
      for await (const [stdout, stderr, code] of calls.callMethod({ method, env, args }, options)) {
        result.stdout += stdout;
        result.stderr += stderr;
        result.code = code ?? result.code;
      }
      return result;
    },
  }),
  configuredCommands: async (client) =>
    Object.fromEntries((await client.getMethods()).map((method) => [method, scriptCommand(client, method)])),
});

export type ShellClient = Client<typeof shell>;

function scriptCommand(client: Calls, method: string): Command {
  return command(`Execute the ${method} shell method`, async ({ args, env: given }, io) => {
    const env = Object.fromEntries(given.map(variable));
    const encoder = new TextEncoder();
    let result = 0;
    for await (const [stdout, stderr, code] of client.callMethod({ method, env, args }, { signal: io.signal })) {
      if (stdout) await io.write(encoder.encode(stdout));
      if (stderr) io.writeError(stderr);
      io.print({ stdout, stderr, code });
      result = code ?? result;
    }
    // What Python's exporter says of a script that a signal ended; an exit code is what shells make of it.
    return result < 0 ? 128 - result : result;
  }, {
    args: { args: z._default(z.array(z.string()), []).check(z.describe("Arguments of the script")) },
    options: {
      env: z._default(z.array(z.string()), []).check(
        z.describe("A variable for the script, as KEY=VALUE; may be repeated"),
      ),
    },
    short: { env: "e" },
    passThrough: true,
  });
}

function variable(word: string): [string, string] {
  const at = word.indexOf("=");
  if (at > 0) return [word.slice(0, at), word.slice(at + 1)];
  throw usageError(`Expected KEY=VALUE for --env, got ${JSON.stringify(word)}`);
}
