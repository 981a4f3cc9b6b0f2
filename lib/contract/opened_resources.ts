/** The resources of a call, opened for its driver. @module */
import { JumpstarterError } from "../core/errors.ts";
import type { Call, Method } from "./method.ts";
import { isOpened, type OpenResource, type ResourceHandle, resourcesOf } from "./resource.ts";
import type { OpenDriver } from "./tree.ts";

/** Opened resources. What a driver wrote is complete only when its method succeeds; everything is released in any case. */
export class OpenedResources {
  readonly #open: readonly OpenResource[];

  private constructor(open: readonly OpenResource[]) {
    this.#open = open;
  }

  /** Puts opened resources into the place of their handles. */
  static async open(
    { resources: opener, uuid }: OpenDriver,
    method: Method,
    given: Record<string, unknown>,
    { signal }: Call,
  ): Promise<OpenedResources> {
    const open: OpenResource[] = [];
    const opened = new OpenedResources(open);
    try {
      for (const { name, direction } of resourcesOf(method)) {
        if (isOpened(direction, given[name])) continue;
        if (!opener) throw new JumpstarterError("unimplemented", "This session takes no resources");
        const one = await opener.open(uuid, direction, given[name] as ResourceHandle, signal);
        open.push(one);
        given[name] = one.resource;
      }
      return opened;
    } catch (error) {
      await opened.abort(error);
      throw error;
    }
  }

  /** The method has succeeded. */
  async finish(): Promise<void> {
    const outcomes = await Promise.allSettled(this.#open.map((one) => one.finish()));
    const failure = outcomes.find((outcome) => outcome.status === "rejected");
    if (failure) throw failure.reason;
  }

  /** The method has failed. */
  async abort(reason: unknown): Promise<void> {
    await Promise.allSettled(this.#open.map((one) => one.abort(reason)));
  }
}
