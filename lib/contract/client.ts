/**
 * The typed client of an interface, over anything that can carry calls: the wire, or a driver in the same process.
 *
 * @module
 */
import type { ByteStream } from "../core/byte_stream.ts";
import { JumpstarterError } from "../core/errors.ts";
import type { AnyInterface, Client } from "./interface.ts";
import { callLending, type Lending, type Lent, streamLending } from "./lending.ts";
import { type CallOptions, type Method, wireNameOf } from "./method.ts";
import { type Direction, type ResourceSink, resourcesOf, type ResourceSource } from "./resource.ts";
import { checkResult, toPositions } from "./values.ts";

/** Carries calls to one driver. Names are those of the legacy wire, arguments are positional. */
export interface Caller {
  unary(method: string, args: unknown[], options: CallOptions): Promise<unknown>;
  serverStreaming(method: string, args: unknown[], options: CallOptions): AsyncIterable<unknown>;
  byteStream(method: string, options: CallOptions): Promise<ByteStream>;
  /** Lends the driver a resource for one call. */
  lend?(direction: Direction, given: ResourceSource | ResourceSink, lending: Lending): Promise<Lent>;
  /** Calls to a child of that driver, where it has one of that name. */
  child?(name: string): Caller | undefined;
}

/** Makes the typed client of an interface. Results are checked against their schemas. */
export function clientOf<I extends AnyInterface>(definition: I, caller: Caller): Client<I> {
  const calls: Record<string, unknown> = {};
  for (const [name, method] of Object.entries(definition.methods as Record<string, Method>)) {
    calls[name] = callOf(caller, `${definition.name}.${name}`, wireNameOf(name, method), method);
  }
  const children = Object.entries(definition.children ?? {}).map((
    [name, child],
  ) => [name, clientOf(child, caller.child?.(name) ?? nobody(definition.name, name))]);
  return Object.assign(calls, definition.extend?.(calls as never, Object.fromEntries(children))) as Client<I>;
}

/** A child that is not there: whatever does without it goes on. */
function nobody(parent: string, name: string): Caller {
  const missing = new JumpstarterError("failed_precondition", `This ${parent} driver has no child "${name}"`, {
    phase: "driver",
  });
  return {
    unary: () => Promise.reject(missing),
    // deno-lint-ignore require-yield
    async *serverStreaming() {
      throw missing;
    },
    byteStream: () => Promise.reject(missing),
  };
}

function callOf(caller: Caller, name: string, wireName: string, method: Method) {
  const takesArguments = Object.keys(method.params).length > 0;
  const split = (given: unknown[]): [unknown[], CallOptions] =>
    takesArguments
      ? [toPositions(method, given[0] as Record<string, unknown>), (given[1] ?? {}) as CallOptions]
      : [[], (given[0] ?? {}) as CallOptions];
  const resources = resourcesOf(method);
  const unary = (args: unknown[], options: CallOptions) => caller.unary(wireName, args, options);
  const streaming = (args: unknown[], options: CallOptions) => caller.serverStreaming(wireName, args, options);
  switch (method.kind) {
    case "unary":
      return async (...given: unknown[]) => {
        const call = split(given);
        const result = await (resources.length > 0 ? callLending(caller, resources, call, unary) : unary(...call));
        return checkResult(method, result, name);
      };
    case "serverStreaming":
      return async function* (...given: unknown[]) {
        const call = split(given);
        const values = resources.length > 0 ? streamLending(caller, resources, call, streaming) : streaming(...call);
        for await (const value of values) yield checkResult(method, value, name);
      };
    case "byteStream":
      return (options: CallOptions = {}) => caller.byteStream(wireName, options);
  }
}
