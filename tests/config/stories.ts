/**
 * Exporter files that are wrong, and what is said about them. The rest of the file is in order each time.
 *
 * @module
 */
import { bundledDrivers } from "../../drivers/table.ts";

/** A file, what lies beside it, and everything that `exporter check` says. */
export interface Story {
  yaml: string;
  beside?: Record<string, string>;
  says: string[];
}

const head = "metadata: {name: bench}\n";

/** A file whose third line begins the config of a network named `net`. */
const net = (config: string) => `${head}export:\n  net:\n    type: tcp-network\n    config:\n${config}`;

/** A file with these lines below `export:`, which is its second line. */
const tree = (lines: string) => `${head}export:\n${lines}`;

const known = `Available: ${Object.keys(bundledDrivers).join(", ")}, or a path such as ./driver.ts`;

/** By name. */
export const stories: Record<string, Story> = {
  "a file that is in order": { yaml: net("      host: 192.0.2.7\n      port: 22\n"), says: [] },
  "a file with anchors and merge keys": {
    yaml: `${head}common: &common {host: 192.0.2.7}\nexport:\n` +
      "  ssh: {type: tcp-network, config: {<<: *common, port: 22}}\n" +
      "  web: {type: tcp-network, config: {<<: *common, port: x}}\n",
    says: [
      '2:1: warning: common: Ignored the unknown key "common"; ' +
      "known keys are apiVersion, kind, metadata, endpoint, token, tls, grpcOptions, description, motd, export, hooks, " +
      "failureDetection, exitOnLeaseEnd",
      '5:56: error: export.web.config.port: Expected an integer, got "x"',
    ],
  },
  "an empty file": {
    yaml: "",
    says: ["1:1: error: metadata.name: Expected a name for the exporter, but it is missing"],
  },
  "a list instead of a mapping": { yaml: "- export\n", says: ["1:1: error: Expected a mapping, got a list"] },
  "text instead of a mapping": { yaml: "export\n", says: ['1:1: error: Expected a mapping, got "export"'] },
  "another kind of file": {
    yaml: `kind: ClientConfig\n${head}`,
    says: ['1:7: error: kind: Expected "ExporterConfig", got "ClientConfig"'],
  },
  "another version of the file": {
    yaml: `apiVersion: jumpstarter.dev/v2\n${head}`,
    says: ['1:13: error: apiVersion: Expected "jumpstarter.dev/v1alpha1", got "jumpstarter.dev/v2"'],
  },
  "bad indentation": {
    yaml: `${head}export:\n  power:\n    type: mock-power\n   config: {}\n`,
    says: ["5:1: error: All mapping items must start at the same column"],
  },
  "tabs": {
    yaml: `${head}export:\n\tpower:\n\t\ttype: mock-power\n`,
    says: ["3:1: error: Tabs are not allowed as indentation", "4:1: error: Tabs are not allowed as indentation"],
  },
  "a bracket that is never closed": {
    yaml: `${head}export: {power: {type: mock-power}\n`,
    says: ["3:1: error: Flow map in block collection must be sufficiently indented and end with a }"],
  },
  "the same key twice": {
    yaml: tree("  power: {type: mock-power}\n  net: {type: echo-network}\n  power: {type: mock-power}\n"),
    says: ["5:3: error: Map keys must be unique"],
  },
  "an unknown tag": {
    yaml: tree("  power:\n    type: !python/name mock-power\n"),
    says: ["4:11: error: Unresolved tag: !python/name"],
  },
  "several documents": {
    yaml: `${head}---\n${head}`,
    says: ["2:1: error: Expected one document, got several"],
  },
  "aliases that multiply": {
    yaml: `${head}a: &a [x, x, x, x, x, x, x, x, x, x]\n` +
      [..."bcdefgh"].map((name, at) => `${name}: &${name} [${Array(10).fill(`*${"abcdefg"[at]}`)}]\n`).join(""),
    says: ["1:1: error: Excessive alias count indicates a resource exhaustion attack"],
  },
  "an unknown alias": {
    yaml: tree("  power: *gone\n"),
    says: ["3:10: error: There is no anchor &gone before this alias"],
  },
  "an unknown driver": {
    yaml: tree("  power: {type: moc-power}\n  net: {type: acme}\n"),
    says: [
      `3:17: error: export.power.type: Driver "moc-power" is not known; did you mean "mock-power"? ${known}`,
      `4:15: error: export.net.type: Driver "acme" is not known; ${known}`,
    ],
  },
  "an unknown Python class": {
    yaml: tree("  power: {type: jumpstarter_driver_power.driver.MockPowr}\n"),
    says: [
      '3:17: error: export.power.type: Driver "jumpstarter_driver_power.driver.MockPowr" is not known; ' +
      `did you mean "jumpstarter_driver_power.driver.MockPower"? ${known}`,
    ],
  },
  "an unknown key in a driver's config": {
    yaml: net("      host: a\n      port: 22\n      hots: b\n      colour: red\n"),
    says: [
      '8:7: error: export.net.config.hots: Unknown key "hots"; did you mean "host"? Available: host, port, enable_address',
      '9:7: error: export.net.config.colour: Unknown key "colour"; Available: host, port, enable_address',
    ],
  },
  "a key for a driver that takes none": {
    yaml: tree("  power: {type: mock-power, config: {outlet: 1}}\n"),
    says: ['3:38: error: export.power.config.outlet: Unknown key "outlet"; none is expected here'],
  },
  "a value of the wrong type": {
    yaml: net("      host: a\n      port: twenty-two\n"),
    says: ['7:13: error: export.net.config.port: Expected an integer, got "twenty-two"'],
  },
  "a value out of its range": {
    yaml: net("      host: a\n      port: 70000\n"),
    says: ["7:13: error: export.net.config.port: Expected at most 65535, got 70000"],
  },
  "a required key that is missing": {
    yaml: net("      port: 22\n"),
    says: ["5:5: error: export.net.config.host: Expected text, but it is missing"],
  },
  "a config that is missing": {
    yaml: tree("  net: {type: unix-network}\n"),
    says: ["3:3: error: export.net.config.path: Expected text, but it is missing"],
  },
  "a word that is none of the allowed ones": {
    yaml: tree("  board: {type: simulated-board, config: {initial_power: onn}}\n"),
    says: [
      '3:58: error: export.board.config.initial_power: Expected one of "on", "off", got "onn"; did you mean "on"?',
    ],
  },
  "a driver's own complaint": {
    yaml: tree("  console: {type: serial, config: {url: socket://bench}}\n"),
    says: ["3:41: error: export.console.config.url: Expected socket://HOST:PORT, got socket://bench"],
  },
  "a reference to nothing": {
    yaml: tree("  board: {type: simulated-board}\n  power: {ref: board.pwoer}\n"),
    says: [
      '4:16: error: export.power.ref: Proxy driver "power" references nonexistent driver "board.pwoer": ' +
      'there is no "pwoer"; did you mean "power"?',
    ],
  },
  "a reference to itself": {
    yaml: tree("  power: {ref: power}\n"),
    says: ['3:16: error: export.power.ref: Proxy "power" leads back to itself: power → power'],
  },
  "references in a circle": {
    yaml: tree("  a: {ref: b}\n  b: {ref: a}\n"),
    says: [
      '3:12: error: export.a.ref: Proxy "a" leads back to itself: b → a → b',
      '4:12: error: export.b.ref: Proxy "b" leads back to itself: a → b → a',
    ],
  },
  "a reference to what holds it": {
    yaml: tree("  all:\n    children:\n      me: {ref: all}\n"),
    says: ['5:17: error: export.all.children.me.ref: Proxy "me" leads to "all", which holds the proxy itself'],
  },
  "a reference to a driver that is wrong itself": {
    yaml: tree("  all:\n    children: {net: {type: tcp-network, config: {host: a, port: x}}}\n  net: {ref: all.net}\n"),
    says: ['4:65: error: export.all.children.net.config.port: Expected an integer, got "x"'],
  },
  "a name with a dot": {
    yaml: tree("  power.main: {type: mock-power}\n"),
    says: ['3:3: error: export.power.main: Expected a name without dots and spaces, got "power.main"'],
  },
  "a type that is no text": {
    yaml: tree("  power: {type: [mock-power]}\n"),
    says: ["3:17: error: export.power.type: Expected text, got a list"],
  },
  "a driver that is no mapping": {
    yaml: tree("  power: mock-power\n"),
    says: ['3:10: error: export.power: Expected a mapping, got "mock-power"'],
  },
  "a child that the driver makes itself": {
    yaml: tree("  board:\n    type: simulated-board\n    children:\n      power: {type: mock-power}\n"),
    says: [
      '6:7: error: export.board.children.power: The driver simulated-board makes its child "power" itself; ' +
      "choose another name",
    ],
  },
  "one uuid for two drivers": {
    yaml: tree(
      "  a: {type: mock-power, config: {uuid: 6f9619ff-8b86-4d01-b42d-00cf4fc964ff}}\n" +
        "  b: {type: mock-power, config: {uuid: 6f9619ff-8b86-4d01-b42d-00cf4fc964ff}}\n",
    ),
    says: ["4:40: error: export.b.config.uuid: The driver at exporter.yaml:3:3 has this uuid already"],
  },
  "a wrong uuid and a wrong log level": {
    yaml: tree("  a: {type: mock-power, config: {uuid: 5, log_level: chatty}}\n"),
    says: [
      '3:40: warning: export.a.config.uuid: Took 5 as "5"',
      '3:54: error: export.a.config.log_level: Expected one of "debug", "info", "warning", "error", "critical", ' +
      'got "chatty"',
      "3:40: error: export.a.config.uuid: Expected a UUID, got 5",
    ],
  },
  "everything at once": {
    yaml: tree("  a: {type: moc-power}\n  b: {type: tcp-network, config: {host: 5}}\n  c: {ref: d}\n"),
    says: [
      `3:13: error: export.a.type: Driver "moc-power" is not known; did you mean "mock-power"? ${known}`,
      '4:41: warning: export.b.config.host: Took 5 as "5"',
      "4:26: error: export.b.config.port: Expected an integer, but it is missing",
      '5:12: error: export.c.ref: Proxy driver "c" references nonexistent driver "d": there is no "d"',
    ],
  },
  "a type that names no file": {
    yaml: tree("  relay: {type: ./relay.ts}\n"),
    says: ["3:17: error: export.relay.type: There is no driver module at FOLDER/relay.ts"],
  },
  "a module without a driver": {
    yaml: tree("  a: {type: ./empty.ts}\n  b: {type: ./other.js}\n"),
    beside: { "empty.ts": "export const driver = 5;\n", "other.js": "export default { name: 'x' };\n" },
    says: [
      "3:13: error: export.a.type: The module ./empty.ts does not export a driver as its default; export default defineDriver({ … })",
      "4:13: error: export.b.type: The module ./other.js does not export a driver as its default; export default defineDriver({ … })",
    ],
  },
  "a module that throws": {
    yaml: tree("  a: {type: ./broken.ts}\n"),
    beside: { "broken.ts": 'throw new Error("Not today");\n' },
    says: [
      "3:13: error: export.a.type: The driver module ./broken.ts cannot be loaded: Not today at file://FOLDER/broken.ts:1:7",
    ],
  },
  "an address that a driver cannot be loaded from": {
    yaml: tree("  a: {type: 'npm:acme-relay'}\n"),
    says: ['3:13: error: export.a.type: This version loads drivers from files only, got "npm:acme-relay"'],
  },
  "an unknown key at the top and in a driver": {
    yaml: `${head}exprt: {}\nexport:\n  power: {type: mock-power, descripton: x}\n`,
    says: [
      '2:1: warning: exprt: Ignored the unknown key "exprt"; did you mean "export"?',
      '4:29: warning: export.power.descripton: Ignored the unknown key "descripton"; did you mean "description"?',
    ],
  },
  "a number in quotes": {
    yaml: net('      host: a\n      port: "22"\n'),
    says: ['7:13: warning: export.net.config.port: Took "22" as 22'],
  },
  "a number in quotes that is out of its range": {
    yaml: net('      host: a\n      port: "70000"\n'),
    says: [
      '7:13: warning: export.net.config.port: Took "70000" as 70000',
      '7:13: error: export.net.config.port: Expected at most 65535, got "70000"',
    ],
  },
  "a boolean of YAML 1.1": {
    yaml: net("      host: a\n      port: 22\n      enable_address: no\n"),
    says: ['8:23: warning: export.net.config.enable_address: Took "no" as false'],
  },
  "a secret without quotes": {
    yaml: `${head}token: 012345\n`,
    says: [
      "2:8: warning: Python reads this as an octal number; write it without the zero, or in quotes",
      "2:8: warning: token: Took a number as text",
    ],
  },
  "an octal number": {
    yaml: net("      host: a\n      port: 022\n"),
    says: ["7:13: warning: Python reads 022 as an octal number; write it without the zero, or in quotes"],
  },
  "a number to the base 60": {
    yaml: net("      host: 12:30:45\n      port: 22\n"),
    says: ["6:13: warning: Python reads 12:30:45 as a number to the base 60; write it in quotes"],
  },
  "an unquoted on as a key": {
    yaml: tree("  power: {type: mock-power, methods_description: {on: Start, off: Stop}}\n"),
    says: [
      '3:51: warning: Python reads the unquoted key on as a boolean; write "on"',
      '3:62: warning: Python reads the unquoted key off as a boolean; write "off"',
    ],
  },
  "a wrong hook": {
    yaml: `${head}hooks:\n  beforeLease: {script: j power on, timeout: soon, onFailure: panic}\n`,
    says: [
      '3:46: error: hooks.beforeLease.timeout: Expected an integer, got "soon"',
      '3:63: error: hooks.beforeLease.onFailure: Expected one of "warn", "endLease", "exit", got "panic"',
    ],
  },
};
