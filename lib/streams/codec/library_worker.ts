/**
 * The worker in which a library's codec runs: one archive, piece by piece. Output is made as it is asked for; see
 * `library_thread.ts` for the asking.
 *
 * @module
 */
import { messageOf } from "../../core/errors.ts";
import { openBz2 } from "./libbz2.ts";
import { openLzma } from "./liblzma.ts";
import { type Coder, Damage, Excess } from "./system_library.ts";

/** What the worker is told. */
export type Told =
  | { readonly open: "xz" | "bz2"; readonly direction: "compress" | "decompress" }
  | { readonly input: Uint8Array<ArrayBuffer> }
  /** No input follows. */
  | { readonly end: true }
  /** Asks for one more piece of output; memory of an earlier one may be used again. */
  | { readonly next: true; readonly memory?: ArrayBuffer }
  /** Gives the archive up. */
  | { readonly close: true };

/** What the worker tells. */
export type Said =
  /** An input was used up: here is its memory. */
  | { readonly used: ArrayBuffer }
  | { readonly output: Uint8Array<ArrayBuffer> }
  | { readonly ended: true }
  | { readonly closed: true }
  | { readonly failure: string; readonly kind: "damage" | "excess" | "defect" };

/** Bytes of a piece of output at most. */
const outputBytes = 256 * 1024;

const port = self as unknown as {
  onmessage(event: MessageEvent<Told>): void;
  postMessage(said: Said, transfer?: Transferable[]): void;
};

let coder: Coder | undefined;
const inputs: Uint8Array<ArrayBuffer>[] = [];
let isLast = false;
let wanted = 0;
const spare: ArrayBuffer[] = [];
let output = new Uint8Array(new ArrayBuffer(outputBytes));
let made = 0;
let isOver = false;

port.onmessage = ({ data }) => {
  try {
    if ("open" in data) coder = (data.open === "xz" ? openLzma : openBz2)(data.direction);
    else if ("input" in data) inputs.push(data.input);
    else if ("end" in data) isLast = true;
    else if ("next" in data) {
      wanted++;
      if (data.memory) spare.push(data.memory);
    } else {
      close();
      port.postMessage({ closed: true });
    }
    while (!isOver && wanted > 0 && (inputs.length > 0 || isLast)) work();
  } catch (error) {
    close();
    const kind = error instanceof Damage ? "damage" : error instanceof Excess ? "excess" : "defect";
    port.postMessage({ failure: messageOf(error), kind });
  }
};

/** One call of the codec. */
function work(): void {
  const input = inputs[0] ?? new Uint8Array(new ArrayBuffer(0));
  const room = output.subarray(made);
  const coded = coder!.code(input, room, isLast && inputs.length <= 1);
  made += coded.made;
  if (inputs.length > 0) {
    if (coded.taken === input.length) {
      inputs.shift();
      port.postMessage({ used: input.buffer }, [input.buffer]);
    } else inputs[0] = input.subarray(coded.taken);
  }
  if (made === output.length || coded.ended && made > 0) flush();
  if (coded.ended) {
    close();
    port.postMessage({ ended: true });
  }
}

/** Frees what the library has taken: it is the process's, and would outlive the worker. */
function close(): void {
  isOver = true;
  coder?.close();
  coder = undefined;
}

function flush(): void {
  port.postMessage({ output: output.subarray(0, made) }, [output.buffer]);
  output = new Uint8Array(spare.pop() ?? new ArrayBuffer(outputBytes));
  made = 0;
  wanted--;
}
