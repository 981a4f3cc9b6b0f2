/**
 * The drivers of a session as native gRPC services: one for each interface, the driver chosen by a request header.
 *
 * @module
 */
import { dispatchByteStream, dispatchStreaming, dispatchUnary } from "../contract/dispatch.ts";
import type { AnyInterface } from "../contract/interface.ts";
import type { DriverTree, OpenDriver } from "../contract/tree.ts";
import type { ByteStream } from "../core/byte_stream.ts";
import { JumpstarterError, messageOf } from "../core/errors.ts";
import { describe, fullName, type NativeService, pathOf } from "../wire/native/description.ts";
import type { NativeCall, NativeFace, NativeTarget } from "../wire/native/face.ts";
import { driverHeader, reflectionPaths } from "../wire/native/paths.ts";
import type { Handler } from "../wire/rpc/types.ts";
import type { ConnectionWebHandler } from "../wire/web/types.ts";
import { reported } from "./reported.ts";

/** Native services of an open tree. They are described with the first such call, and what serves them loaded then. */
export class NativeServices implements NativeTarget {
  readonly #tree: DriverTree;
  #described?: Described;
  #face?: Promise<NativeFace>;
  #web?: Promise<ReadonlyMap<string, ConnectionWebHandler>>;

  constructor(tree: DriverTree) {
    this.#tree = tree;
  }

  /** The handler of a path of gRPC's, or `undefined` where no driver offers it. */
  handler(path: string): Handler | undefined {
    if (reflectionPaths.includes(path)) {
      return { kind: "streaming", handle: async (stream) => (await this.face()).reflection.serve(stream) };
    }
    if (!path.startsWith("/jumpstarter.interfaces.") || !this.#services.paths.has(path)) return undefined;
    return { kind: "streaming", handle: async (stream) => (await this.face()).serve(stream) };
  }

  /** What serves the services. */
  face(): Promise<NativeFace> {
    return this.#face ??= import("../wire/native/face.ts").then(({ NativeFace }) =>
      new NativeFace(this.#services.services, this)
    );
  }

  /** The same services for requests that are not gRPC's, by path. */
  web(): Promise<ReadonlyMap<string, ConnectionWebHandler>> {
    return this.#web ??= Promise.all([this.face(), import("../wire/native/connect.ts")]).then(([face, connect]) =>
      connect.connectHandlers(face)
    );
  }

  async unary(call: NativeCall, args: unknown[]): Promise<unknown> {
    const driver = this.#driver(call);
    try {
      return await dispatchUnary(driver, call.method, args, call);
    } catch (error) {
      throw reported(driver, call.method, error);
    }
  }

  async *serverStreaming(call: NativeCall, args: unknown[]): AsyncGenerator<unknown, void, undefined> {
    const driver = this.#driver(call);
    try {
      yield* dispatchStreaming(driver, call.method, args, call);
    } catch (error) {
      throw reported(driver, call.method, error);
    }
  }

  async byteStream(call: NativeCall): Promise<ByteStream> {
    return await dispatchByteStream(this.#driver(call), call.method, call);
  }

  get #services(): Described {
    return this.#described ??= describeAll(this.#tree);
  }

  /**
   * @throws {JumpstarterError} `not_found` for an unknown uuid, `invalid_argument` for that of a driver of another
   * interface, and where none is named but several are there.
   */
  #driver({ service, uuid }: NativeCall): OpenDriver {
    const drivers = this.#services.drivers.get(service)!;
    if (uuid !== undefined) {
      const driver = this.#tree.byUuid.get(uuid);
      if (!driver) throw new JumpstarterError("not_found", `There is no driver with the uuid ${JSON.stringify(uuid)}`);
      if (drivers.includes(driver)) return driver;
      throw new JumpstarterError("invalid_argument", `${nameOf(driver)} does not offer ${service}`);
    }
    if (drivers.length === 1) return drivers[0];
    const choices = drivers.map((driver) => `${driver.uuid} for ${nameOf(driver)}`).join(", ");
    throw new JumpstarterError(
      "invalid_argument",
      `Several drivers offer ${service}; set ${driverHeader} to ${choices}`,
    );
  }
}

/** The services of a tree, and who answers. */
interface Described {
  readonly services: NativeService[];
  readonly paths: ReadonlySet<string>;
  /** By the full name of the service. */
  readonly drivers: ReadonlyMap<string, OpenDriver[]>;
}

function describeAll(tree: DriverTree): Described {
  const byInterface = Map.groupBy(tree.byUuid.values(), (driver) => driver.implements as AnyInterface);
  const services: NativeService[] = [];
  const drivers = new Map<string, OpenDriver[]>();
  for (const [definition, offering] of byInterface) {
    try {
      const service = describe(definition);
      const name = fullName(service);
      if (drivers.has(name)) throw new Error(`Another interface is called ${definition.name} as well`);
      services.push(service);
      drivers.set(name, offering);
    } catch (error) {
      // Everybody else can still call it in the way of Jumpstarter's own protocol.
      offering[0].log.warn("no native service", { interface: definition.name, error: messageOf(error) });
    }
  }
  const paths = services.flatMap((service) => service.methods.map((method) => pathOf(service, method)));
  return { services, paths: new Set(paths), drivers };
}

function nameOf({ path }: OpenDriver): string {
  return path === "" ? "the root" : `"${path}"`;
}
