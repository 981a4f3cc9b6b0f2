/**
 * `jumpstarter exporter serve-stdio`: one client on the standard streams, which is what `--host ssh://…` runs.
 *
 * @module
 */
import { Command as Commander } from "commander";
import { exporterFile } from "../config/places.ts";
import { byteStreamOfPipe, sinkOf, sourceOf } from "../core/byte_stream.ts";
import { aborted } from "../core/limit.ts";
import { pipeOfStreams } from "../core/pipe.ts";
import { localExporter } from "../local/exporter.ts";
import { copy } from "../streams/pump.ts";
import type { Interruptible } from "./exit_code.ts";
import { addLogOptions, type LogFlags, printingHub } from "./log_printer.ts";

const help = `
It joins the exporter of that file where one runs as the same user, and starts one that ends with the client otherwise.
Standard output carries the wire and nothing else. This is what \`jumpstarter client --host ssh://HOST/FILE\` runs there.`;

/** The command. */
export function serveStdioCommand(interruption: Interruptible): Commander {
  const command = new Commander("serve-stdio")
    .argument("[config]", "exporter file; left out, the alias `default` of your configuration folder")
    .description("Serve one client on standard input and output, as ssh does.")
    .option("--json", "print a failure as JSON")
    .addHelpText("after", help);
  return addLogOptions(command).action(async (file: string | undefined, flags: LogFlags, self: Commander) => {
    const all = { ...self.optsWithGlobals<LogFlags>(), ...flags };
    const { signal: interrupted } = interruption;
    using _closing = interruption.hold();
    await using printing = printingHub({ ...all, logLevel: all.logLevel ?? "warning" });
    await using exporter = await localExporter(file ?? exporterFile("default"), {
      hub: printing.hub,
      signal: interrupted,
    });
    const connection = await Deno.connect({ transport: "unix", path: exporter.path });
    await using there = byteStreamOfPipe(connection);
    await using here = byteStreamOfPipe(pipeOfStreams(Deno.stdin.readable, Deno.stdout.writable));
    // When the client ends, so does the exporter's side of the connection, and with that the other direction.
    void copy(sourceOf(here), sinkOf(there)).catch(() => there[Symbol.asyncDispose]());
    await Promise.race([copy(sourceOf(there), sinkOf(here)), aborted(interrupted)]);
  });
}
