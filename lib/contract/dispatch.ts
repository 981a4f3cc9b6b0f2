/**
 * Calls that reach an open driver: the method is found by its wire name and kind, arguments and results are checked.
 *
 * @module
 */
import type { ByteStream } from "../core/byte_stream.ts";
import { JumpstarterError } from "../core/errors.ts";
import type { Caller } from "./client.ts";
import type { AnyInterface } from "./interface.ts";
import { lendLocally } from "./lending.ts";
import { type Call, type CallOptions, type Connection, type Kind, type Method, wireNameOf } from "./method.ts";
import { OpenedResources } from "./opened_resources.ts";
import { joinPath } from "./plan.ts";
import { resourcesOf } from "./resource.ts";
import type { OpenDriver } from "./tree.ts";
import { checkResult, fromPositions } from "./values.ts";

type Function = (args: Record<string, unknown>, call: Call) => unknown;

/** Python's names for the kinds, which stand in the text of its errors. */
const markers: Record<Kind, string> = {
  unary: "marker_drivercall",
  serverStreaming: "marker_streamingdrivercall",
  byteStream: "marker_streamcall",
};

/** Runs a unary method. */
export async function dispatchUnary(
  driver: OpenDriver,
  wireName: string,
  args: unknown[],
  call: Call,
): Promise<unknown> {
  const { key, name, method, run } = find(driver, wireName, "unary");
  const given = fromPositions(name, method, args);
  const { hearers } = driver;
  const heard = hearers.size > 0 ? [...hearers].map((hear) => hear(driver.implements.name, key)) : undefined;
  const result = resourcesOf(method).length > 0
    ? await runWithResources(driver, method, given, call, async () => checkResult(method, await run(given, call), name))
    : checkResult(method, await run(given, call), name);
  heard?.forEach((succeeded) => succeeded?.());
  return result;
}

/** Runs a server streaming method. The driver's iterator is closed when the reader stops early. */
export async function* dispatchStreaming(
  driver: OpenDriver,
  wireName: string,
  args: unknown[],
  caller: Call,
): AsyncGenerator<unknown, void, undefined> {
  const { name, method, run } = find(driver, wireName, "serverStreaming");
  const given = fromPositions(name, method, args);
  const call = method.outlivesCaller?.(given) ? { ...caller, signal: driver.sessionEnd } : caller;
  const resources = resourcesOf(method).length > 0
    ? await OpenedResources.open(driver, method, given, call)
    : undefined;
  let succeeded = false;
  try {
    for await (const value of run(given, call) as AsyncIterable<unknown>) yield checkResult(method, value, name);
    succeeded = true;
  } finally {
    if (!succeeded) await resources?.abort(new JumpstarterError("aborted", `${name} did not succeed`));
  }
  await resources?.finish();
}

/** Runs a method that reads or writes resources. */
async function runWithResources<T>(
  driver: OpenDriver,
  method: Method,
  given: Record<string, unknown>,
  call: Call,
  run: () => Promise<T>,
): Promise<T> {
  const resources = await OpenedResources.open(driver, method, given, call);
  let result: T;
  try {
    result = await run();
  } catch (error) {
    await resources.abort(error);
    throw error;
  }
  await resources.finish();
  return result;
}

/** Opens a byte stream. */
export async function dispatchByteStream(driver: OpenDriver, wireName: string, call: Call): Promise<ByteStream> {
  const { run } = find(driver, wireName, "byteStream");
  return await run({}, call) as ByteStream;
}

/** Calls to an open driver of this process, as a composite makes them to its children. */
export function localCaller(driver: OpenDriver): Caller {
  return {
    unary: (method, args, options) => dispatchUnary(driver, method, args, callOf(options)),
    serverStreaming: (method, args, options) => dispatchStreaming(driver, method, args, callOf(options)),
    byteStream: (method, options) => dispatchByteStream(driver, method, callOf(options)),
    lend: (direction, given) => Promise.resolve(lendLocally(direction, given)),
    child(name) {
      const child = driver.children.get(name);
      return child && localCaller(child);
    },
  };
}

const never = new AbortController().signal;

/** All drivers of a session share it: it lasts as long as the process. */
const withinProcess: Connection = { signal: never, peer: "exporter" };

function callOf(options: CallOptions): Call {
  return { signal: signalOf(options), connection: withinProcess };
}

function signalOf({ signal, timeoutMs }: CallOptions): AbortSignal {
  if (timeoutMs === undefined) return signal ?? never;
  const limit = AbortSignal.timeout(timeoutMs);
  return signal ? AbortSignal.any([signal, limit]) : limit;
}

interface Found {
  /** The method's name in the interface. */
  key: string;
  /** The same with the driver's path, for messages. */
  name: string;
  method: Method;
  run: Function;
}

function find(driver: OpenDriver, wireName: string, kind: Kind): Found {
  const found = methodsOf(driver.implements).get(wireName);
  if (!found) throw new JumpstarterError("not_found", `method ${wireName} not found on driver`);
  const { name, method } = found;
  if (method.kind !== kind) {
    throw new JumpstarterError("not_found", `method ${wireName} missing marker ${markers[kind]}`);
  }
  const run = driver.implementation[name] as Function | undefined;
  if (!run) {
    throw new JumpstarterError("unimplemented", `This ${driver.implements.name} driver does not support ${name}`);
  }
  return { key: name, name: joinPath(driver.path, name), method, run: run.bind(driver.implementation) };
}

const tables = new WeakMap<AnyInterface, Map<string, { name: string; method: Method }>>();

/** An interface's methods by wire name. */
function methodsOf(definition: AnyInterface): Map<string, { name: string; method: Method }> {
  let table = tables.get(definition);
  if (!table) {
    const methods = Object.entries(definition.methods as Record<string, Method>);
    table = new Map(methods.map(([name, method]) => [wireNameOf(name, method), { name, method }]));
    tables.set(definition, table);
  }
  return table;
}
