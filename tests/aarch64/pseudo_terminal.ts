/**
 * A driver that makes a pseudo-terminal of its own and opens it as a serial port: what is sent goes through both.
 *
 * @module
 */
import { byteStreamOfPipe, defineDriver, makeByteStream, serial, z } from "jumpstarter";
import { openPseudoTerminal } from "../../lib/hardware/pseudo_terminal.ts";
import { openSerialPort } from "../../lib/hardware/serial_port.ts";

export default defineDriver({
  name: "pseudo-terminal",
  summary: "Passes bytes through a pseudo-terminal",
  implements: serial,
  config: z.object({}),
  async open({ log }) {
    using stack = new DisposableStack();
    const terminal = stack.use(openPseudoTerminal());
    const port = await openSerialPort(terminal.path, { baudRate: 115200 });
    const { path } = terminal;
    log.info("pseudo-terminal opened", { path, arch: Deno.build.arch, differences: port.differences.length });
    const owned = stack.move();
    return {
      connect: () => makeByteStream(byteStreamOfPipe(terminal).readable, port.bytes.writable),
      async [Symbol.asyncDispose]() {
        await port[Symbol.asyncDispose]();
        owned.dispose();
      },
    };
  },
});
