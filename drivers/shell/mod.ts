/** Scripts of the exporter's machine. @module */
import * as z from "zod/mini";
import { defineDriver } from "../../lib/contract/driver.ts";
import { JumpstarterError } from "../../lib/core/errors.ts";
import { didYouMean } from "../../lib/core/nearest.ts";
import { shell } from "../../lib/interfaces/shell.ts";
import { runScript } from "./script.ts";

const seconds = z.number().check(z.positive());

const Method = z.union([
  z.string().check(z.minLength(1)),
  z.strictObject({
    command: z._default(z.string().check(z.minLength(1)), "echo Hello"),
    description: z.optional(z.string()),
    timeout: z.optional(seconds),
  }),
]);

/** Variables by which a caller could have other code run than the script's own. */
const blocked = /^(?:LD_.*|BASH_FUNC_.*|PATH|PYTHONPATH|BASH_ENV|KUBECONFIG|HOME)$/s;

/** Exit code of a script that took too long, as upstream has it. */
const tooLate = 199;

/** Runs the scripts that the config names. */
export default defineDriver({
  name: "shell",
  summary: "Runs scripts of the exporter's machine that the config names",
  implements: shell,
  config: z.object({
    methods: z.record(z.string().check(z.minLength(1)), Method).check(
      z.describe("Scripts by name: the script itself, or `command` with `description` and `timeout`"),
    ),
    shell: z._default(z.array(z.string()).check(z.minLength(1)), ["bash", "-c"]).check(
      z.describe("Program that is handed the script, in words"),
    ),
    timeout: z._default(seconds, 300).check(z.describe("Limit for one run in seconds")),
    cwd: z.nullish(z.string()).check(z.describe("Folder in which scripts run; left out, the exporter's")),
  }),
  methodsDescription: ({ methods }) =>
    Object.fromEntries(
      Object.entries(methods).map(([name, method]) => [
        name,
        (typeof method === "string" ? undefined : method.description) ?? `Execute the ${name} shell method`,
      ]),
    ),
  open({ config, log, signal: ended }) {
    const { methods, shell: words, cwd } = config;
    const running = new Set<Promise<void>>();
    return {
      getMethods: () => Object.keys(methods),
      async *callMethod({ method: name, env, args }, { signal }) {
        const known = Object.keys(methods);
        if (!known.includes(name)) {
          const near = didYouMean(name, known) || ";";
          throw refusal(`Method '${name}' not found${near} Available: ${known.join(", ")}`);
        }
        const { command, timeout = config.timeout } = asObject(methods[name]);
        checkEnvironment(env);
        await checkFolder(cwd);
        const [program, ...options] = words;
        const run = runScript({
          words: [program, ...options, command, name, ...args],
          env,
          cwd: cwd ?? undefined,
          limitMs: timeout * 1000,
          signal: AbortSignal.any([signal, ended]),
        });
        log.debug("script started", { method: name });
        const { promise: gone, resolve: tellGone } = Promise.withResolvers<void>();
        running.add(gone);
        try {
          for await (const { stdout, stderr, code, late } of run) {
            if (late) {
              log.warn("script took too long", { method: name, limit_s: timeout });
              yield ["", `\nTimeout expired while running ${name}: It took longer than ${timeout} s\n`, tooLate];
            } else {
              if (code !== null) log.info("script ended", { method: name, code });
              yield [stdout, stderr, code];
            }
          }
        } finally {
          running.delete(gone);
          tellGone();
        }
      },
      async [Symbol.asyncDispose]() {
        await Promise.all(running);
      },
    };
  },
});

function asObject(method: z.output<typeof Method>): { command: string; timeout?: number } {
  return typeof method === "string" ? { command: method } : method;
}

function checkEnvironment(env: Record<string, string>): void {
  for (const name of Object.keys(env)) {
    // What Python calls an identifier.
    if (!/^[\p{ID_Start}_]\p{ID_Continue}*$/u.test(name)) throw refusal(`Invalid environment variable name: ${name}`);
    if (blocked.test(name)) throw refusal(`Environment variable '${name}' is blocked for security reasons`);
  }
}

async function checkFolder(cwd: string | null | undefined): Promise<void> {
  if (!cwd || await Deno.stat(cwd).then(({ isDirectory }) => isDirectory, () => false)) return;
  throw refusal(`Working directory does not exist: ${cwd}`);
}

function refusal(message: string): JumpstarterError {
  return new JumpstarterError("invalid_argument", message, { phase: "driver" });
}
