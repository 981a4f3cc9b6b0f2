/** Power switches: on, off, cycle, and what flows. @module */
import * as z from "zod/mini";
import { type Command, command } from "../contract/command.ts";
import { type Client, defineInterface } from "../contract/interface.ts";
import { serverStreaming, unary } from "../contract/method.ts";
import { pause } from "../core/limit.ts";

/** What flows into a device at one moment. */
export const PowerReading = z.object({
  voltage: z.number().check(z.describe("Volts")),
  current: z.number().check(z.describe("Amperes")),
}).check(z.meta({ title: "PowerReading", description: "What flows into a device at one moment" }));
export type PowerReading = z.infer<typeof PowerReading>;

/** Switches the supply of a device. */
export const power = defineInterface({
  name: "power",
  summary: "Switches the supply of a device",
  pythonClients: ["jumpstarter_driver_power.client.PowerClient"],
  methods: {
    on: unary("Turn the device on"),
    off: unary("Turn the device off"),
    rescue: unary("Start the device in its rescue mode", { optional: true }),
    read: serverStreaming("Measure voltage and current", { result: PowerReading, optional: true }),
  },
  extend: (calls) => ({
    /** Off, a pause of `waitMs` milliseconds (2000 when left out), on. The signal ends the pause. */
    async cycle({ waitMs = 2_000, signal }: { waitMs?: number; signal?: AbortSignal } = {}): Promise<void> {
      await calls.off({ signal });
      await pause(waitMs, signal);
      await calls.on({ signal });
    },
  }),
  commands: (client) => ({
    on: command("Turn the device on", (_, { signal }) => client.on({ signal })),
    off: command("Turn the device off", (_, { signal }) => client.off({ signal })),
    rescue: command("Start the device in its rescue mode", (_, { signal }) => client.rescue({ signal })),
    cycle: command("Turn the device off and on again", async ({ wait }, { signal, print }) => {
      print(undefined, `Power cycling with ${wait} seconds wait time...`);
      await client.cycle({ waitMs: wait * 1000, signal });
    }, {
      options: { wait: z._default(z.number().check(z.minimum(0)), 2).check(z.describe("Seconds between off and on")) },
      short: { wait: "w" },
    }),
    read: readCommand(client),
  }),
});

export type PowerClient = Client<typeof power>;

/**
 * `read` makes `count` passes, each over all that one call yields. A driver whose readings do not end would make the
 * first pass last for ever: once a pass has gone on for longer than the interval, and than a second, `count` lines are
 * enough.
 */
function readCommand(client: { read(options: { signal: AbortSignal }): AsyncIterable<PowerReading> }): Command {
  return command("Measure voltage and current", async ({ count, interval }, { signal, print }) => {
    let lines = 0;
    for (let pass = 1; count === 0 || pass <= count; pass++) {
      const ended = new AbortController();
      const enough = () => count > 0 && lines >= count;
      let late = false;
      const timer = setTimeout(() => {
        late = true;
        if (enough()) ended.abort();
      }, Math.max(interval, 1) * 1000);
      try {
        for await (const reading of client.read({ signal: AbortSignal.any([signal, ended.signal]) })) {
          print(reading, renderReading(reading));
          lines++;
          if (late && enough()) return;
        }
      } catch (error) {
        if (ended.signal.aborted) return;
        throw error;
      } finally {
        clearTimeout(timer);
      }
      if (count === 0 || pass < count) await pause(interval * 1000, signal);
    }
  }, {
    options: {
      count: z._default(z.int().check(z.minimum(0)), 1).check(
        z.describe("How many times to measure; 0 goes on for ever"),
      ),
      interval: z._default(z.number().check(z.minimum(0)), 1).check(z.describe("Seconds between two measurements")),
    },
    short: { count: "n", interval: "i" },
  });
}

/** The line that Python's client prints, number format included; scripts parse it. */
function renderReading({ voltage, current }: PowerReading): string {
  const text = (value: number) => Number.isInteger(value) ? value.toFixed(1) : String(value);
  return `voltage=${text(voltage)} V  current=${text(current)} A  apparent_power=${text(voltage * current)} VA`;
}
