/**
 * A plain TCP relay, as the yardstick of forwards: `relay.ts PORT` listens on a free port of the loopback, prints it, and
 * copies both ways between each connection and one to PORT.
 *
 * @module
 */
const to = { hostname: "127.0.0.1", port: Number(Deno.args[0]) };
const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
console.log(listener.addr.port);
for await (const near of listener) void relay(near);

async function relay(near: Deno.TcpConn): Promise<void> {
  const far = await Deno.connect(to);
  near.setNoDelay();
  far.setNoDelay();
  await Promise.allSettled([copy(near, far), copy(far, near)]);
  near.close();
  far.close();
}

async function copy(from: Deno.TcpConn, to: Deno.TcpConn): Promise<void> {
  const buffer = new Uint8Array(64 * 1024);
  for (let count = await from.read(buffer); count !== null; count = await from.read(buffer)) {
    for (let at = 0; at < count;) at += await to.write(buffer.subarray(at, count));
  }
  await to.closeWrite();
}
