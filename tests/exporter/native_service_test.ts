import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import assert from "node:assert/strict";
import * as z from "zod";
import { defineInterface } from "../../lib/contract/interface.ts";
import { unary } from "../../lib/contract/method.ts";
import { planDriver } from "../../lib/contract/plan.ts";
import {
  ServerReflectionRequestSchema,
  ServerReflectionResponseSchema,
} from "../../lib/wire/messages/grpc/reflection/v1/reflection_pb.ts";
import { describe } from "../../lib/wire/native/description.ts";
import { descriptorOf } from "../../lib/wire/native/descriptor.ts";
import { reflectionPaths } from "../../lib/wire/native/paths.ts";
import { dataFrameHead, decodeStreamFrame } from "../../lib/wire/stream_frame.ts";
import { group, opener, probe, probeMethods, recorder } from "../contract/drivers.ts";
import { type Wired, wired } from "./wired.ts";

const { methods } = descriptorOf(describe(probe));
const service = "/jumpstarter.interfaces.probe.v1.ProbeInterface";
const uuidOf = ({ session }: Wired, path: string) =>
  [...session.tree.byUuid.values()].find((driver) => driver.path === path)!.uuid;

/** Metadata that names a driver. */
const meaning = (uuid: string) => ({ "x-jumpstarter-driver-uuid": uuid });

/** Sums natively. */
async function add({ rpc }: Wired, request: Record<string, unknown>, metadata?: Record<string, string>) {
  const { input, output } = methods.get("Add")!;
  const bytes = await rpc.unary(`${service}/Add`, toBinary(input, create(input, request)), { metadata });
  return (fromBinary(output, bytes) as unknown as { value: number }).value;
}

const two = () => group("", planDriver("one", recorder("one", []), {}), planDriver("two", recorder("two", []), {}));

Deno.test("A unary method is called natively, with the defaults of what is left out", async () => {
  await using wire = await wired(planDriver("", recorder("probe", []), {}));
  assert.equal(await add(wire, { a: 2n, b: 3n }), 5);
  assert.equal(await add(wire, { a: 2n }), 3);
  assert.equal(await add(wire, { a: 2n, b: 0n }), 2);
});

Deno.test("The driver is chosen by the header; it may be left out where there is one only", async () => {
  await using wire = await wired(two());
  const [one, second] = [uuidOf(wire, "one"), uuidOf(wire, "two")];
  assert.equal(await add(wire, { a: 2n }, meaning(second)), 3);
  await assert.rejects(add(wire, { a: 2n }), {
    code: "invalid_argument",
    message: "Several drivers offer jumpstarter.interfaces.probe.v1.ProbeInterface; " +
      `set x-jumpstarter-driver-uuid to ${one} for "one", ${second} for "two"`,
  });
  await assert.rejects(add(wire, { a: 2n }, meaning("nobody")), {
    code: "not_found",
    message: 'There is no driver with the uuid "nobody"',
  });
  await assert.rejects(add(wire, { a: 2n }, meaning(wire.session.tree.root.uuid)), {
    code: "invalid_argument",
    message: "the root does not offer jumpstarter.interfaces.probe.v1.ProbeInterface",
  });
});

Deno.test("A server streaming method yields its values natively, and stops with its caller", async () => {
  await using wire = await wired(planDriver("", recorder("probe", []), {}));
  const { input, output } = methods.get("CountTo")!;
  const stream = wire.rpc.stream(`${service}/CountTo`);
  await stream.send(toBinary(input, create(input, { end: 3n })));
  stream.closeSend();
  const values: unknown[] = [];
  for (let message = await stream.receive(); message; message = await stream.receive()) {
    values.push((fromBinary(output, message) as unknown as { value: bigint }).value);
  }
  assert.deepEqual(values, [1n, 2n, 3n]);
});

