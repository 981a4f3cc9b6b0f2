/** What an exporter may have this machine run as ssh. Its answer is another machine's: it must not choose programs. @module */
import { JumpstarterError } from "../core/errors.ts";
import { splitWords } from "../core/words.ts";

/**
 * Options of ssh without a value, and those whose value is no program and no file that is written. None of them lends the
 * device anything of this machine: an agent, credentials, a display.
 */
const flags = /^-[46aCGgkNnqsTtVvxy]+$/;
const flagsWithValue = /^-[46aCGgkNnqsTtVvxy]*[bBceJlmp](.*)$/s;

/** Settings of ssh (`-o`) of that kind, by their names in lower case. */
const settings = new Set(
  ("addressfamily batchmode bindaddress checkhostip ciphers compression connectionattempts connecttimeout " +
    "gssapiauthentication hostbasedauthentication hostkeyalgorithms " +
    "hostkeyalias identitiesonly kbdinteractiveauthentication kexalgorithms loglevel macs numberofpasswordprompts " +
    "passwordauthentication port preferredauthentications pubkeyacceptedalgorithms pubkeyacceptedkeytypes " +
    "pubkeyauthentication rekeylimit requesttty serveralivecountmax serveraliveinterval setenv stricthostkeychecking " +
    "tcpkeepalive updatehostkeys user verifyhostkeydns").split(" "),
);

/** The variable by which a user lets exporters choose the program. */
const variable = "JUMPSTARTER_SSH_COMMAND";

/**
 * The words of the ssh command that an exporter gives.
 *
 * @throws {JumpstarterError} `permission_denied` for another program than ssh, and for options by which ssh runs
 * programs, loads libraries, writes files or lends what is this user's, unless the user lets exporters do so.
 */
export function sshWords(line: string): string[] {
  const words = splitWords(line);
  if (Deno.env.get(variable) === "any") return words;
  const [program, ...options] = words;
  if (!/^(?:\/usr(?:\/local)?\/bin\/)?ssh$/.test(program ?? "")) throw refused(program ?? "nothing");
  for (let at = 0; at < options.length; at++) {
    const word = options[at];
    if (flags.test(word)) continue;
    const [, attached] = flagsWithValue.exec(word) ?? [];
    if (attached !== undefined) {
      if (attached === "") at++;
      continue;
    }
    const setting = word === "-o" ? options[++at] ?? "" : /^-o(.+)$/s.exec(word)?.[1];
    if (setting === undefined || !isHarmless(setting)) throw refused(setting ?? word);
  }
  return words;
}

/** A host or user as a word that ssh cannot take for an option. */
export function operand(word: string): string {
  if (/^[^-\s][^\s]*$/.test(word)) return word;
  throw new JumpstarterError("permission_denied", `The exporter names ${JSON.stringify(word)}, which ssh must not get`);
}

function isHarmless(setting: string): boolean {
  const [, name, value] = /^\s*(\w+)\s*[=\s]\s*(.*)$/s.exec(setting) ?? [];
  // Keys of hosts are written there.
  if (/^(?:user|global)knownhostsfile$/i.test(name ?? "")) return /^(?:\/dev\/null|none)$/.test(value);
  return settings.has(name?.toLowerCase() ?? "");
}

function refused(what: string): JumpstarterError {
  return new JumpstarterError(
    "permission_denied",
    `The exporter's ssh command has ${JSON.stringify(what)}, by which it could do more on this machine than log in`,
    { hint: `${variable}=any in the environment, where you trust the exporter; or forward-tcp and an ssh of your own` },
  );
}
