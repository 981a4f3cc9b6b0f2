/** `jmp run`: an exporter in upstream's words. @module */
import { Command as Commander } from "commander";
import { exporterFile } from "../config/places.ts";
import { usageError } from "../core/errors.ts";
import { serveConfig, type ServeFlags } from "./exporter.ts";
import type { Interruptible } from "./exit_code.ts";
import { parseListen } from "./listen_address.ts";
import { addLogOptions } from "./log_printer.ts";
import { noteLine } from "./output.ts";
import { addProtectionOptions, protect, type ProtectionFlags } from "./protection.ts";

interface RunFlags extends ServeFlags, ProtectionFlags {
  exporter?: string;
  exporterConfig?: string;
  tlsGrpcListener?: string;
  tlsGrpcInsecure?: boolean;
}

/** The command. */
export function runCommand(interruption: Interruptible): Commander {
  const command = new Commander("run")
    .description("Run an exporter, in upstream's words; see also: jumpstarter exporter run.")
    .option("--exporter <alias>", "alias of an exporter file in the configuration folder")
    .option("--exporter-config <file>", "exporter file")
    .option("--tls-grpc-listener <address>", "[HOST:]PORT to serve clients on directly (host: 0.0.0.0)")
    .option("--tls-grpc-insecure", "serve without TLS");
  addProtectionOptions(command)
    .option("--no-hooks", "run a file with hooks without running them")
    .option("--json", "print the addresses as JSON once clients can connect");
  return addLogOptions(command).action(async (flags: RunFlags, self: Commander) => {
    const at = listenerOf(flags);
    const file = flags.exporterConfig ?? exporterFile(flags.exporter!);
    const address = await protect(at, { ...flags, plaintext: flags.tlsGrpcInsecure });
    await serveConfig(file, address, { ...self.optsWithGlobals(), ...flags }, interruption);
  });
}

function listenerOf(flags: RunFlags): { hostname: string; port: number } {
  const { exporter, exporterConfig, tlsGrpcListener, tlsGrpcInsecure, tlsCert, tlsKey } = flags;
  if ((exporter === undefined) === (exporterConfig === undefined)) {
    throw usageError("Expected one of --exporter and --exporter-config");
  }
  if (tlsGrpcListener === undefined) {
    throw usageError(
      "This version serves clients directly only, not through a controller",
      "--tls-grpc-listener [HOST:]PORT",
    );
  }
  if (tlsGrpcInsecure && (tlsCert ?? tlsKey) !== undefined) {
    throw usageError("--tls-grpc-insecure and --tls-cert or --tls-key contradict each other");
  }
  if (!tlsGrpcInsecure && tlsCert === undefined && tlsKey === undefined) {
    throw usageError("Expected --tls-cert and --tls-key, or --tls-grpc-insecure");
  }
  const at = parseListen(tlsGrpcListener, "0.0.0.0");
  if (at.port === 0) throw usageError("Expected a port from 1 to 65535 for --tls-grpc-listener, got 0");
  if (at.hostname === "0.0.0.0") noteLine("Listening on every network of this machine");
  return at;
}
