/** A driver that only holds others. @module */
import { defineInterface } from "../contract/interface.ts";

/** Holds other drivers under names of their own. */
export const composite = defineInterface({
  name: "composite",
  summary: "Holds other drivers under names of their own",
  pythonClients: ["jumpstarter_driver_composite.client.CompositeClient"],
  methods: {},
});
