/** Programs of this machine on the D-Bus of another one. @module */
import assert from "node:assert/strict";
import { dbusTest, startBus } from "../dbus.ts";
import { run, startExporter, temporaryFolder } from "./program.ts";

for (const kind of ["session", "system"] as const) {
  dbusTest(`\`dbus\` runs a program whose ${kind} bus is that of the exporter's machine`, async () => {
    await using bus = await startBus();
    using folder = temporaryFolder();
    const file = folder.file(
      "board.yaml",
      `metadata: {name: board}\nexport:\n  bus: {type: dbus-network, config: {kind: ${kind}}}\n  net: {type: echo-network}\n`,
    );
    const env = { [`DBUS_${kind.toUpperCase()}_BUS_ADDRESS`]: bus.unix };
    await using exporter = await startExporter(file, [], { env });
    const nowhere = "unix:path=/nowhere";
    const client = (words: string[]) =>
      run(["client", "--host", exporter.address, ...words], {
        env: { DBUS_SESSION_BUS_ADDRESS: nowhere, DBUS_SYSTEM_BUS_ADDRESS: nowhere },
      });
    // `user` is busctl's word for the session's bus.
    const where = kind === "session" ? "--user" : "--system";
    const listed = await client(["bus", "dbus", "busctl", where, "--no-pager", "list"]);
    assert.equal(listed.code, 0, listed.stderr);
    assert.match(listed.stdout, /^org\.freedesktop\.DBus /m);

    const failed = await client(["bus", "dbus", "sh", "-c", `echo "$DBUS_SESSION_BUS_ADDRESS"; exit 7`]);
    assert.equal(failed.code, 7);
    if (kind === "system") assert.equal(failed.stdout.trim(), nowhere);
    else assert.match(failed.stdout, /^unix:path=.*\/bus$/m);
    // The private folder of the socket has gone with the command.
    if (kind === "session") await assert.rejects(Deno.stat(failed.stdout.trim().replace("unix:path=", "")));

    const other = await client(["net", "dbus", "true"]);
    assert.equal(other.code, 2);
    assert.match(other.stderr, /^Error: This network is no D-Bus$/m);
  });
}
