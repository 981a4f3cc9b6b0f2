import assert from "node:assert/strict";
import type { ExporterConnection } from "../../lib/client/connection.ts";
import { buildTree, nodeAt, walk } from "../../lib/client/tree.ts";
import type { DriverInstanceReport } from "../../lib/wire/exporter_messages.ts";

/** Carries no calls: these trees are only looked at. */
const silent = { caller: () => ({}) } as unknown as ExporterConnection;

const report = (uuid: string, parentUuid?: string, name?: string, more: Record<string, string> = {}) =>
  ({
    uuid,
    parentUuid,
    labels: { ...(name !== undefined && { "jumpstarter.dev/name": name }), ...more },
    methodsDescription: {},
  }) as DriverInstanceReport;

const build = (...reports: DriverInstanceReport[]) =>
  buildTree({ uuid: "x", labels: {}, reports, alternativeEndpoints: [], motd: "" }, silent);

Deno.test("A child belongs to the latest occurrence of its parent", () => {
  const root = build(
    report("r"),
    report("a", "r", "first"),
    report("b", "a", "x"),
    report("a", "r", "second"),
    report("b", "a", "x"),
    report("c", "b", "deep"),
  );
  assert.deepEqual([...walk(root)].map(({ path, uuid }) => `${path}=${uuid}`), [
    "=r",
    "first=a",
    "first.x=b",
    "second=a",
    "second.x=b",
    "second.x.deep=c",
  ]);
});

Deno.test("A root's parent may be absent or empty, and a child without a name goes by its uuid", () => {
  const root = build(report("r", ""), report("a", "r"));
  assert.deepEqual([root.name, [...root.children.keys()]], ["", ["a"]]);
});

Deno.test("A report that is no tree is refused", () => {
  const malformed = (what: string) => ({ code: "data_loss", message: `The exporter's report makes no tree: ${what}` });
  assert.throws(() => build(), malformed("it has 0 roots instead of one"));
  assert.throws(() => build(report("a"), report("b")), malformed("it has 2 roots instead of one"));
  assert.throws(() => build(report("r"), report("b", "a", "x")), malformed("driver b stands before its parent"));
});

Deno.test("A driver that this program does not know is in the tree, without an interface", () => {
  const root = build(
    report("r"),
    report("a", "r", "lamp", { "jumpstarter.dev/client": "acme.client.LampClient" }),
  );
  assert.equal(nodeAt(root, ["lamp"]).interface, undefined);
  assert.equal(nodeAt(root, []), root);
});

Deno.test("A report with more drivers than there are, or one far below the other, is refused", () => {
  const many = Array.from({ length: 4_096 }, (_, index) => report(`d${index}`, "r", `d${index}`));
  assert.throws(() => build(report("r"), ...many), { code: "data_loss", message: /4097 drivers, more than 4096$/ });
  const chain = Array.from({ length: 65 }, (_, index) => report(`d${index + 1}`, `d${index}`, "x"));
  assert.throws(() => build(report("d0"), ...chain), { code: "data_loss", message: /deeper than 64$/ });
  assert.equal([...walk(build(report("d0"), ...chain.slice(0, 64)))].length, 65);
});
