/** `jumpstarter.v1.ExporterService`: report, calls, log and status of a session. @module */
import { dispatchStreaming, dispatchUnary } from "../contract/dispatch.ts";
import type { Call } from "../contract/method.ts";
import { fieldText, type LogRecord } from "../core/log.ts";
import { Turn } from "../core/turn.ts";
import { decodeDriverCallRequest, encodeDriverCallResponse } from "../wire/driver_call.ts";
import {
  endSessionResponse,
  getReportResponse,
  getStatusResponse,
  LogSource,
  type LogStreamResponse,
  logStreamResponse,
} from "../wire/exporter_messages.ts";
import { oneMessage } from "../wire/rpc/one_message.ts";
import type { Handler, ServerStream } from "../wire/rpc/types.ts";
import { reportTree } from "./report.ts";
import { reported } from "./reported.ts";
import type { Session } from "./session.ts";

/** The service's handlers by path. `Reset` is not among them: nobody implements it. */
export function exporterService(session: Session): [string, Handler][] {
  const unary = (handle: Extract<Handler, { kind: "unary" }>["handle"]): Handler => ({ kind: "unary", handle });
  const streaming = (handle: (stream: ServerStream) => Promise<void>): Handler => ({ kind: "streaming", handle });
  const methods: Record<string, Handler> = {
    GetReport: unary(() => getReport(session)),
    DriverCall: unary((request, call) => driverCall(session, request, call)),
    StreamingDriverCall: streaming((stream) => streamingDriverCall(session, stream)),
    LogStream: streaming((stream) => logStream(session, stream)),
    GetStatus: unary(() => getStatus(session)),
    EndSession: unary(() => endSession()),
  };
  return Object.entries(methods).map(([name, handler]) => [`/jumpstarter.v1.ExporterService/${name}`, handler]);
}

function getReport(session: Session): Uint8Array {
  return getReportResponse.encode({
    uuid: session.uuid,
    labels: session.name === undefined ? {} : { "jumpstarter.dev/name": session.name },
    reports: reportTree(session.tree),
    motd: session.motd,
  });
}

async function driverCall(session: Session, bytes: Uint8Array, { signal, connection }: Call): Promise<Uint8Array> {
  const { uuid, method, args } = decodeDriverCallRequest(bytes);
  const driver = session.driver(uuid);
  try {
    return response(await dispatchUnary(driver, method, [...args], { signal, connection }));
  } catch (error) {
    throw reported(driver, method, error);
  }
}

async function streamingDriverCall(session: Session, stream: ServerStream): Promise<void> {
  const { uuid, method, args } = decodeDriverCallRequest(await oneMessage(stream));
  const driver = session.driver(uuid);
  const { signal, connection } = stream;
  const turn = new Turn();
  try {
    for await (const value of dispatchStreaming(driver, method, [...args], { signal, connection })) {
      // Asked only when it is there: a promise for every value would cost more than the value.
      const room = stream.send(response(value)) ?? turn.over();
      if (room) await room;
    }
  } catch (error) {
    throw reported(driver, method, error);
  }
}

async function logStream(session: Session, stream: ServerStream): Promise<void> {
  stream.sendHeaders();
  for await (const record of session.hub.subscribe(stream.signal)) {
    await stream.send(logStreamResponse.encode(logMessage(record)));
  }
}

function getStatus({ status }: Session): Uint8Array {
  const { current, previous, message, version } = status;
  return getStatusResponse.encode({ status: current, previousStatus: previous, message, statusVersion: version });
}

/** Without a lease there is nothing to end: the session lasts as long as the exporter. */
function endSession(): Uint8Array {
  return endSessionResponse.encode({ success: false, message: "This session has no lease that could end" });
}

/** Uuids of answers mean nothing, but upstream sends one with each. */
const answerUuid = crypto.randomUUID();

function response(result: unknown): Uint8Array {
  return encodeDriverCallResponse({ uuid: answerUuid, result });
}

const severities = { debug: "DEBUG", info: "INFO", warn: "WARNING", error: "ERROR" } as const;

const sources = {
  driver: LogSource.DRIVER,
  before_lease_hook: LogSource.BEFORE_LEASE_HOOK,
  after_lease_hook: LogSource.AFTER_LEASE_HOOK,
  system: LogSource.SYSTEM,
} as const;

function logMessage({ level, message, source, time, fields }: LogRecord): Partial<LogStreamResponse> {
  const { driver_type: driverType, operation, ...rest } = fields;
  const others = Object.entries(rest).filter(([, value]) => value !== undefined);
  return {
    severity: severities[level],
    message,
    source: sources[source],
    driverType: driverType as string | undefined,
    operation: operation as string | undefined,
    timestamp: time,
    structuredFields: Object.fromEntries(others.map(([key, value]) => [key, fieldText(value)])),
  };
}
