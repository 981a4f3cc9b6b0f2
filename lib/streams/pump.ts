/**
 * Moving bytes between two byte streams.
 *
 * @module
 */
import { type ByteSink, type ByteSource, type ByteStream, sinkOf, sourceOf } from "../core/byte_stream.ts";

/**
 * Copies both ways until both directions have ended. The end of one direction ends that direction on the other side and
 * leaves the opposite one open. A failure in either direction gives both streams up, so that nothing waits for ever.
 *
 * @throws the first failure of either stream. Both streams are released in any case.
 */
export async function join(a: ByteStream, b: ByteStream): Promise<void> {
  const release = () => Promise.allSettled([a[Symbol.asyncDispose](), b[Symbol.asyncDispose]()]);
  let failure: { error: unknown } | undefined;
  const direction = async (source: ByteSource, sink: ByteSink) => {
    try {
      await copy(source, sink);
    } catch (error) {
      failure ??= { error };
      await release();
    }
  };
  await Promise.all([direction(sourceOf(a), sinkOf(b)), direction(sourceOf(b), sinkOf(a))]);
  await release();
  if (failure) throw failure.error;
}

/** Copies until the source ends, then ends the sink. Memory in use is one chunk. */
export async function copy(source: ByteSource, sink: ByteSink): Promise<void> {
  for (let chunk = await source.next(); chunk; chunk = await source.next()) await sink.write(chunk);
  await sink.end();
}
