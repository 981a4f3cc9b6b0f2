/** A WebSocket server of a test. @module */

/** Serves a WebSocket: binary messages come back, `text` brings text, `bye` a closed and `die` a broken connection. */
export function webSocketServer(): { url: string } & AsyncDisposable {
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, (request) => {
    const { socket, response } = Deno.upgradeWebSocket(request);
    socket.binaryType = "arraybuffer";
    socket.onmessage = ({ data }) => {
      const word = data instanceof ArrayBuffer && data.byteLength < 9 ? new TextDecoder().decode(data) : "";
      if (word === "text") socket.send("Grüße");
      else if (word === "bye") socket.close(1000);
      else if (word === "die") socket.close(4000, "out of order");
      else socket.send(data);
    };
    return response;
  });
  return {
    url: `ws://127.0.0.1:${server.addr.port}/console`,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}
