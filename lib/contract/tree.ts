/**
 * The open tree of a session: drivers opened children first, closed in the reverse order, each under a time limit.
 *
 * @module
 */
import { isJumpstarterError, JumpstarterError, messageOf, toJumpstarterError } from "../core/errors.ts";
import { unlessAborted, withLimit } from "../core/limit.ts";
import type { Logger, LogHub } from "../core/log.ts";
import { clientOf } from "./client.ts";
import { type AnyDriver, children as childrenKey, type DriverContext, type Interfaces } from "./driver.ts";
import { localCaller } from "./dispatch.ts";
import { type AnyInterface, pythonClientOf } from "./interface.ts";
import { type Method, siblingCalled, type SiblingListener } from "./method.ts";
import { joinPath, type PlannedDriver, type PlannedNode, resolveProxy } from "./plan.ts";
import type { ResourceOpener } from "./resource.ts";

/** An implementation with its types forgotten; the interface beside it knows them. */
export type AnyImplementation = Record<string, unknown> & { [siblingCalled]?: SiblingListener };

/** A driver that is open. */
export interface OpenDriver {
  readonly uuid: string;
  /** Dotted path from the root; empty for the root itself. */
  readonly path: string;
  readonly implements: AnyInterface;
  readonly implementation: AnyImplementation;
  readonly pythonClient: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly description?: string;
  readonly methodsDescription: Readonly<Record<string, string>>;
  /** Children by name. A proxy's entry is its target, the same object that stands elsewhere. */
  readonly children: ReadonlyMap<string, OpenDriver>;
  /** Siblings that hear of its unary calls. A driver that proxies lead to has siblings in several places. */
  readonly hearers: Set<SiblingListener>;
  readonly log: Logger;
  /** Aborts at the session's end. */
  readonly sessionEnd: AbortSignal;
  /** Opens the resources of calls; without it there are none. */
  readonly resources?: ResourceOpener;
}

/** A session's drivers. Disposing closes them in the reverse order; failures of theirs are logged, not thrown. */
export interface DriverTree extends AsyncDisposable {
  readonly root: OpenDriver;
  /** Every open driver once. */
  readonly byUuid: ReadonlyMap<string, OpenDriver>;
}

/** Limits and surroundings of a tree. */
export interface TreeOptions {
  hub: LogHub;
  /** Where drivers keep what is to outlive the session. */
  stateFolder: string;
  /** Gives the opening up: what is open already is closed again. It means nothing to a tree that is open. */
  signal?: AbortSignal;
  /** Limit for one driver's `open` in milliseconds. @default 30000 */
  openLimitMs?: number;
  /** Whether the session is the one of a single command or shell. @default "direct" */
  mode?: DriverContext<unknown, Interfaces>["mode"];
  /** Limit for one driver's disposer in milliseconds. @default 5000 */
  disposeLimitMs?: number;
  /** Opens the resources of calls. */
  resources?: ResourceOpener;
}

/**
 * Opens a planned tree.
 *
 * @throws {JumpstarterError} the failure of the first driver that cannot be opened, named by its path. Those that were
 * open already are closed again.
 */
export async function openTree(root: PlannedDriver, options: TreeOptions): Promise<DriverTree> {
  const opening = new Opening(root, options);
  try {
    return { ...await opening.run(), [Symbol.asyncDispose]: () => opening.close() };
  } catch (error) {
    await opening.close();
    throw error;
  }
}

/** How long a driver that is being opened may take to end when that is given up, in milliseconds. */
const giveUpMs = 1_000;

class Opening {
  readonly #root: PlannedDriver;
  readonly #options: TreeOptions;
  readonly #end = new AbortController();
  readonly #open = new Map<PlannedDriver, OpenDriver>();
  readonly #byUuid = new Map<string, OpenDriver>();
  /** In opening order. */
  readonly #disposers: Disposer[] = [];
  #closing?: Promise<void>;

  constructor(root: PlannedDriver, options: TreeOptions) {
    this.#root = root;
    this.#options = options;
  }

  async run(): Promise<{ root: OpenDriver; byUuid: ReadonlyMap<string, OpenDriver> }> {
    return { root: await this.#driver(this.#root, ""), byUuid: this.#byUuid };
  }

  close(): Promise<void> {
    return this.#closing ??= this.#closeAll();
  }

  async #closeAll(): Promise<void> {
    this.#end.abort(new JumpstarterError("canceled", "The session has ended"));
    await this.#dispose(this.#disposers);
  }

