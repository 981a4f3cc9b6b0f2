/** An exporter's records on standard error. @module */
import type { Command as Commander } from "commander";
import { JumpstarterError, usageError } from "../core/errors.ts";
import { LogHub, type LogLevel, renderJson, renderText } from "../core/log.ts";
import { noteLine } from "./output.ts";
import { surviveStrayFailures } from "./stray_failures.ts";

/** How records are printed. */
export interface LogFlags {
  logLevel?: string;
  logFormat?: string;
}

/** The options, for commands that run an exporter; they may stand at the program's own place as well. */
export function addLogOptions(command: Commander): Commander {
  return command
    .option("--log-level <level>", "least level of what is logged: debug, info, warning, error", undefined)
    .option("--log-format <format>", "text or json; left out, text on a terminal and JSON elsewhere");
}

/** How long a record may wait for others to be written with it, in milliseconds: a busy exporter writes in batches. */
const gatherMs = 5;

/** A hub whose records are printed until the disposer runs, failures among them that nobody waits for. */
export function printingHub(flags: LogFlags): { hub: LogHub } & AsyncDisposable {
  const hub = new LogHub({ level: levelOf(flags.logLevel) });
  const render = formatOf(flags.logFormat) === "json" ? renderJson : renderText;
  const end = new AbortController();
  let lines: string[] = [];
  const flush = () => {
    if (lines.length > 0) noteLine(lines.join("\n"));
    lines = [];
  };
  const printing = (async () => {
    for await (const record of hub.subscribe(end.signal)) {
      if (lines.push(render(record)) === 1) setTimeout(flush, gatherMs);
    }
  })();
  const log = hub.logger("exporter", "system");
  const surviving = surviveStrayFailures((failure) => log.error("nobody waited for what failed", { ...failure }));
  return {
    hub,
    async [Symbol.asyncDispose]() {
      surviving[Symbol.dispose]();
      end.abort();
      await printing;
      flush();
    },
  };
}

const levels: Record<string, LogLevel> = {
  debug: "debug",
  info: "info",
  warning: "warn",
  warn: "warn",
  error: "error",
  critical: "error",
};

function levelOf(name = "info"): LogLevel {
  const level = levels[name.toLowerCase()];
  if (level) return level;
  throw new JumpstarterError(
    "invalid_argument",
    `Expected one of ${Object.keys(levels).join(", ")} for --log-level, got "${name}"`,
    {
      phase: "usage",
    },
  );
}

function formatOf(name = "auto"): "text" | "json" {
  if (name === "auto") return Deno.stderr.isTerminal() ? "text" : "json";
  if (name === "text" || name === "json") return name;
  throw usageError(`Expected text or json for --log-format, got "${name}"`);
}
