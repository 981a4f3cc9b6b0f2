import assert from "node:assert/strict";
import { create, type DescMessage, toBinary } from "@bufbuild/protobuf";
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import fc from "fast-check";
import * as ours from "../../lib/wire/exporter_messages.ts";
import type { MessageCodec } from "../../lib/wire/message_codec.ts";
import * as common from "../../lib/wire/messages/jumpstarter/v1/common_pb.ts";
import * as generated from "../../lib/wire/messages/jumpstarter/v1/jumpstarter_pb.ts";
import { text } from "./values.ts";

const plain = { noNullPrototype: true };
const map = fc.dictionary(text(), text(), plain);
const maybe = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined });
const status = fc.integer({ min: 0, max: 9 });

const report = fc.record({
  uuid: text(),
  parentUuid: maybe(text()),
  labels: map,
  description: maybe(text()),
  methodsDescription: map,
}, plain);
const endpoint = fc.record({
  endpoint: text(),
  certificate: text(),
  clientCertificate: text(),
  clientPrivateKey: text(),
}, plain);

/** Each codec with its generated twin and values for both. */
const messages: [codec: MessageCodec<Any>, schema: DescMessage, values: fc.Arbitrary<Any>][] = [
  [ours.driverInstanceReport, generated.DriverInstanceReportSchema, report],
  [ours.endpoint, generated.EndpointSchema, endpoint],
  [
    ours.getReportResponse,
    generated.GetReportResponseSchema,
    fc.record({
      uuid: text(),
      labels: map,
      reports: fc.array(report),
      alternativeEndpoints: fc.array(endpoint),
      motd: text(),
    }, plain),
  ],
  [
    ours.logStreamResponse,
    generated.LogStreamResponseSchema,
    fc.record({
      uuid: text(),
      severity: text(),
      message: text(),
      source: maybe(status),
      driverType: maybe(text()),
      operation: maybe(text()),
      timestamp: maybe(fc.date({ min: new Date(0), max: new Date(2 ** 32 * 1000 - 1), noInvalidDate: true })),
      structuredFields: map,
    }, plain),
  ],
  [
    ours.getStatusResponse,
    generated.GetStatusResponseSchema,
    fc.record({
      status,
      message: maybe(text()),
      statusVersion: fc.integer({ min: 0, max: 2 ** 32 - 1 }),
      previousStatus: maybe(status),
    }, plain),
  ],
  [
    ours.endSessionResponse,
    generated.EndSessionResponseSchema,
    fc.record({ success: fc.boolean(), message: maybe(text()) }, plain),
  ],
];

// deno-lint-ignore no-explicit-any -- the table holds messages of every type
type Any = any;

/** The bytes of a message by protobuf-es, which has a class of its own for times and 64-bit integers. */
function bytesByLibrary(schema: DescMessage, message: Any): Uint8Array {
  const { timestamp, statusVersion, ...rest } = message;
  if (timestamp) rest.timestamp = timestampFromDate(timestamp);
  if (statusVersion !== undefined) rest.statusVersion = BigInt(statusVersion);
  return toBinary(schema, create(schema, rest));
}

for (const [codec, schema, values] of messages) {
  Deno.test(`${schema.name} has every field that the protocol gives it`, () => {
    assert.deepEqual(Object.keys(codec.decode(new Uint8Array())), schema.fields.map((field) => field.localName));
  });

  Deno.test(`${schema.name} is encoded to the same bytes as by protobuf-es, and comes back from them`, () => {
    fc.assert(fc.property(values, (message) => {
      const bytes = bytesByLibrary(schema, message);
      assert.deepEqual(codec.encode(message), bytes);
      assert.deepEqual(codec.decode(bytes), message);
    }));
  });
}

Deno.test("The enums are those of the protocol", () => {
  assert.deepEqual(ours.ExporterStatus, common.ExporterStatus);
  assert.deepEqual(ours.LogSource, common.LogSource);
});

Deno.test("What is not given is absent, and empty where a field knows no absence", () => {
  assert.deepEqual(ours.getReportResponse.encode({}), new Uint8Array());
  assert.deepEqual(ours.getStatusResponse.decode(new Uint8Array()), {
    status: ours.ExporterStatus.UNSPECIFIED,
    message: undefined,
    statusVersion: 0,
    previousStatus: undefined,
  });
});

Deno.test("Fields that are newer than ours are passed over", () => {
  const bytes = Uint8Array.of(0xfa, 0x3f, 1, 0x78, ...ours.endSessionResponse.encode({ success: true }));
  assert.deepEqual(ours.endSessionResponse.decode(bytes), { success: true, message: undefined });
});

Deno.test("Malformed bytes are refused with the message's name", () => {
  assert.throws(() => ours.getReportResponse.decode(Uint8Array.of(0x1a, 4, 0x0a)), {
    code: "internal",
    message: "Malformed GetReportResponse: it is cut short",
  });
});
