import assert from "node:assert/strict";
import { type Address, isLocal, parseAddress, renderAddress } from "../../lib/client/address.ts";

const table: [string, Address, string?][] = [
  ["pi:7000", { hostname: "pi", port: 7000 }],
  ["192.0.2.7:1", { hostname: "192.0.2.7", port: 1 }],
  ["[2001:db8::1]:65535", { hostname: "2001:db8::1", port: 65535 }],
  ["::1:7000", { hostname: "::1", port: 7000 }, "[::1]:7000"],
  ["/run/x.sock", { path: "/run/x.sock" }],
  ["./x", { path: "./x" }],
  ["/odd:name:0", { path: "/odd:name:0" }],
];

Deno.test("What ends in a colon and a port is a TCP address, what has a slash a path", () => {
  for (const [text, address, written = text] of table) {
    assert.deepEqual(parseAddress(text), address);
    assert.equal(renderAddress(address), written);
  }
});

Deno.test("The address of a web server is refused with the part of it that is meant", () => {
  for (const text of ["http://pi:7000", "https://pi:7000/x", "grpc+tls://pi:7000"]) {
    assert.throws(() => parseAddress(text), {
      code: "invalid_argument",
      phase: "usage",
      message: `Expected HOST:PORT or the path of a socket, got "${text}"`,
      hint: "--host pi:7000",
    });
  }
});

const sshTable: [string, Address, string?][] = [
  ["ssh://bench", { ssh: { host: "bench" } }],
  ["ssh://bench/", { ssh: { host: "bench" } }, "ssh://bench"],
  ["ssh://pi@bench:2222", { ssh: { host: "bench", user: "pi", port: 2222 } }],
  ["ssh://pi@lab.example@bench", { ssh: { host: "bench", user: "pi@lab.example" } }],
  ["ssh://[2001:db8::1]:22/x.yaml", { ssh: { host: "2001:db8::1", port: 22, config: "/x.yaml" } }],
  ["ssh://[fe80::1%eth0]", { ssh: { host: "fe80::1%eth0" } }],
  ["ssh://bench/etc/a%20b.yaml", { ssh: { host: "bench", config: "/etc/a b.yaml" } }],
  ["ssh://bench/etc/a b?.yaml", { ssh: { host: "bench", config: "/etc/a b?.yaml" } }, "ssh://bench/etc/a%20b%3F.yaml"],
  ["ssh://bench/~/bench.yaml", { ssh: { host: "bench", config: "bench.yaml" } }],
];

Deno.test("ssh:// names a host as ssh does, and the exporter's file there", () => {
  for (const [text, address, written = text] of sshTable) {
    assert.deepEqual(parseAddress(text), address);
    assert.equal(renderAddress(address), written);
    assert.deepEqual(parseAddress(written), address);
  }
});

Deno.test("Nothing in an ssh:// address can be an option of ssh, a command, or a password", () => {
  const texts = [
    "ssh://",
    "ssh:///x.yaml",
    "ssh://-oProxyCommand=id/x",
    "ssh://-v@bench",
    "ssh://bench;id",
    "ssh://$(id)",
    "ssh://`id`@bench",
    "ssh://pi:secret@bench",
    "ssh://bench:0",
    "ssh://bench:70000",
    "ssh://bench:",
    "ssh://[bench]",
    "ssh://::1",
    "ssh://bench/%zz",
    "ssh://bench/a%0Ab",
    "ssh://bench/folder/",
    "ssh://bench\n",
  ];
  for (const text of texts) {
    assert.throws(() => parseAddress(text), {
      code: "invalid_argument",
      phase: "usage",
      message: `Expected ssh://[USER@]HOST[:PORT][/PATH-OF-CONFIG], got ${JSON.stringify(text)}`,
    });
  }
});

Deno.test("Anything else is no address, and a lone name is told a likely one", () => {
  for (const text of ["", "pi", "pi:", "pi:0", "pi:65536", ":7000", "pi:ssh"]) {
    assert.throws(() => parseAddress(text), {
      code: "invalid_argument",
      phase: "usage",
      message: `Expected HOST:PORT or the path of a socket, got ${JSON.stringify(text)}`,
      hint: text === "pi" ? "--host pi:7000" : undefined,
    });
  }
});

Deno.test("Only this machine is local", () => {
  for (const text of ["localhost:1", "127.0.0.1:1", "127.9.9.9:1", "[::1]:1", "/x"]) {
    assert.ok(isLocal(parseAddress(text)));
  }
  for (const text of ["pi:1", "localhost.example:1", "128.0.0.1:1", "[::2]:1", "0.0.0.0:1", "ssh://localhost"]) {
    assert.ok(!isLocal(parseAddress(text)));
  }
});
