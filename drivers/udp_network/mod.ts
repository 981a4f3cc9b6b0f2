/** One UDP port of a device. @module */
import { createSocket } from "node:dgram";
import { lookup } from "node:dns/promises";
import * as z from "zod/mini";
import { defineDriver } from "../../lib/contract/driver.ts";
import { type ByteStream, makeByteStream } from "../../lib/core/byte_stream.ts";
import { JumpstarterError } from "../../lib/core/errors.ts";
import { hostPort } from "../../lib/core/host_port.ts";
import { network } from "../../lib/interfaces/network.ts";
import { deviceFailure, networkAddress } from "../../lib/interfaces/network_address.ts";
import { Linger } from "../../lib/streams/linger.ts";

/** Datagrams that wait for a slow reader; more are dropped, as a kernel would. */
const waitingDatagrams = 256;

/** Exchanges datagrams with a UDP port: one chunk of the stream is one datagram. */
export default defineDriver({
  name: "udp-network",
  summary: "Exchanges datagrams with a UDP port: one chunk of the stream is one datagram",
  implements: network,
  config: z.object({
    host: z.string().check(z.describe("Host name or address of the device")),
    port: z.int().check(z.minimum(1), z.maximum(65535), z.describe("UDP port of the device")),
    enable_address: z._default(z.boolean(), true).check(
      z.describe("Whether clients may ask for the address to connect directly"),
    ),
  }),
  open({ config: { host, port, enable_address: enabled } }) {
    return {
      connect: () => connect(host, port),
      address: () => networkAddress("udp", host, port, enabled),
    };
  },
});

async function connect(host: string, port: number): Promise<ByteStream> {
  const target = hostPort(host, port);
  const { address, family } = await lookup(host).catch((error) => {
    throw deviceFailure(target, error);
  });
  const socket = createSocket(family === 6 ? "udp6" : "udp4");
  let open = true;
  const close = () => {
    if (open) socket.close();
    open = false;
    linger.stop();
  };
  const linger = new Linger(close);
  await new Promise<void>((resolve, reject) => {
    const fail = (error: Error) => {
      close();
      reject(deviceFailure(target, error));
    };
    socket.once("error", fail);
    // Node calls back with an error where there is no route, which its types do not say.
    socket.connect(port, address, (error?: Error) => error ? fail(error) : resolve());
  });
  socket.removeAllListeners("error");
  let fail: (failure: JumpstarterError) => void;
  const readable = new ReadableStream<Uint8Array>({
    start(controller) {
      fail = (failure) => {
        close();
        controller.error(failure);
      };
      const device = canonical(address);
      socket.on("message", (datagram: Uint8Array, from: { address: string; port: number }) => {
        // Deno's connected sockets still hear everyone (tested on 2.9.6).
        if (from.port !== port || canonical(from.address) !== device) return;
        linger.heard();
        if ((controller.desiredSize ?? 0) > 0) controller.enqueue(new Uint8Array(datagram));
      });
      socket.on("error", (error: Error) => fail(deviceFailure(target, error)));
      socket.on("close", () => {
        // Either the stream was given up, or an error has ended it before.
        try {
          controller.close();
        } catch { /* it has ended */ }
      });
    },
    cancel: close,
  }, { highWaterMark: waitingDatagrams });
  const writable = new WritableStream<Uint8Array>({
    write: (chunk) =>
      new Promise<void>((resolve, reject) =>
        socket.send(chunk, (error) => {
          if (!error) return resolve();
          const tooLong = (error as { code?: string }).code === "EMSGSIZE";
          const failure = tooLong ? tooLarge(target, chunk.length) : deviceFailure(target, error);
          // The device may never say anything again, so that its direction would stay.
          fail(failure);
          reject(failure);
        })
      ),
    close: () => linger.begin(),
    abort: close,
  });
  return makeByteStream(readable, writable, close);
}

function tooLarge(target: string, bytes: number): JumpstarterError {
  return new JumpstarterError("out_of_range", `A datagram of ${bytes} bytes is too large for ${target}`, {
    phase: "driver",
    hint: "Send what is meant as one datagram in one write, of at most 65507 bytes",
  });
}

/** One spelling for every address; that of IPv6 has many. */
function canonical(address: string): string {
  return address.includes(":") ? new URL(`http://[${address.replace(/%.*/, "")}]`).hostname : address;
}
