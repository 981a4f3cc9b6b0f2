/**
 * An exporter in this process: its session, and the sockets it is served on.
 *
 * @module
 */
import { type ExporterConfig, requireExporterConfig } from "../config/exporter_config.ts";
import { JumpstarterError } from "../core/errors.ts";
import type { LogHub } from "../core/log.ts";
import { privateFolder } from "../core/own_folder.ts";
import { answers } from "../core/unix_socket.ts";
import { bundledDrivers } from "../../drivers/table.ts";
import { type Listening, serve } from "../exporter/listen.ts";
import { Session, type SessionOptions } from "../exporter/session.ts";
import { type ListenAddress, ServerSocket } from "../exporter/socket.ts";
import { requireTree } from "../loader/plan.ts";
import { socketOf } from "./socket.ts";

/** An exporter that is up. Disposing ends it: calls may finish for a second, then the drivers are closed. */
export interface RunningExporter extends AsyncDisposable {
  readonly session: Session;
  /** Where it listens, in the order that was asked for. */
  readonly addresses: readonly string[];
}

/** How an exporter is started. */
export interface RunOptions {
  hub?: LogHub;
  /** Runs although the config has hooks, which this version does not run. @default false */
  withoutHooks?: boolean;
  /** Whether it is there for one command or shell. @default "direct" */
  mode?: SessionOptions["mode"];
  /** Gives up starting it. */
  signal?: AbortSignal;
}

/** What those are told who have joined an exporter that another command has started for itself. */
const endsWithCommand = "The exporter ends with the command that started it; one of jumpstarter exporter run stays";

/** How long running calls may go on when an exporter ends, in milliseconds. */
const graceMs = 1_000;

/**
 * Starts the exporter of a config, on the given addresses and on the socket by which local clients find it.
 *
 * @throws {JumpstarterError} `already_exists` when an exporter of this file runs already, `unavailable` when an address
 * cannot be listened on or a driver cannot be opened. Nothing is left open then.
 */
export async function runExporter(
  config: ExporterConfig,
  at: readonly ListenAddress[],
  options: RunOptions = {},
): Promise<RunningExporter> {
  if (config.hasHooks && !options.withoutHooks) {
    throw new JumpstarterError("unimplemented", `${config.yaml.file} has hooks, which this version does not run`, {
      phase: "config",
      hint: "--no-hooks runs the exporter without them",
    });
  }
  const { file } = config.yaml;
  const socket = socketOf(file);
  const runsAlready = async () => socket !== undefined && await answers(socket);
  const refusal = () =>
    new JumpstarterError("already_exists", `An exporter for ${file} runs already`, {
      phase: "config",
      hint: `jumpstarter client --exporter-config ${file}`,
    });
  if (await runsAlready()) throw refusal();
  const root = await requireTree(config, bundledDrivers);
  const { hub, mode, signal } = options;
  try {
    return await serveSession(
      () => Session.open(root, { name: config.name, motd: config.motd, hub, mode, signal }),
      socket ? [...at, { path: socket }] : at,
      mode === "local" ? endsWithCommand : undefined,
    );
  } catch (error) {
    // Another one may have been started in the meantime.
    throw await runsAlready() ? refusal() : error;
  }
}

/** A board's exporter as a local client sees it: one that runs already, or one that was started for this client. */
export interface LocalExporter extends AsyncDisposable {
  /** The socket to connect to. */
  readonly path: string;
  readonly name: string;
}

/** Joins the exporter of a config file, or starts one that ends with this object. Two never fight for one device. */
export async function localExporter(configFile: string, options: RunOptions = {}): Promise<LocalExporter> {
  const config = requireExporterConfig(configFile);
  const socket = socketOf(configFile);
  const joined = async (): Promise<LocalExporter | undefined> => {
    if (!socket || !await answers(socket)) return undefined;
    return { path: socket, name: config.name, [Symbol.asyncDispose]: () => Promise.resolve() };
  };
  const there = await joined();
  if (there) return there;
  await using stack = new AsyncDisposableStack();
  const path = socket ?? `${stack.use(privateFolder()).path}/socket`;
  try {
    // Local sessions ignore hooks, as upstream's do.
    stack.use(await runExporter(config, socket ? [] : [{ path }], { ...options, withoutHooks: true, mode: "local" }));
  } catch (error) {
    // Another client may have started one in the meantime.
    const other = await joined();
    if (other) return other;
    throw error;
  }
  const owned = stack.move();
  return { path, name: config.name, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

/**
 * Serves a session on all of the addresses, or on none when one fails. The addresses are taken first: a port in use is
 * known before a device is touched, and of two exporters of one file only one gets to its drivers. Clients that are
 * early wait for the drivers. `whyItEnds` is what clients are told when it does.
 */
export async function serveSession(
  open: () => Promise<Session>,
  at: readonly ListenAddress[],
  whyItEnds?: string,
): Promise<RunningExporter> {
  await using stack = new AsyncDisposableStack();
  const sockets = at.map((address) => {
    const socket = new ServerSocket(address);
    stack.defer(() => socket.close());
    return socket;
  });
  const session = stack.use(await open());
  const listeners: Listening[] = sockets.map((socket) => {
    const listener = serve(session, socket);
    stack.defer(() => listener.close(graceMs, whyItEnds));
    return listener;
  });
  const owned = stack.move();
  return {
    session,
    addresses: listeners.map((listener) => listener.address),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}
