/**
 * What the compiler infers of the contract, and what it refuses: an expectation that does not hold fails the type check
 * that comes before the tests. Nothing here runs.
 *
 * @module
 */
import {
  type ByteStream,
  byteStream,
  children,
  composite,
  connect,
  defineDriver,
  defineInterface,
  makeByteStream,
  network,
  power,
  type PowerReading,
  serial,
  serve,
  serverStreaming,
  unary,
  z,
} from "../../mod.ts";

/** Fails to compile unless both are the same type. */
function same<A, B>(
  _: (<T>() => T extends A ? 1 : 2) extends (<T>() => T extends B ? 1 : 2) ? true : false,
): void {}

const flasher = defineInterface({
  name: "flasher",
  summary: "Writes images",
  pythonClients: [],
  methods: {
    flash: unary("Write", {
      params: { source: z.string(), target: z.string().optional(), retries: z.int().default(3) },
      result: z.object({ bytes: z.int() }),
    }),
    verify: unary("Compare", { params: { strict: z.boolean().default(true) }, optional: true }),
    progress: serverStreaming("Percent", { result: z.number() }),
    connect: byteStream("Raw bytes"),
  },
  extend: (calls) => ({
    flashAll: (sources: string[]) => Promise.all(sources.map((source) => calls.flash({ source }))),
  }),
});

const bytes = () => makeByteStream(new ReadableStream(), new WritableStream());

const writer = defineDriver({
  name: "writer",
  summary: "Writes",
  implements: flasher,
  config: z.object({ host: z.string(), timeout_ms: z.int().default(2000) }),
  open({ config, signal }) {
    same<typeof config, { host: string; timeout_ms: number }>(true);
    same<typeof signal, AbortSignal>(true);
    return {
      flash({ source, target, retries }, call) {
        same<[typeof source, typeof target, typeof retries], [string, string | undefined, number]>(true);
        same<typeof call.signal, AbortSignal>(true);
        return { bytes: source.length };
      },
      async *progress() {
        yield 100;
      },
      connect: bytes,
      [Symbol.asyncDispose]: async () => {},
    };
  },
});

const harness = defineDriver({
  name: "harness",
  summary: "Holds others",
  implements: composite,
  config: z.object({}),
  children: { power, image: flasher },
  provides: { console: serial },
  open({ children: { power: supply, image } }) {
    same<typeof supply.on, (options?: { signal?: AbortSignal; timeoutMs?: number }) => Promise<void>>(true);
    same<ReturnType<typeof image.flash>, Promise<{ bytes: number }>>(true);
    same<ReturnType<typeof supply.cycle>, Promise<void>>(true);
    return { [children]: { console: { connect: bytes } } };
  },
});

async function whatClientsMayDo() {
  await using board = await connect("bench:7000", { power, "mux.image": flasher, net: network });
  await board.power.cycle({ waitMs: 1 });
  for await (const reading of board.power.read({ timeoutMs: 5 })) same<typeof reading, PowerReading>(true);
  const image = board["mux.image"];
  const { bytes } = await image.flash({ source: "a" });
  same<typeof bytes, number>(true);
  await image.verify();
  await image.verify({}, { timeoutMs: 5 });
  same<Awaited<ReturnType<typeof image.connect>>, ByteStream>(true);
  same<Awaited<ReturnType<typeof image.flashAll>>, { bytes: number }[]>(true);
  same<string, typeof forward.address>(true);
  await using forward = board.net.forwardTcp({ port: 0 });

  // @ts-expect-error a required argument is missing
  await image.flash();
  // @ts-expect-error an argument is of another type
  await image.flash({ source: 5 });
  // @ts-expect-error an argument is unknown
  await image.flash({ source: "a", speed: 9 });
  // @ts-expect-error a byte stream takes no arguments
  await image.connect({ port: 5 });
  // @ts-expect-error there is no such method
  await board.power.explode();
  // @ts-expect-error there is no such driver
  await board.lamp.on();
}

async function whatServeGives() {
  await using written = await serve(writer, { host: "x" });
  same<ReturnType<typeof written.flash>, Promise<{ bytes: number }>>(true);
  await using held = await serve(harness, {});
  same<ReturnType<typeof held.console.connect>, Promise<ByteStream>>(true);
  // @ts-expect-error the config lacks its host
  await serve(writer, {});
}

function whatDriversMayNot() {
  const common = { name: "x", summary: "x", config: z.object({ host: z.string() }) };
  // @ts-expect-error a method is missing
  defineDriver({ ...common, implements: power, open: () => ({ on: () => {} }) });
  defineDriver({
    ...common,
    implements: flasher,
    // @ts-expect-error a result is of another type
    open: () => ({ flash: () => 5, async *progress() {}, connect: bytes }),
  });
  // @ts-expect-error a provided child is missing
  defineDriver({ ...common, implements: composite, provides: { console: serial }, open: () => ({ [children]: {} }) });
  defineDriver({
    ...common,
    implements: power,
    // @ts-expect-error there is no such key in the config
    open: ({ config }) => ({ on: () => void config.port, off: () => {} }),
  });
  defineDriver({
    ...common,
    implements: composite,
    children: { power },
    // @ts-expect-error there is no such child
    open: ({ children }) => void children.lamp ?? {},
  });
}

function whatInterfacesMayNot() {
  const common = { name: "x", summary: "x", pythonClients: [] };
  // @ts-expect-error a member of the client must not take a method's name
  defineInterface({ ...common, methods: { on: unary("On") }, extend: () => ({ on: () => {} }) });
  // @ts-expect-error a schema is not a method
  defineInterface({ ...common, methods: { on: z.string() } });
}

Deno.test("The contract's types infer as meant, and fail to compile when wrong", () => {
  void [whatClientsMayDo, whatServeGives, whatDriversMayNot, whatInterfacesMayNot];
});
