/**
 * The script that each shell reads. It asks this program at every TAB and inserts what it is told; nothing that the
 * program says is ever evaluated.
 *
 * @module
 */
import { shellWord } from "../../core/words.ts";
import { programNames } from "../self.ts";
import type { Shell } from "./shells.ts";

/** The script of a shell that starts the program by these words. */
export function scriptOf(shell: Shell, program: readonly string[]): string {
  return scripts[shell](program);
}

const names = programNames.join(" ");

const scripts: Record<Shell, (program: readonly string[]) => string> = {
  bash: (program) =>
    `# Completion of ${names} in bash: source <(jumpstarter completion bash)
_jumpstarter() {
  local line files=words
  COMPREPLY=()
  while IFS= read -r line; do
    if [[ $files == words && $line == files ]]; then compopt -o default 2>/dev/null; fi
    if [[ -n $files ]]; then files=; else COMPREPLY+=("$line"); fi
  done < <(${quoted(program)} __complete bash "$COMP_WORDBREAKS" "\${COMP_LINE:0:COMP_POINT}" 2>/dev/null)
}
complete -o nosort -F _jumpstarter ${names} 2>/dev/null || complete -F _jumpstarter ${names}
`,
  zsh: (program) =>
    `#compdef ${names}
# Completion of ${names} in zsh: source <(jumpstarter completion zsh)
_jumpstarter() {
  local line
  local -a answer values shown
  answer=("\${(@f)$(${quoted(program)} __complete zsh "\${(@Q)words[1,CURRENT-1]}" "=\${(Q)PREFIX}" 2>/dev/null)}")
  for line in "\${(@)answer[2,-1]}"; do
    values+=("\${line%%$'\\t'*}")
    shown+=("\${line%%$'\\t'*}\${\${line#*$'\\t'}:+  -- \${line#*$'\\t'}}")
  done
  (( $#values )) && compadd -l -d shown -a values
  [[ $answer[1] == files ]] && { compset -P '--*='; _files }
}
if [[ $funcstack[1] == _jumpstarter ]]; then
  _jumpstarter "$@"
else
  (( $+functions[compdef] )) || { autoload -Uz compinit && compinit -i }
  compdef _jumpstarter ${names}
fi
`,
  fish: (program) =>
    `# Completion of ${names} in fish: jumpstarter completion fish | source
function __jumpstarter_complete
    set -l token (commandline -ct)
    set -l current (string unescape -- $token; or echo -- $token)
    set -l answer (${quotedFish(program)} __complete fish (commandline -opc) "=$current" 2>/dev/null)
    string join -- \\n $answer[2..-1]
    test "$answer[1]" = files; or return 0
    set -l option (string match -r -- '^--[^=]+=' $token)
    for path in (__fish_complete_path (string replace -r -- '^--[^=]+=' '' $token))
        echo -- "$option$path"
    end
end
for name in ${names}
    complete -c $name -e
    complete -c $name -k -f -a '(__jumpstarter_complete)'
end
`,
  powershell: (program) =>
    `# Completion of ${names} in PowerShell: jumpstarter completion powershell | Out-String | Invoke-Expression
Register-ArgumentCompleter -Native -CommandName ${quotedPowerShell(programNames, ", ")} -ScriptBlock {
    param($wordToComplete, $commandAst, $cursorPosition)
    $words = @($commandAst.CommandElements | Where-Object { $_.Extent.EndOffset -lt $cursorPosition } | ForEach-Object {
        if ($_ -is [System.Management.Automation.Language.StringConstantExpressionAst]) { $_.Value } else { $_.Extent.Text }
    })
    $answer = @(& ${quotedPowerShell(program)} __complete powershell @words "=$wordToComplete" 2>$null)
    # Nothing at all makes PowerShell offer files; an empty text keeps it from that.
    if ($answer.Count -le 1 -and $answer[0] -ne 'files') { return '' }
    $answer | Select-Object -Skip 1 | ForEach-Object {
        $word, $summary = $_ -split "\`t", 2
        if (-not $summary) { $summary = $word }
        [System.Management.Automation.CompletionResult]::new($word, $word, 'ParameterValue', $summary)
    }
}
`,
};

function quoted(words: readonly string[]): string {
  return words.map(shellWord).join(" ");
}

function quotedFish(words: readonly string[]): string {
  return words.map((word) => `'${word.replace(/['\\]/g, "\\$&")}'`).join(" ");
}

function quotedPowerShell(words: readonly string[], between = " "): string {
  return words.map((word) => `'${word.replace(/['‘’‚‛]/g, "$&$&")}'`).join(between);
}
