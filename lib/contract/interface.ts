/**
 * `defineInterface`: the one description of a kind of device from which its checks, client and commands follow.
 *
 * @module
 */
import { JumpstarterError } from "../core/errors.ts";
import type { Command } from "./command.ts";
import type { Calls, Methods } from "./method.ts";

/** A kind of device: what can be asked of it. Who answers is a driver. */
export interface Interface<N extends string = string, T extends Methods = Methods, X = unknown> {
  readonly name: N;
  readonly summary: string;
  /**
   * Class paths of the Python clients that speak this interface. The first one is written into reports; all of them are
   * recognised in the reports of others. An interface that Python does not know has none: reports then name the
   * interface itself as well, in the label `jumpstarter.dev/interface`.
   */
  readonly pythonClients: readonly string[];
  /** What Python loads for an interface that it does not know. @default "jumpstarter.client.DriverClient" */
  readonly pythonFallback?: string;
  /** Its native gRPC service, where the names do not follow from its own: `power` is `PowerInterface` in `power.v1`. */
  readonly native?: { readonly package?: string; readonly service?: string };
  readonly methods: T;
  /** Children whose clients `extend` gets, by name: those that this interface's own client makes use of. */
  readonly children?: Readonly<Record<string, AnyInterface>>;
  /** Adds members that are made of calls and run on the client's side. */
  // deno-lint-ignore no-explicit-any
  readonly extend?: (calls: Calls<T>, children: any) => X;
  /** The commands of `jumpstarter client NAME`, for one client of this interface. */
  readonly commands?: (client: Calls<T> & X) => Record<string, Command>;
  /** Commands beside those, which only the driver's config names: the driver is asked when its commands are needed. */
  readonly configuredCommands?: (client: Calls<T> & X) => Promise<Record<string, Command>>;
}

/** The Python client that reports name for an interface. */
export function pythonClientOf(definition: AnyInterface): string {
  return definition.pythonClients[0] ?? definition.pythonFallback ?? "jumpstarter.client.DriverClient";
}

/** The typed face of an interface on the client's side. */
export type Client<I> = I extends Interface<string, infer T, infer X> ? Calls<T> & X : never;

/** Any interface. It says `any` because `extend` makes the precise type invariant. */
// deno-lint-ignore no-explicit-any
export type AnyInterface = Interface<string, any, any>;

/**
 * Describes a kind of device.
 *
 * @example
 * ```ts
 * export const relay = defineInterface({
 *   name: "relay",
 *   summary: "One relay contact",
 *   pythonClients: ["acme_relay.client.RelayClient"],
 *   methods: { close: unary("Close the contact"), open: unary("Open the contact") },
 * });
 * ```
 * @throws {JumpstarterError} `invalid_argument` when a byte stream has parameters or a rest parameter is not an array's.
 */
export function defineInterface<
  const N extends string,
  T extends Methods,
  X extends object = Record<never, never>,
  K extends Record<string, AnyInterface> = Record<never, never>,
>(definition: {
  name: N;
  summary: string;
  pythonClients: string[];
  pythonFallback?: string;
  native?: { package?: string; service?: string };
  methods: T;
  children?: K;
  extend?: (
    calls: Calls<T>,
    children: { readonly [P in keyof K]: Client<K[P]> },
  ) => X & { [M in keyof T]?: never };
  commands?: (client: Calls<T> & X) => Record<string, Command>;
  configuredCommands?: (client: Calls<T> & X) => Promise<Record<string, Command>>;
}): Interface<N, T, X> {
  for (const [name, method] of Object.entries(definition.methods)) {
    const refuse = (why: string) => new JumpstarterError("invalid_argument", `${definition.name}.${name}: ${why}`);
    const params = Object.values(method.params);
    if (method.kind === "byteStream" && params.length > 0) throw refuse("A byte stream takes no parameters");
    if (method.rest && params.at(-1)?._zod.def.type !== "array") {
      throw refuse("A rest parameter is an array, at the end");
    }
  }
  return definition;
}
