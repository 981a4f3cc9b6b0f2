/** `jumpstarter completion`: the script that a shell reads to complete words at TAB. @module */
import { Argument, Command as Commander } from "commander";
import { scriptOf } from "./completion/scripts.ts";
import { type Shell, shells } from "./completion/shells.ts";
import { writeOut } from "./output.ts";
import { selfCommand } from "./self.ts";

const help = `
Drivers, their commands and options are known once the board has been reached by \`client\` or \`shell\`:
they are remembered then, and a TAB needs no network.

Examples:
  source <(jumpstarter completion bash)                                   in ~/.bashrc
  source <(jumpstarter completion zsh)                                    in ~/.zshrc
  jumpstarter completion fish | source                                    in ~/.config/fish/config.fish
  jumpstarter completion powershell | Out-String | Invoke-Expression      in $PROFILE`;

/** The command. */
export function completionCommand(): Commander {
  return new Commander("completion")
    .description("Print the script that makes your shell complete words at TAB: commands, options, drivers, files.")
    .addArgument(new Argument("<shell>", "shell that reads the script").choices([...shells]))
    .addHelpText("after", help)
    .action((shell: Shell) => writeOut(scriptOf(shell, selfCommand())));
}
