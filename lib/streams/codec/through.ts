/** A source behind a coder. @module */
import type { ByteSource, Halves, OwnedSource } from "../../core/byte_stream.ts";

/** What a coder makes of a source. It is opened with the first read. */
export function through(source: ByteSource, open: () => Halves): OwnedSource {
  let coder: Halves | undefined;
  let failure: { error: unknown } | undefined;
  const feed = async (coder: Halves) => {
    try {
      for (let chunk = await source.next(); chunk; chunk = await source.next()) {
        // Why a coder takes no more is told by its other half.
        if (!await coder.write(chunk).then(() => true, () => false)) return;
      }
      await coder.end().catch(() => {});
    } catch (error) {
      failure = { error };
      await coder.close();
    }
  };
  return {
    async next() {
      if (!coder) void feed(coder = open());
      try {
        return await coder.next();
      } catch (error) {
        throw failure ? failure.error : error;
      }
    },
    close: () => coder?.close(),
  };
}