Deno.test("A byte stream carries bytes natively, and ends with the device's output", async () => {
  await using wire = await wired(planDriver("", recorder("probe", []), {}));
  const stream = wire.rpc.stream(`${service}/Connect`);
  await stream.headers;
  await stream.send(dataFrameHead(3), new Uint8Array([1, 2, 3]));
  assert.deepEqual([...decodeStreamFrame((await stream.receive())!).payload], [1, 2, 3]);
  stream.closeSend();
  assert.equal(await stream.receive(), undefined);
});

Deno.test("What is wrong with a native call is told with its code", async () => {
  const failing = opener(() => ({
    ...probeMethods,
    add: () => {
      throw new Deno.errors.ConnectionRefused("The relay is gone");
    },
  }), { implements: probe });
  await using wire = await wired(planDriver("", failing, {}));
  await assert.rejects(add(wire, { a: 2n }), { code: "unavailable", message: "The relay is gone" });
  const call = (method: string, bytes: Uint8Array) => wire.rpc.unary(`${service}/${method}`, bytes);
  await assert.rejects(call("Fail", new Uint8Array()), { code: "unimplemented" });
  await assert.rejects(call("Explode", new Uint8Array()), {
    code: "unimplemented",
    message: `There is no method ${service}/Explode`,
  });
  await assert.rejects(call("Add", new Uint8Array([0xff])), {
    code: "invalid_argument",
    message: /^Expected a message jumpstarter\.interfaces\.probe\.v1\.AddRequest: /,
  });
});

Deno.test("Where two interfaces have one name, the first keeps the service and the log says so", async () => {
  const other = defineInterface({
    name: "probe",
    summary: "Not the same",
    pythonClients: [],
    methods: { ask: unary("Ask", { result: z.string() }) },
  });
  const second = opener(() => ({ ask: () => "no" }), { implements: other });
  await using wire = await wired(
    group("", planDriver("one", recorder("one", []), {}), planDriver("two", second, {})),
  );
  assert.equal(await add(wire, { a: 2n }), 3);
  const { value: record } = await wire.session.hub.subscribe(new AbortController().signal).next();
  assert.equal(record!.message, "no native service");
  assert.equal(record!.fields.error, "Another interface is called probe as well");
});

for (const path of reflectionPaths) {
  Deno.test(`Reflection at ${path} lists the services that are there, and shows their files`, async () => {
    await using wire = await wired(planDriver("", recorder("probe", []), {}));
    const stream = wire.rpc.stream(path);
    type Question = Parameters<typeof create<typeof ServerReflectionRequestSchema>>[1];
    const ask = async (question: Question) => {
      await stream.send(
        toBinary(ServerReflectionRequestSchema, create(ServerReflectionRequestSchema, question)),
      );
      const { messageResponse } = fromBinary(ServerReflectionResponseSchema, (await stream.receive())!);
      return messageResponse;
    };
    const services = await ask({ messageRequest: { case: "listServices", value: "" } });
    assert.ok(services.case === "listServicesResponse");
    assert.deepEqual(services.value.service.map(({ name }) => name), [
      "grpc.reflection.v1.ServerReflection",
      "grpc.reflection.v1alpha.ServerReflection",
      "jumpstarter.interfaces.probe.v1.ProbeInterface",
      "jumpstarter.v1.ExporterService",
      "jumpstarter.v1.RouterService",
    ]);
    for (const { name } of services.value.service) {
      for (const value of [name, `${name}.${name.endsWith("ProbeInterface") ? "Add" : ""}`.replace(/\.$/, "")]) {
        const file = await ask({ messageRequest: { case: "fileContainingSymbol", value } });
        assert.equal(file.case, "fileDescriptorResponse", `${value}: ${JSON.stringify(file.value)}`);
      }
    }
    const nothing = await ask({ messageRequest: { case: "fileContainingSymbol", value: "acme.Nothing" } });
    assert.ok(nothing.case === "errorResponse");
    assert.deepEqual([nothing.value.errorCode, nothing.value.errorMessage], [5, "There is no acme.Nothing"]);
    stream.closeSend();
    assert.equal(await stream.receive(), undefined);
  });
}
