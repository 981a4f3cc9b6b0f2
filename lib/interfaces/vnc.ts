/** The screen of a device, by its VNC server. @module */
import * as z from "zod/mini";
import { command } from "../contract/command.ts";
import { type Client, defineInterface } from "../contract/interface.ts";
import { unary } from "../contract/method.ts";
import { aborted } from "../core/limit.ts";
import { network } from "./network.ts";

/** Shows the screen of a device. */
export const vnc = defineInterface({
  name: "vnc",
  summary: "Shows the screen of the device in a browser",
  pythonClients: ["jumpstarter_driver_vnc.client.VNClient"],
  native: { package: "vnc", service: "Vnc" },
  children: { tcp: network },
  methods: {
    getDefaultEncrypt: unary("Whether Python's client asks its page for encryption", { result: z.boolean() }),
  },
  extend: (_, { tcp }) => ({
    /** A raw stream to the device's VNC server. */
    connect: tcp.connect,
    /** Serves a page of this machine that shows the screen. */
    novnc: tcp.novnc,
  }),
  commands: (client) => ({
    session: command("Show the screen in a browser until interrupted", async ({ noBrowser }, io) => {
      await using screen = await client.novnc(io.note);
      io.print({ url: screen.url }, screen.url);
      if (!noBrowser) openBrowser(screen.entry);
      await aborted(io.signal);
    }, {
      options: {
        browser: z._default(z.boolean(), true).check(
          z.describe("Open the page in this machine's browser, where there is one"),
        ),
        noBrowser: z._default(z.boolean(), false).check(z.describe("Only print where the page is")),
        encrypt: z._default(z.boolean(), false).check(
          z.describe("Upstream's word; the page never leaves this machine"),
        ),
        noEncrypt: z._default(z.boolean(), false).check(z.describe("The same")),
      },
      staying: true,
    }),
  }),
});

export type VncClient = Client<typeof vnc>;

function openBrowser(url: string): void {
  const { env } = Deno;
  if (Deno.build.os === "linux" && !env.get("DISPLAY") && !env.get("WAYLAND_DISPLAY")) return;
  const [program, ...args] = {
    darwin: ["open"],
    windows: ["rundll32", "url.dll,FileProtocolHandler"],
  }[Deno.build.os as string] ?? ["xdg-open"];
  try {
    new Deno.Command(program, { args: [...args, url], stdin: "null", stdout: "null", stderr: "null" }).spawn().unref();
  } catch { /* the address has been printed */ }
}
