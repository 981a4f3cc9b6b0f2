/**
 * The systemd unit of an exporter. Every directive is systemd.service(5)'s, systemd.exec(5)'s or systemd.unit(5)'s.
 *
 * @module
 */

import { usageError } from "../../core/errors.ts";
import { printableLine } from "../../core/printable.ts";

/** Whose service manager runs the exporter. */
export type Scope = "user" | "system";

/** What a unit is made from. */
export interface UnitOptions {
  readonly scope: Scope;
  /** The exporter's name. */
  readonly name: string;
  /** The words that start the exporter, the program's path first. */
  readonly command: readonly string[];
  /** The folder it runs in. */
  readonly folder: string;
  /** Groups whose devices the drivers open; a user's exporter has those of the user. */
  readonly groups: readonly string[];
  /** It listens on a port below 1024. */
  readonly privilegedPort: boolean;
  /** All drivers are this program's own, so that what they need is known. */
  readonly knownDrivers: boolean;
}

/** The user that runs the exporters of a machine. */
export const serviceUser = "jumpstarter";

/** The name of the unit of an exporter. */
export function unitName(name: string): string {
  return `jumpstarter-${name.replace(/[^\w.-]/g, "-")}.service`;
}

/** What `systemd-sysusers` makes the user from. */
export const sysusers = `# Made by jumpstarter exporter install --system
u ${serviceUser} - "Jumpstarter exporters" /var/lib/jumpstarter
`;

/** The text of the unit. */
export function renderUnit(options: UnitOptions): string {
  const { scope, name, command, folder } = options;
  const network = ["Wants=network-online.target", "After=network-online.target"];
  const sections = {
    Unit: [
      `Description=Jumpstarter exporter ${escape(printableLine(name))}`,
      ...(scope === "system" ? network : []),
      "# A device may come back after any number of failures.",
      "StartLimitIntervalSec=0",
    ],
    Service: [
      "Type=exec",
      `ExecStart=${command.map((word, index) => index === 0 ? quote(word) : quoteArgument(word)).join(" ")}`,
      `WorkingDirectory=${escape(folder)}`,
      "# Waits longer from failure to failure (systemd 254 and newer); a wrong config or option needs a person.",
      "Restart=on-failure",
      "RestartSec=2",
      "RestartSteps=5",
      "RestartMaxDelaySec=60",
      "RestartPreventExitStatus=2",
      "# The exporter closes its drivers, then what they have started ends.",
      "KillMode=mixed",
      "TimeoutStopSec=30",
      ...(scope === "system" ? account(options) : []),
      ...hardening(options),
    ],
    Install: [`WantedBy=${scope === "system" ? "multi-user" : "default"}.target`],
  };
  const text = Object.entries(sections).map(([section, lines]) => `[${section}]\n${lines.join("\n")}\n`).join("\n");
  return `# Made by jumpstarter exporter install --${scope}\n${text}`;
}

function account({ groups, privilegedPort }: UnitOptions): string[] {
  const capabilities = privilegedPort ? "CAP_NET_BIND_SERVICE" : "";
  return [
    `User=${serviceUser}`,
    ...(groups.length > 0 ? [`SupplementaryGroups=${groups.map(escape).join(" ")}`] : []),
    "StateDirectory=jumpstarter",
    "StateDirectoryMode=0700",
    "RuntimeDirectory=jumpstarter",
    "RuntimeDirectoryMode=0700",
    "RuntimeDirectoryPreserve=yes",
    "Environment=HOME=%S/jumpstarter XDG_RUNTIME_DIR=%t/jumpstarter",
    `CapabilityBoundingSet=${capabilities}`,
    ...(privilegedPort ? [`AmbientCapabilities=${capabilities}`] : []),
  ];
}

/**
 * What an exporter can do without. Devices are guarded by the groups alone: a list of devices would lock out an adapter
 * that is plugged in later. Code that is made at run time is what a JavaScript engine lives on, so it stays allowed.
 * A user's manager cannot separate file systems, so a user's unit has fewer of these.
 */
function hardening({ scope, knownDrivers }: UnitOptions): string[] {
  const everywhere = [
    "UMask=0077",
    "NoNewPrivileges=yes",
    "LockPersonality=yes",
    "RestrictRealtime=yes",
    "RestrictSUIDSGID=yes",
    "SystemCallArchitectures=native",
  ];
  const ofSystem = [
    "ProtectSystem=full",
    "ProtectHome=read-only",
    "PrivateTmp=yes",
    "ProtectKernelModules=yes",
    "ProtectKernelLogs=yes",
    "ProtectControlGroups=yes",
    "ProtectHostname=yes",
    "ProtectProc=invisible",
    "RestrictNamespaces=yes",
  ];
  const families = knownDrivers
    ? ["RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK AF_CAN AF_VSOCK"]
    : ["# Kinds of sockets are not restricted: what drivers from files need is not known."];
  return [...everywhere, ...(scope === "system" ? ofSystem : []), ...families];
}

/** A word of a command line behind its program: only there are variables replaced. */
function quoteArgument(word: string): string {
  return quote(word.replaceAll("$", "$$$$"));
}

/** A word of a command line. */
function quote(word: string): string {
  const escaped = escape(word);
  return /^[\w./:=@%+,-]+$/.test(escaped) ? escaped : `"${escaped.replace(/["\\]/g, "\\$&")}"`;
}

/** A value in which `%` stands for itself. @throws {JumpstarterError} for one that would not stay in its line. */
function escape(value: string): string {
  if (/\p{Cc}/u.test(value)) throw usageError(`No unit can have ${JSON.stringify(value)}, with its control characters`);
  return value.replaceAll("%", "%%");
}
