/** A WebSocket that the exporter's host can reach. @module */
import * as z from "zod/mini";
import { defineDriver } from "../../lib/contract/driver.ts";
import { network } from "../../lib/interfaces/network.ts";
import { addressAllowed, deviceFailure } from "../../lib/interfaces/network_address.ts";
import { openWebSocket } from "../../lib/streams/web_socket.ts";

/** Exchanges bytes with a WebSocket: one chunk of the stream is one message. */
export default defineDriver({
  name: "websocket-network",
  summary: "Exchanges bytes with a WebSocket: one chunk of the stream is one message",
  implements: network,
  config: z.object({
    url: z.string().check(
      z.regex(/^wss?:\/\/./i, "Expected a URL that begins with ws:// or wss://"),
      z.describe("URL of the WebSocket"),
    ),
    enable_address: z._default(z.boolean(), true).check(
      z.describe("Whether clients may ask for the URL to connect directly"),
    ),
  }),
  open({ config: { url, enable_address: enabled } }) {
    return {
      connect: (_, { signal }) =>
        openWebSocket(new WebSocket(url), (why) => deviceFailure(url, new Error(why)), signal),
      address() {
        addressAllowed(enabled);
        return url;
      },
    };
  },
});