  async #dispose(disposers: readonly Disposer[]): Promise<void> {
    const limitMs = this.#options.disposeLimitMs ?? 5_000;
    for (const { path, log, dispose } of disposers.toReversed()) {
      try {
        await withLimit(Promise.resolve(dispose()), limitMs, `Closing ${path ? `driver "${path}"` : "the driver"}`);
      } catch (error) {
        log.error("driver failed to close", { error: messageOf(error) });
      }
    }
  }

  async #node(node: PlannedNode, parentPath: string): Promise<OpenDriver> {
    if (node.kind === "driver") return await this.#driver(node, joinPath(parentPath, node.name));
    const { planned, path, provided } = resolveProxy(this.#root, node);
    // A target that stands later in the file is opened now.
    const target = await this.#driver(planned, path);
    return provided.reduce((driver, name) => driver.children.get(name)!, target);
  }

  async #driver(planned: PlannedDriver, path: string): Promise<OpenDriver> {
    const already = this.#open.get(planned);
    if (already) return already;
    const children = new Map<string, OpenDriver>();
    for (const child of planned.children) children.set(child.name, await this.#node(child, path));

    const { driver } = planned;
    const log = this.#logger(path, driver.implements, planned);
    const implementation = await this.#run(planned, path, children, log);
    for (const [name, provided] of Object.entries(implementation[childrenKey] ?? {})) {
      const definition = (driver.provides as Interfaces)[name];
      const childPath = joinPath(path, name);
      const childLog = this.#logger(childPath, definition, planned);
      const child = { path: childPath, implements: definition, implementation: provided, log: childLog };
      children.set(name, this.#add(child));
    }
    const { description, uuid } = planned;
    const methodsDescription = { ...driver.methodsDescription?.(planned.config), ...planned.methodsDescription };
    const labels = { ...driver.labels?.(planned.config), ...planned.labels };
    const open = this.#add({
      path,
      implements: driver.implements,
      implementation,
      log,
      children,
      labels,
      description,
      methodsDescription,
      uuid,
      pythonClient: driver.pythonClient,
    });
    this.#open.set(planned, open);
    return open;
  }

  async #run(
    planned: PlannedDriver,
    path: string,
    children: ReadonlyMap<string, OpenDriver>,
    log: Logger,
  ): Promise<Opened> {
    const { driver, config } = planned;
    const signal = this.#end.signal;
    const limitMs = this.#options.openLimitMs ?? 30_000;
    const what = `Driver ${path ? `"${path}" (${driver.name})` : driver.name}`;
    try {
      this.#options.signal?.throwIfAborted();
      const clients = childClients(driver.children ?? {}, children);
      const { mode = "direct", stateFolder } = this.#options;
      const context = { config, log, signal, mode, stateFolder, children: clients };
      const opening: Promise<Opened> = Promise.resolve(driver.open(context));
      const opened = await withLimit(unlessAborted(opening, this.#options.signal), limitMs, "Opening it").catch(
        async (error) => {
          // Whatever arrives after the limit is closed, not lost.
          const closed = opening.then((late) => this.#dispose(disposersOf(late, path, log)), () => {});
          if (this.#options.signal?.aborted) {
            // The program may end as soon as this has.
            this.#end.abort(error);
            await withLimit(closed, giveUpMs, "Giving it up").catch(() => {});
          }
          throw error;
        },
      );
      this.#disposers.push(...disposersOf(opened, path, log));
      checkOpened(driver, opened);
      return opened;
    } catch (error) {
      const { code, message, hint } = toJumpstarterError(error);
      const place = planned.place ? `${planned.place}: ` : "";
      throw new JumpstarterError(
        isJumpstarterError(error) ? code : "unavailable",
        `${place}${what} failed to open: ${message}`,
        {
          phase: "driver",
          hint,
          cause: error,
        },
      );
    }
  }

  #logger(path: string, definition: AnyInterface, planned: PlannedDriver): Logger {
    const fields = { driver_type: definition.name };
    return this.#options.hub.logger(path ? `driver.${path}` : "driver", "driver", { level: planned.logLevel, fields });
  }

  #add(parts: Partial<OpenDriver> & Pick<OpenDriver, "path" | "implements" | "implementation" | "log">): OpenDriver {
    const open: OpenDriver = {
      ...parts,
      uuid: parts.uuid ?? crypto.randomUUID(),
      children: parts.children ?? new Map(),
      labels: parts.labels ?? {},
      methodsDescription: parts.methodsDescription ?? {},
      hearers: new Set(),
      sessionEnd: this.#end.signal,
      resources: this.#options.resources,
      pythonClient: parts.pythonClient ?? pythonClientOf(parts.implements),
    };
    if (this.#byUuid.has(open.uuid)) {
      throw new JumpstarterError("invalid_argument", `Driver "${open.path}": The uuid ${open.uuid} is taken already`);
    }
    this.#byUuid.set(open.uuid, open);
    introduce([...open.children.values()]);
    return open;
  }
}

