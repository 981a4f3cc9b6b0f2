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
  for (const text of ["pi:1", "localhost.example:1", "128.0.0.1:1", "[::2]:1", "0.0.0.0:1"]) {
    assert.ok(!isLocal(parseAddress(text)));
  }
});
