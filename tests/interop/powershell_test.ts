/**
 * PowerShell's completion script, as far as it can be checked without PowerShell: its grammar. That PowerShell calls it
 * and inserts what it answers is not tested here.
 *
 * @module
 */
import assert from "node:assert/strict";
import { scriptOf } from "../../lib/cli/completion/scripts.ts";
import { pythonPackages } from "./python.ts";

const folder = await pythonPackages("powershell");

/** Prints every place that is not PowerShell. */
const parse = `
import sys, tree_sitter, tree_sitter_powershell as powershell
tree = tree_sitter.Parser(tree_sitter.Language(powershell.language())).parse(sys.argv[1].encode())
def complain(node):
    if node.is_error or node.is_missing: print(node.start_point, node.text.decode())
    for child in node.children: complain(child)
complain(tree.root_node)
`;

async function complaints(script: string): Promise<string> {
  const command = new Deno.Command(`${folder}/bin/python`, { args: ["-c", parse, script] });
  const { success, stdout, stderr } = await command.output();
  assert.ok(success, new TextDecoder().decode(stderr));
  return new TextDecoder().decode(stdout);
}

Deno.test({
  name: "PowerShell's completion script is PowerShell, whatever the program's path is",
  ignore: !folder,
  async fn() {
    assert.equal(await complaints(scriptOf("powershell", ["C:\\Program Files\\it's $here\\jumpstarter.exe"])), "");
    assert.notEqual(await complaints("foreach ($x in { ) {"), "");
  },
});
