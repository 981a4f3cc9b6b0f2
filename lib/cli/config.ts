/** `jumpstarter config`: the files of clients and exporters, as upstream has them. @module */
import { Command as Commander } from "commander";
import { clientConfigCommand } from "./config_client.ts";
import { exporterConfigCommand } from "./config_exporter.ts";
import type { Interruptions } from "./exit_code.ts";

/** The command with its two parts. */
export function configCommand(interruption: Interruptions): Commander {
  return new Commander("config")
    .description("Manage the files of clients and exporters in your configuration folder.")
    .addCommand(clientConfigCommand(interruption.signal))
    .addCommand(exporterConfigCommand(interruption));
}
