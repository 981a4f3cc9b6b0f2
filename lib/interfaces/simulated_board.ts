/** The simulated board's own methods, beside those of its children. @module */
import * as z from "zod/mini";
import { command } from "../contract/command.ts";
import { defineInterface } from "../contract/interface.ts";
import { serverStreaming } from "../contract/method.ts";

/** A board that exists in memory only. */
export const simulatedBoard = defineInterface({
  name: "simulated-board",
  summary: "A board that exists in memory only",
  pythonClients: [],
  pythonFallback: "jumpstarter_driver_composite.client.CompositeClient",
  methods: {
    ticks: serverStreaming("Count from 0 without a pause, to measure how fast values travel", {
      params: { count: z.int().check(z.minimum(0), z.maximum(10_000_000), z.describe("How many values")) },
      result: z.number(),
    }),
  },
  commands: (client) => ({
    ticks: command("Count from 0 without a pause", async ({ count }, { signal, print }) => {
      for await (const tick of client.ticks({ count }, { signal })) print(tick, String(tick));
    }, { args: { count: z.int().check(z.minimum(0), z.maximum(10_000_000), z.describe("How many values")) } }),
  }),
});
