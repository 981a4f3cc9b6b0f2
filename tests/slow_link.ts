/** A link with delay and a limited rate, as a TCP relay of its own: kernels that tests run on have no `netem`. @module */
import { serverOf } from "./bytes.ts";
import { pause } from "../lib/core/limit.ts";
import { writeAll } from "../lib/core/pipe.ts";

/** How a link is. */
export interface Link {
  /** From one end to the other, in milliseconds; there and back takes twice as long. */
  readonly delayMs: number;
  /** Of each direction. */
  readonly bytesPerSecond: number;
}

/** A link that is up. */
export interface SlowLink extends AsyncDisposable {
  readonly port: number;
  /** How many bytes have gone to the far end. */
  readonly carried: number;
}

/** Listens on a port of this machine, and joins each connection to one of a port at the other end of a slow link. */
export function slowLink(toPort: number, link: Link, hostname = "127.0.0.1"): SlowLink {
  let carried = 0;
  const server = serverOf(Deno.listen({ hostname, port: 0 }), async (near) => {
    using far = await Deno.connect({ hostname: "127.0.0.1", port: toPort });
    far.setNoDelay();
    await Promise.all([carry(near, far, link, (bytes) => carried += bytes), carry(far, near, link)]);
  });
  return Object.defineProperty(server, "carried", { get: () => carried }) as typeof server & SlowLink;
}

/** A timer that was late is made up for: the link may be so many milliseconds behind its rate. */
const slackMs = 50;

/** Takes bytes at the link's rate, and hands each piece on when its delay has passed. What is under way is held here. */
async function carry(
  from: Deno.Conn,
  to: Deno.Conn,
  { delayMs, bytesPerSecond }: Link,
  took: (bytes: number) => void = () => {},
): Promise<void> {
  let freeAtMs = performance.now();
  let delivered = Promise.resolve();
  for (;;) {
    const piece = new Uint8Array(16 * 1024);
    const count = await from.read(piece);
    took(count ?? 0);
    const now = performance.now();
    freeAtMs = Math.max(freeAtMs, now - slackMs) + (count ?? 0) / bytesPerSecond * 1000;
    const dueMs = Math.max(freeAtMs, now) + delayMs;
    delivered = delivered.then(async () => {
      await until(dueMs);
      await (count === null ? to.closeWrite() : writeAll(to, piece.subarray(0, count)));
    });
    delivered.catch(() => {});
    if (count === null) return await delivered;
    await until(freeAtMs);
  }
}

async function until(timeMs: number): Promise<void> {
  const leftMs = timeMs - performance.now();
  if (leftMs >= 1) await pause(leftMs);
}
