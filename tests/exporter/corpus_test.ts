/**
 * What clients have sent, real ones and attackers, whole and damaged, against everything of an exporter that reads the
 * network. `corpus/` holds it in hexadecimal digits, one connection a file; what ever breaks the exporter belongs there.
 *
 * @module
 */
import assert from "node:assert/strict";
import fc from "fast-check";
import { parseAddress } from "../../lib/client/address.ts";
import { ExporterConnection } from "../../lib/client/connection.ts";
import { planDriver } from "../../lib/contract/plan.ts";
import { withLimit } from "../../lib/core/limit.ts";
import { writeAll } from "../../lib/core/pipe.ts";
import { serve } from "../../lib/exporter/listen.ts";
import { Session } from "../../lib/exporter/session.ts";
import { ServerSocket } from "../../lib/exporter/socket.ts";
import { recorder } from "../contract/drivers.ts";
import { folderOf } from "../folder.ts";

const corpus = new Map<string, Uint8Array<ArrayBuffer>>();
for (const { name } of Deno.readDirSync(new URL("corpus", import.meta.url))) {
  const text = Deno.readTextFileSync(new URL(`corpus/${name}`, import.meta.url));
  corpus.set(name.replace(/\.hex$/, ""), Uint8Array.fromHex(text.replace(/\s/g, "")));
}

/** An exporter on a unix socket, and a client that sends whatever it is told. */
async function attacked() {
  await using stack = new AsyncDisposableStack();
  const folder = stack.use(await folderOf());
  const session = stack.use(await Session.open(planDriver("", recorder("probe", []), {})));
  const path = `${folder.path}/socket`;
  const listener = serve(session, new ServerSocket({ path }));
  stack.defer(() => listener.close(0));
  const owned = stack.move();
  return {
    /** Sends bytes in pieces, ends, and waits for the exporter to end the connection. */
    async send(...pieces: Uint8Array[]): Promise<void> {
      using connection = await Deno.connect({ transport: "unix", path });
      const buffer = new Uint8Array(65_536);
      const ended = (async () => {
        while (await connection.read(buffer) !== null);
      })().catch(() => {}); // It may be reset.
      try {
        for (const piece of pieces) await writeAll(connection, naming(session.tree.root.uuid, piece));
        await connection.closeWrite();
      } catch { /* The exporter has ended the connection. */ }
      await withLimit(ended, 5_000, "The end of the connection");
    },
    /** Asks whether the exporter still serves. */
    async check(): Promise<void> {
      await using client = await ExporterConnection.dial(parseAddress(path));
      assert.equal((await client.report()).uuid, session.uuid);
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

/** The same bytes with an existing driver's uuid, so that they get further. */
function naming(uuid: string, bytes: Uint8Array): Uint8Array {
  const text = String.fromCharCode(...bytes);
  const named = text.replace(/[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, uuid);
  return Uint8Array.from(named, (character) => character.charCodeAt(0));
}

for (const [name, bytes] of corpus) {
  Deno.test(`The exporter serves on after the corpus's ${name}, in one piece and byte by byte`, async () => {
    await using exporter = await attacked();
    await exporter.send(bytes);
    await exporter.send(...Array.from(bytes, (byte) => Uint8Array.of(byte)));
    await exporter.check();
  });
}

const member = fc.constantFrom(...corpus.values());

/** What may have happened to a connection's bytes on their way. */
const damage = fc.oneof(
  fc.record({ at: fc.nat(), set: fc.uint8Array({ minLength: 1, maxLength: 4 }) }),
  fc.record({ at: fc.nat(), drop: fc.integer({ min: 1, max: 40 }) }),
  fc.record({ at: fc.nat(), repeat: fc.integer({ min: 1, max: 40 }) }),
  fc.record({ at: fc.nat(), insert: fc.oneof(fc.uint8Array({ maxLength: 40 }), member) }),
);

type Damage = typeof damage extends fc.Arbitrary<infer Value> ? Value : never;

function damaged(bytes: Uint8Array, by: Damage): Uint8Array {
  const at = by.at % (bytes.length + 1);
  const [before, after] = [bytes.subarray(0, at), bytes.subarray(at)];
  if ("set" in by) return Uint8Array.from([...before, ...by.set, ...after.subarray(by.set.length)]);
  if ("drop" in by) return Uint8Array.from([...before, ...after.subarray(by.drop)]);
  if ("repeat" in by) return Uint8Array.from([...before, ...after.subarray(0, by.repeat), ...after]);
  return Uint8Array.from([...before, ...by.insert, ...after]);
}

Deno.test("The exporter serves on whatever becomes of the corpus on its way", async () => {
  await using exporter = await attacked();
  await fc.assert(
    fc.asyncProperty(member, fc.array(damage, { minLength: 1, maxLength: 4 }), async (bytes, damages) => {
      await exporter.send(damages.reduce(damaged, bytes));
      await exporter.check();
    }),
    { numRuns: 500, endOnFailure: true },
  );
});
