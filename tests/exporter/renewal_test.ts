import assert from "node:assert/strict";
import { parseAddress } from "../../lib/client/address.ts";
import { ExporterConnection } from "../../lib/client/connection.ts";
import { planDriver } from "../../lib/contract/plan.ts";
import { serve } from "../../lib/exporter/listen.ts";
import { Session } from "../../lib/exporter/session.ts";
import { ServerSocket } from "../../lib/exporter/socket.ts";
import { fromFiles } from "../../lib/wire/tls/identity.ts";
import { testAuthority } from "../certificates.ts";
import { recorder } from "../contract/drivers.ts";
import { folderOf } from "../folder.ts";

Deno.test("A certificate is renewed on the port while it is served, and connections that are there stay", async () => {
  using folder = await folderOf();
  const before = await testAuthority(folder.path, "before");
  const after = await testAuthority(folder.path, "after");
  const files = await before.issue("leaf", ["127.0.0.1"]);
  await using session = await Session.open(planDriver("", recorder("probe", []), {}));
  const identity = fromFiles(files.cert, files.key);
  const listener = serve(session, new ServerSocket({ hostname: "127.0.0.1", port: 0, identity }));
  await using _closing = { [Symbol.asyncDispose]: () => listener.close(0) };
  const dial = (tlsCa: string) => ExporterConnection.dial(parseAddress(listener.address), { tlsCa });

  await using old = await dial(before.ca);
  await old.report();
  await listener.renew();
  await using same = await dial(before.ca);
  await same.report();

  const next = await after.issue("next", ["127.0.0.1"]);
  Deno.copyFileSync(next.cert, files.cert);
  await listener.renew();
  await using kept = await dial(before.ca);
  await kept.report();

  Deno.copyFileSync(next.key, files.key);
  await listener.renew();
  await using renewed = await dial(after.ca);
  await renewed.report();
  await old.report();
  await assert.rejects(dial(before.ca), /comes from an unknown authority/);
});
