/**
 * The messages of ExporterService other than those of driver calls. What they mean is said in
 * proto/jumpstarter/v1/jumpstarter.proto; a test holds the two together.
 *
 * @module
 */
import {
  bool,
  enumeration,
  MessageCodec,
  type MessageOf,
  optional,
  repeated,
  string,
  stringMap,
  timestamp,
  uint,
} from "./message_codec.ts";

/** Where an exporter stands between two leases. */
export enum ExporterStatus {
  UNSPECIFIED = 0,
  OFFLINE = 1,
  AVAILABLE = 2,
  BEFORE_LEASE_HOOK = 3,
  LEASE_READY = 4,
  AFTER_LEASE_HOOK = 5,
  BEFORE_LEASE_HOOK_FAILED = 6,
  AFTER_LEASE_HOOK_FAILED = 7,
}

/** Who wrote a log record. */
export enum LogSource {
  UNSPECIFIED = 0,
  DRIVER = 1,
  BEFORE_LEASE_HOOK = 2,
  AFTER_LEASE_HOOK = 3,
  SYSTEM = 4,
}

/** One node of the driver tree. */
export const driverInstanceReport = new MessageCodec("DriverInstanceReport", {
  uuid: string(1),
  parentUuid: optional(string(2)),
  labels: stringMap(3),
  description: optional(string(4)),
  methodsDescription: stringMap(5),
});
export type DriverInstanceReport = MessageOf<typeof driverInstanceReport>;

/** Another way to an exporter. */
export const endpoint = new MessageCodec("Endpoint", {
  endpoint: string(1),
  certificate: string(2),
  clientCertificate: string(3),
  clientPrivateKey: string(4),
});
export type Endpoint = MessageOf<typeof endpoint>;

/** An exporter and its drivers, depth first. */
export const getReportResponse = new MessageCodec("GetReportResponse", {
  uuid: string(1),
  labels: stringMap(2),
  reports: repeated(3, driverInstanceReport),
  alternativeEndpoints: repeated(4, endpoint),
  motd: string(5),
});
export type GetReportResponse = MessageOf<typeof getReportResponse>;

/** One log record. */
export const logStreamResponse = new MessageCodec("LogStreamResponse", {
  uuid: string(1),
  severity: string(2),
  message: string(3),
  source: optional(enumeration<LogSource>(4)),
  driverType: optional(string(5)),
  operation: optional(string(6)),
  timestamp: timestamp(7),
  structuredFields: stringMap(8),
});
export type LogStreamResponse = MessageOf<typeof logStreamResponse>;

/** Where the exporter stands, with a version that shows missed changes. */
export const getStatusResponse = new MessageCodec("GetStatusResponse", {
  status: enumeration<ExporterStatus>(1),
  message: optional(string(2)),
  statusVersion: uint(3),
  previousStatus: optional(enumeration<ExporterStatus>(4)),
});
export type GetStatusResponse = MessageOf<typeof getStatusResponse>;

/** Whether the session will end. */
export const endSessionResponse = new MessageCodec("EndSessionResponse", {
  success: bool(1),
  message: optional(string(2)),
});
export type EndSessionResponse = MessageOf<typeof endSessionResponse>;