/** Lets those of one parent's children who want to hear of calls to the others. */
function introduce(siblings: readonly OpenDriver[]): void {
  for (const { implementation } of siblings) {
    const hear = implementation[siblingCalled];
    if (!hear) continue;
    for (const other of siblings) if (other.implementation !== implementation) other.hearers.add(hear);
  }
}

/** Typed clients of the children that a driver asks for; each must be there and be of the wanted interface. */
function childClients(wanted: Interfaces, opened: ReadonlyMap<string, OpenDriver>) {
  return Object.fromEntries(
    Object.entries(wanted).map(([name, definition]) => {
      const child = opened.get(name);
      if (!child || child.implements.name !== definition.name) {
        const got = child ? `got ${child.implements.name}` : "it is missing";
        throw new JumpstarterError(
          "failed_precondition",
          `It needs a child "${name}" with the interface ${definition.name}, ${got}`,
          { phase: "config" },
        );
      }
      return [name, clientOf(definition, localCaller(child))];
    }),
  );
}

/** What is to be called at the end for one driver. */
interface Disposer {
  readonly path: string;
  readonly log: Logger;
  dispose(): unknown;
}

/** What a driver's `open` has returned, its types forgotten. */
type Opened = AnyImplementation & { [childrenKey]?: Record<string, AnyImplementation> };

/** The disposers of a driver and of the children that it made, in opening order. */
function disposersOf(opened: Opened, path: string, log: Logger): Disposer[] {
  const made = Object.entries(opened?.[childrenKey] ?? {});
  const parts = [[path, opened], ...made.map(([name, child]) => [joinPath(path, name), child])];
  return (parts as [string, Partial<AsyncDisposable> | undefined][]).flatMap(([path, part]) =>
    part?.[Symbol.asyncDispose] ? [{ path, log, dispose: () => part[Symbol.asyncDispose]!() }] : []
  );
}

/** Holds what `open` returned to the driver's description. */
function checkOpened(driver: AnyDriver, opened: Opened): void {
  checkMembers("It", driver.implements, opened);
  const provides = (driver.provides ?? {}) as Interfaces;
  const made = opened[childrenKey] ?? {};
  for (const [name, definition] of Object.entries(provides)) {
    checkMembers(`Its child "${name}"`, definition, made[name]);
  }
  for (const name of Object.keys(made)) {
    if (!Object.hasOwn(provides, name)) throw misfit(`It makes a child "${name}" that it does not announce`);
  }
}

/** Every method of the interface that is not optional must be there, and nothing else. */
function checkMembers(who: string, definition: AnyInterface, implementation: AnyImplementation | undefined): void {
  const methods = definition.methods as Record<string, Method>;
  const wrong = (what: string) => misfit(`${who} does not fit the interface ${definition.name}: ${what}`);
  if (!implementation) throw wrong("there is nothing");
  for (const [name, method] of Object.entries(methods)) {
    const member = implementation[name];
    if (member === undefined && method.optional) continue;
    if (typeof member !== "function") throw wrong(`"${name}" is ${member === undefined ? "missing" : "no function"}`);
  }
  for (const name of Object.keys(implementation)) {
    if (!Object.hasOwn(methods, name)) throw wrong(`it has no method "${name}"`);
  }
}

function misfit(message: string): JumpstarterError {
  return new JumpstarterError("internal", message);
}
