/** The simulated board once it has booted. @module */
import { connect, serial } from "../../mod.ts";

/** Resolves when the board waits for a login. */
export async function booted(host: string): Promise<void> {
  await using board = await connect({ host }, { console: serial });
  await using session = await board.console.open({ since: "boot" });
  await session.expect("login: ");
}
