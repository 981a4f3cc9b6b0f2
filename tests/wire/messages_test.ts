import assert from "node:assert/strict";
import { create, createRegistry, fromBinary, toBinary } from "@bufbuild/protobuf";
import { TimestampSchema } from "@bufbuild/protobuf/wkt";
import { file_jumpstarter_client_v1_client } from "../../lib/wire/messages/jumpstarter/client/v1/client_pb.ts";
import { ExporterStatus, LogSource } from "../../lib/wire/messages/jumpstarter/v1/common_pb.ts";
import {
  DriverInstanceReportSchema,
  file_jumpstarter_v1_jumpstarter,
  GetReportResponseSchema,
  GetStatusResponseSchema,
  LogStreamResponseSchema,
} from "../../lib/wire/messages/jumpstarter/v1/jumpstarter_pb.ts";
import { file_jumpstarter_v1_router, FrameType } from "../../lib/wire/messages/jumpstarter/v1/router_pb.ts";
import { file_jumpstarter_v1_telemetry } from "../../lib/wire/messages/jumpstarter/v1/telemetry_pb.ts";

const types = createRegistry(
  file_jumpstarter_v1_jumpstarter,
  file_jumpstarter_v1_router,
  file_jumpstarter_v1_telemetry,
  file_jumpstarter_client_v1_client,
);

Deno.test("The services and their methods are those of the protocol", () => {
  const methods = [...types].filter((type) => type.kind === "service").map((service) =>
    `${service.typeName}: ${service.methods.map(({ name, methodKind }) => `${name} ${methodKind}`).join(", ")}`
  );
  assert.deepEqual(methods.sort(), [
    "jumpstarter.client.v1.ClientService: GetExporter unary, ListExporters unary, GetLease unary, ListLeases unary, " +
    "CreateLease unary, UpdateLease unary, DeleteLease unary, RotateToken unary",
    "jumpstarter.v1.ControllerService: Register unary, Unregister unary, ReportStatus unary, Listen server_streaming, " +
    "Status server_streaming, Dial unary, GetLease unary, RequestLease unary, ReleaseLease unary, ListLeases unary, " +
    "GetServiceEndpoints unary",
    "jumpstarter.v1.ExporterService: GetReport unary, DriverCall unary, StreamingDriverCall server_streaming, " +
    "LogStream server_streaming, Reset unary, GetStatus unary, EndSession unary",
    "jumpstarter.v1.RouterService: Stream bidi_streaming",
    "jumpstarter.v1.TelemetryService: PushLogs unary",
  ]);
});

Deno.test("The numbers of the enums are those of the protocol", () => {
  assert.deepEqual(names(ExporterStatus), [
    "UNSPECIFIED",
    "OFFLINE",
    "AVAILABLE",
    "BEFORE_LEASE_HOOK",
    "LEASE_READY",
    "AFTER_LEASE_HOOK",
    "BEFORE_LEASE_HOOK_FAILED",
    "AFTER_LEASE_HOOK_FAILED",
  ]);
  assert.deepEqual(names(LogSource), ["UNSPECIFIED", "DRIVER", "BEFORE_LEASE_HOOK", "AFTER_LEASE_HOOK", "SYSTEM"]);
  assert.deepEqual(
    [FrameType.DATA, FrameType.RST_STREAM, FrameType.PING, FrameType.GOAWAY],
    [0, 3, 6, 7],
  );

  /** By number, counted from 0. */
  function names(enumeration: Record<string | number, string | number>): (string | number)[] {
    return Array.from({ length: Object.keys(enumeration).length / 2 }, (_, number) => enumeration[number]);
  }
});

Deno.test("DriverInstanceReport keeps fields 6 and 7 free for upstream's next version", () => {
  const { reservedRange } = DriverInstanceReportSchema.proto;
  assert.deepEqual(reservedRange.flatMap(({ start, end }) => [start, end]), [6, 7, 7, 8]);
});

Deno.test("A report comes back from its bytes with absent and empty fields told apart", () => {
  const report = create(GetReportResponseSchema, {
    uuid: "e",
    labels: { "jumpstarter.dev/name": "bench" },
    reports: [
      { uuid: "root" },
      {
        uuid: "child",
        parentUuid: "root",
        labels: { a: "b" },
        description: "",
        methodsDescription: { on: "Turns on" },
      },
    ],
  });
  const back = fromBinary(GetReportResponseSchema, toBinary(GetReportResponseSchema, report));
  assert.deepEqual(back, report);
  assert.deepEqual(back.reports.map(({ parentUuid, description }) => [parentUuid, description]), [
    [undefined, undefined],
    ["root", ""],
  ]);
});

Deno.test("A status without a previous one differs from one after UNSPECIFIED", () => {
  const first = create(GetStatusResponseSchema, { status: ExporterStatus.AVAILABLE });
  const later = create(GetStatusResponseSchema, { statusVersion: 2n, previousStatus: ExporterStatus.UNSPECIFIED });
  for (const status of [first, later]) {
    assert.deepEqual(fromBinary(GetStatusResponseSchema, toBinary(GetStatusResponseSchema, status)), status);
  }
});

Deno.test("A log record from an exporter that is newer than ours is still read", () => {
  const record = create(LogStreamResponseSchema, {
    severity: "INFO",
    message: "ready",
    timestamp: create(TimestampSchema, { seconds: 1n }),
  });
  const fromTheFuture = Uint8Array.of(...toBinary(LogStreamResponseSchema, record), 0xfa, 0x3f, 1, 0x78);
  const { severity, message } = fromBinary(LogStreamResponseSchema, fromTheFuture);
  assert.deepEqual({ severity, message }, { severity: "INFO", message: "ready" });
});
