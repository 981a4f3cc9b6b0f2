/** How the program ends, so that a script knows whose fault it was. @module */
import { isJumpstarterError } from "../core/errors.ts";

/** 0 done; 1 the device or the test failed; 2 usage or config; 3 no way to the exporter; 128 + number after a signal. */
export const exitCodes = { done: 0, device: 1, usage: 2, infrastructure: 3 } as const;

/** The exit code for anything that was thrown. */
export function exitCodeOf(thrown: unknown): number {
  if (thrown instanceof Interrupted) return thrown.exitCode;
  if (!isJumpstarterError(thrown)) return exitCodes.device;
  if (thrown.cause instanceof Interrupted) return thrown.cause.exitCode;
  switch (thrown.phase) {
    case "usage":
    case "config":
      return exitCodes.usage;
    case "resolve":
    case "connect":
    case "tls":
    case "authenticate":
    case "lease":
      return exitCodes.infrastructure;
    default:
      return exitCodes.device;
  }
}

/** The user, or whoever started the program, wants it to end. */
export class Interrupted extends Error {
  override readonly name = "Interrupted";
  readonly exitCode: number;

  constructor(signal: EndingSignal) {
    super(`Ended by ${signal}`);
    this.exitCode = 128 + { SIGHUP: 1, SIGINT: 2, SIGTERM: 15 }[signal];
  }
}

/** A program that was run for the user ended with this code, and so does this one. */
export class ChildExit extends Error {
  readonly code: number;

  constructor(code: number) {
    super(`The command ended with ${code}`);
    this.code = code;
  }
}

/** The command is to run in a process of its own, which stays when this one has ended. Nothing has been done yet. */
export class IntoBackground extends Error {}

/** How long a command may take to end after it was interrupted, in milliseconds. */
const lastWordsMs = 2_000;

type EndingSignal = "SIGINT" | "SIGTERM" | "SIGHUP";

/** What a command sees of the signals that end programs. */
export type Interruptions = Pick<Interruption, "signal" | "takeOver" | "hold">;

/** What something is given up by, and what lets it be closed in its own time. */
export type Interruptible = Pick<Interruption, "signal" | "hold">;

/** The signals that end programs, and what becomes of them. */
export class Interruption {
  readonly #controller = new AbortController();
  #takenOver?: (signal: EndingSignal) => void;
  #held = 0;
  #end?: ReturnType<typeof setTimeout>;

  constructor() {
    const signals: EndingSignal[] = Deno.build.os === "windows" ? ["SIGINT"] : ["SIGINT", "SIGTERM", "SIGHUP"];
    for (const signal of signals) Deno.addSignalListener(signal, () => this.#receive(signal));
  }

  /** Aborts at the first signal, with an {@linkcode Interrupted} as its reason. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** `handle` decides until it is disposed, as a program does that runs another one in the foreground. */
  takeOver(handle: (signal: EndingSignal) => void): Disposable {
    this.#takenOver = handle;
    return { [Symbol.dispose]: () => void (this.#takenOver = undefined) };
  }

  /** Until it is disposed the program ends in its own time: what is to be closed meanwhile has limits of its own. */
  hold(): Disposable {
    this.#held++;
    clearTimeout(this.#end);
    return {
      [Symbol.dispose]: () => {
        this.#held--;
        this.#endSoon();
      },
    };
  }

  /** A second signal, or a command that does not end after the first, ends the program at once. */
  #receive(signal: EndingSignal): void {
    if (this.#takenOver) return this.#takenOver(signal);
    const interrupted = new Interrupted(signal);
    if (this.signal.aborted) Deno.exit(interrupted.exitCode);
    this.#controller.abort(interrupted);
    this.#endSoon();
  }

  #endSoon(): void {
    if (this.#held > 0 || !this.signal.aborted) return;
    const { exitCode } = this.signal.reason as Interrupted;
    this.#end = setTimeout(() => Deno.exit(exitCode), lastWordsMs);
    Deno.unrefTimer(this.#end);
  }
}
