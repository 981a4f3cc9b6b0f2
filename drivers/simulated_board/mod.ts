/** A whole board without hardware, for trying things out and for tests. @module */
import * as z from "zod/mini";
import { children, defineDriver } from "../../lib/contract/driver.ts";
import { network } from "../../lib/interfaces/network.ts";
import { power } from "../../lib/interfaces/power.ts";
import { serial } from "../../lib/interfaces/serial.ts";
import { consoleConfig, serialConsole } from "../../lib/interfaces/serial_console.ts";
import { simulatedBoard as board } from "../../lib/interfaces/simulated_board.ts";
import { Board } from "./board.ts";
import { type Clock, wallClock } from "./clock.ts";

/** The driver on a clock of choice. */
export function simulatedBoard(clock: Clock) {
  return defineDriver({
    name: "simulated-board",
    summary: "A whole board without hardware: power, a console with a loader and a login, an echo and a web service",
    implements: board,
    config: z.object({
      initial_power: z._default(z.enum(["on", "off"]), "off").check(
        z.describe("Whether the board has power when the session starts"),
      ),
      ...consoleConfig,
    }),
    provides: { power, console: serial, echo: network, web: network },
    open({ config, log, mode }) {
      const device = new Board(clock);
      if (config.initial_power === "on") device.on();
      return {
        async *ticks({ count }) {
          for (let tick = 0; tick < count; tick++) yield tick;
        },
        [children]: {
          power: {
            on: () => {
              log.info("power on");
              device.on();
            },
            off: () => {
              log.info("power off");
              device.off();
            },
            async *read() {
              yield device.measure();
            },
          },
          console: serialConsole(() => device.line(), { config, log, mode }),
          echo: { connect: () => device.connect("echo") },
          web: { connect: () => device.connect("web") },
        },
        [Symbol.asyncDispose]: () => device.off(),
      };
    },
  });
}

export default simulatedBoard(wallClock);
