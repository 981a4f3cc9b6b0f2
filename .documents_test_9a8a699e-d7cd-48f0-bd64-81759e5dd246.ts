import { connect, power } from "./mod.ts";

await using board = await connect({ host: "127.0.0.1:7000" }, { power }); // power is there, and is a power interface
await board.power.cycle({ waitMs: 500 });
for await (const reading of board.power.read()) console.log(reading.voltage, reading.current);
