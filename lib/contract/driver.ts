/**
 * `defineDriver`: a driver is a description and a function.
 *
 * @module
 */
import * as z from "zod/mini";
import type { Logger } from "../core/log.ts";
import type { AnyInterface, Client, Interface } from "./interface.ts";
import type { Implementation, Methods } from "./method.ts";

/** Interfaces by the name of a child. */
export type Interfaces = Record<string, AnyInterface>;

type ImplementationOf<I> = I extends Interface<string, infer T, infer _X> ? Implementation<T> : never;

/** The key under which `open` hands over the children that the driver makes itself. */
export const children: unique symbol = Symbol.for("jumpstarter.children");

/** What `open` is given. */
export interface DriverContext<C, K extends Interfaces> {
  /** The checked config. */
  readonly config: C;
  /** Labelled with the driver's place in the tree. */
  readonly log: Logger;
  /** Aborts at the session's end. */
  readonly signal: AbortSignal;
  /** `local`: the session lasts as long as one command or shell. `direct`: as long as the exporter. */
  readonly mode: "local" | "direct";
  /** A folder for what is to outlive the session. All drivers share it, and who writes to it first makes it. */
  readonly stateFolder: string;
  /** The children that the definition asks for in `children`, opened. */
  readonly children: { readonly [P in keyof K]: Client<K[P]> };
}

/** Everything there is to know about a driver. */
export interface Driver<
  C extends z.core.$ZodType = z.core.$ZodType,
  T extends Methods = Methods,
  X = unknown,
  K extends Interfaces = Interfaces,
  P extends Interfaces = Interfaces,
> {
  readonly name: string;
  readonly summary: string;
  readonly implements: Interface<string, T, X>;
  /** The schema of the YAML's `config:`. Unknown keys are refused. */
  readonly config: C;
  /** Children that the YAML must give, by name. A driver without it accepts any children or none. */
  readonly children?: K;
  /** Children that the driver makes itself and hands over from `open`. */
  readonly provides?: P;
  /** The Python client written into reports, where it is not the interface's first. */
  readonly pythonClient?: string;
  /** What reports say of a driver beside its client and name, for the Python clients that look for it. */
  labels?(config: z.output<C>): Readonly<Record<string, string>>;
  /** Help texts of commands by name, where the config has them. The YAML's `methods_description` wins. */
  methodsDescription?(config: z.output<C>): Readonly<Record<string, string>>;
  /**
   * Runs once a session, after the whole config has been checked. It may fail because the world is not ready; what it
   * opened until then is its own to close.
   */
  open(context: DriverContext<z.output<C>, K>): Opened<T, P> | Promise<Opened<T, P>>;
}

type Opened<T extends Methods, P extends Interfaces> =
  & Implementation<T>
  & (keyof P extends never ? unknown : { [children]: { [N in keyof P]: ImplementationOf<P[N]> } });

/** Any driver; see {@linkcode AnyInterface}. */
// deno-lint-ignore no-explicit-any
export type AnyDriver = Driver<any, any, any, any, any>;

/**
 * Describes a driver. What `open` returns is checked against the interface by the compiler and, member by member, when
 * it is opened.
 *
 * @example
 * ```ts
 * export default defineDriver({
 *   name: "acme-relay",
 *   summary: "Switches a relay of an Acme box over HTTP",
 *   implements: power,
 *   config: z.object({ host: z.string().describe("Host name or address of the box") }),
 *   open({ config }) {
 *     const turn = async (state: string) => void await fetch(`http://${config.host}/${state}`);
 *     return { on: () => turn("on"), off: () => turn("off") };
 *   },
 * });
 * ```
 */
export function defineDriver<
  C extends z.core.$ZodType,
  T extends Methods,
  X,
  K extends Interfaces = Record<never, never>,
  P extends Interfaces = Record<never, never>,
>(definition: Driver<C, T, X, K, P>): Driver<C, T, X, K, P> {
  return definition;
}

/** The schema of a driver's config that refuses the keys it does not know. One that is no mapping's stays as it is. */
export function strictConfig<C extends z.core.$ZodType>(config: C): C {
  const { def } = (config as unknown as z.core.$ZodTypes)._zod;
  return def.type === "object" ? z.clone(config, { ...def, catchall: z.never() } as typeof config._zod.def) : config;
}
