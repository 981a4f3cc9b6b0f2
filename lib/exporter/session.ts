/**
 * A session: the open drivers of one connection context, their log and status, and the calls that reach them.
 *
 * @module
 */
import { stateFolder } from "../config/places.ts";
import type { PlannedDriver } from "../contract/plan.ts";
import { type DriverTree, type OpenDriver, openTree, type TreeOptions } from "../contract/tree.ts";
import { JumpstarterError } from "../core/errors.ts";
import { type Logger, LogHub } from "../core/log.ts";
import type { Router } from "../wire/rpc/types.ts";
import { exporterService } from "./exporter_service.ts";
import { NativeServices } from "./native_service.ts";
import { ResourceTable } from "./resources.ts";
import { routerService } from "./router_service.ts";
import { ExporterStatus, Status } from "./status.ts";

/** What a session is made of. */
export interface SessionOptions extends Omit<TreeOptions, "hub" | "resources" | "stateFolder"> {
  /** The exporter's name; left out, the report has none. */
  name?: string;
  /** Shown to whoever opens a shell. */
  motd?: string;
  /** Where drivers keep what is to outlive the session. @default the user's own folder of such things */
  stateFolder?: string;
  /** Gets the session's records. @default a hub of its own */
  hub?: LogHub;
}

/** Open drivers and everything that a client may ask of them. Disposing closes the drivers. */
export class Session implements AsyncDisposable {
  readonly uuid: string = crypto.randomUUID();
  readonly name?: string;
  readonly motd: string;
  readonly tree: DriverTree;
  readonly hub: LogHub;
  readonly log: Logger;
  readonly status = new Status();
  /** Finds the handler of a call's path. */
  readonly router: Router;
  readonly native: NativeServices;
  readonly resources: ResourceTable;

  private constructor(tree: DriverTree, hub: LogHub, resources: ResourceTable, { name, motd }: SessionOptions) {
    this.tree = tree;
    this.hub = hub;
    this.resources = resources;
    this.name = name;
    this.motd = motd ?? "";
    this.log = hub.logger("exporter", "system");
    const handlers = new Map([...exporterService(this), ...routerService(this)]);
    this.native = new NativeServices(tree);
    this.router = (path) => handlers.get(path) ?? this.native.handler(path);
    this.status.update(ExporterStatus.LEASE_READY, "Ready for commands");
  }

  /**
   * Opens the drivers of a planned tree.
   *
   * @throws {JumpstarterError} the failure of the first driver that cannot be opened.
   */
  static async open(root: PlannedDriver, options: SessionOptions = {}): Promise<Session> {
    const hub = options.hub ?? new LogHub();
    const resources = new ResourceTable();
    const tree = await openTree(root, { stateFolder: stateFolder(), ...options, hub, resources });
    return new Session(tree, hub, resources, options);
  }

  /** The driver with a uuid, as calls name it. */
  driver(uuid: string): OpenDriver {
    const driver = this.tree.byUuid.get(uuid);
    // Upstream answers UNKNOWN here, and clients that start over on it must be able to.
    if (!driver) throw new JumpstarterError("unknown", `There is no driver with the uuid ${JSON.stringify(uuid)}`);
    return driver;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.tree[Symbol.asyncDispose]();
  }
}
