/**
 * Failures that nobody waits for: a rejected promise or a timer's exception, in a driver above all. They would end the
 * program, and with it every other driver of the board.
 *
 * @module
 */
import { messageOf } from "../core/errors.ts";

/** What failed, and where: the first line of its stack. */
export interface StrayFailure {
  readonly error: string;
  readonly at: string;
}

/** Tells of such failures, after which the program goes on, until it is disposed. */
export function surviveStrayFailures(tell: (failure: StrayFailure) => void): Disposable {
  const survive = (event: Event, thrown: unknown) => {
    event.preventDefault();
    const stack = thrown instanceof Error ? thrown.stack ?? "" : "";
    tell({ error: messageOf(thrown), at: /^ *at (.*)$/m.exec(stack)?.[1] ?? "a place that it does not tell" });
  };
  const onRejection = (event: PromiseRejectionEvent) => survive(event, event.reason);
  const onError = (event: ErrorEvent) => survive(event, event.error);
  addEventListener("unhandledrejection", onRejection);
  addEventListener("error", onError);
  return {
    [Symbol.dispose]() {
      removeEventListener("unhandledrejection", onRejection);
      removeEventListener("error", onError);
    },
  };
}
