/**
 * This project's library on a few workloads: `library_client.ts LIBRARY HOST CALLS WORKERS TICKS`. LIBRARY is the URL of
 * mod.ts, or of the bundled library. Prints one JSON object, {@linkcode Figures}.
 *
 * @module
 */

/** What a client library measures. */
export interface Figures {
  /** One call after another: the time that half of the calls stay below. */
  unaryP50Ms: number;
  unaryP99Ms: number;
  /** Calls a second when several are always under way. */
  callsPerSecond: number;
  /** Values a second of one streaming call. */
  valuesPerSecond: number;
}

if (import.meta.main) {
  const [library, host, ...sizes] = Deno.args;
  const [calls, workers, ticks] = sizes.map(Number);
  console.log(JSON.stringify(await measure(await import(library), host, calls, workers, ticks)));
}

async function measure(
  { connect, defineInterface, power, serverStreaming, z }: typeof import("../../mod.ts"),
  host: string,
  calls: number,
  workers: number,
  ticks: number,
): Promise<Figures> {
  const ticker = defineInterface({
    name: "simulated-board",
    summary: "As much of it as is measured here",
    pythonClients: [],
    methods: { ticks: serverStreaming("Count", { params: { count: z.int() }, result: z.number() }) },
  });
  await using board = await connect({ host }, { power, ticker });

  async function eachCall(count: number): Promise<number[]> {
    const times: number[] = [];
    for (let call = 0; call < count; call++) {
      const start = performance.now();
      await board.power.on();
      times.push(performance.now() - start);
    }
    return times.sort((a, b) => a - b);
  }

  async function callsPerSecond(count: number): Promise<number> {
    const share = Math.floor(count / workers);
    const start = performance.now();
    await Promise.all(Array.from({ length: workers }, () => eachCall(share)));
    return share * workers / (performance.now() - start) * 1000;
  }

  async function valuesPerSecond(count: number): Promise<number> {
    let received = 0;
    const start = performance.now();
    for await (const tick of board.ticker.ticks({ count })) if (tick === received) received++;
    if (received !== count) throw new Error(`Expected ${count} values, got ${received}`);
    return received / (performance.now() - start) * 1000;
  }

  await eachCall(Math.floor(calls / 4));
  const times = await eachCall(calls);
  await valuesPerSecond(Math.floor(ticks / 10));
  return {
    unaryP50Ms: times[Math.floor(calls / 2)],
    unaryP99Ms: times[Math.floor(calls * 99 / 100)],
    callsPerSecond: await callsPerSecond(calls),
    valuesPerSecond: await valuesPerSecond(ticks),
  };
}
