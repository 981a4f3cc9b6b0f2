/** The board's web service: one page for whoever asks. @module */

const page = "Hello from the simulated board\n";

/** Longest request head that is read, in bytes. */
const headBytes = 8 * 1024;

/** Turns the bytes of one HTTP request into those of its answer, after which the connection ends. */
export function respond(): Transformer<Uint8Array, Uint8Array> {
  const decoder = new TextDecoder();
  let head = "";
  return {
    transform(chunk, controller) {
      head += decoder.decode(chunk, { stream: true });
      if (!head.includes("\r\n\r\n") && head.length < headBytes) return;
      controller.enqueue(new TextEncoder().encode(reply(head)));
      controller.terminate();
    },
  };
}

function reply(head: string): string {
  const [method] = head.split(" ", 1);
  const [status, body] = method === "GET" || method === "HEAD" ? ["200 OK", page] : ["405 Method Not Allowed", ""];
  const fields = `Content-Type: text/plain\r\nContent-Length: ${body.length}\r\nConnection: close`;
  return `HTTP/1.1 ${status}\r\n${fields}\r\n\r\n${method === "HEAD" ? "" : body}`;
}
