/** Unix sockets that others may have left behind. @module */

/** Whether somebody answers on a socket. One that nobody listens on any more is removed. */
export async function answers(path: string): Promise<boolean> {
  try {
    (await Deno.connect({ transport: "unix", path })).close();
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.ConnectionRefused) removeAbandoned(path);
    return false;
  }
}

/** Removes a socket, and leaves any other file alone: connecting to one is refused in the same way. */
function removeAbandoned(path: string): void {
  try {
    if (Deno.lstatSync(path).isSocket) Deno.removeSync(path);
  } catch { /* gone already */ }
}
