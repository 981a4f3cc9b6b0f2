/** A thread of its own for an attack, so that it does not hold up those who measure. @module */
import { Attacker } from "./attacker.ts";
import { attacks } from "./attacks.ts";

/** What the thread is told: first whom to attack and how, then to stop. */
export type Order = { name: string; target: Deno.ConnectOptions } | "stop";

/** What it says: that it has begun, and at the end how it went. */
export type Word = "begun" | Outcome;

/** How an attack went. */
export interface Outcome {
  readonly connections: number;
  readonly complaints: readonly string[];
}

const scope = self as unknown as {
  onmessage: (event: MessageEvent<Order>) => void;
  postMessage(word: Word): void;
};

let attacker: Attacker | undefined;

scope.onmessage = ({ data }) => {
  if (data === "stop") {
    attacker!.stop();
    return scope.postMessage({ connections: attacker!.connections, complaints: [...attacker!.complaints] });
  }
  attacker = new Attacker(data.target);
  attacker.begun.then(() => scope.postMessage("begun"));
  void attacks[data.name](attacker);
};
