"""Load of TCP ports and of a console, cheap enough not to be what is measured.

    tcp_load.py servers                     serves a sink, a source and an echo until its input ends; prints their ports
    tcp_load.py up|down|echo PORT BYTES     prints MB/s of one connection
    tcp_load.py echo-many PORT BYTES COUNT  prints MB/s of COUNT connections together, each way
    tcp_load.py open PORT COUNT             prints p50 and p99 of a connection and its first echoed byte, in ms
    tcp_load.py saturate PORT COUNT         keeps COUNT connections echoing until its input ends; prints a line when all do
    tcp_load.py key COUNT WORD...           runs a console on a terminal; prints p50 and p99 from key to echo, in ms

A figure is printed as JSON. MB/s is 10^6 bytes a second.
"""
import contextlib
import json
import os
import pty
import select
import selectors
import socket
import subprocess
import sys
import threading
import time
import tty

MIB = 1024 * 1024
BLOCK = os.urandom(MIB)


# The other end.


def serve(handler):
    listener = socket.create_server(("127.0.0.1", 0), backlog=128)

    def accept():
        while True:
            conn, _ = listener.accept()
            conn.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=handler, args=(conn,), daemon=True).start()
    threading.Thread(target=accept, daemon=True).start()
    return listener.getsockname()[1]


def handle_sink(conn):
    """Answers with the count of bytes: an upload is over when the last byte has arrived."""
    buffer, total = memoryview(bytearray(MIB)), 0
    with conn, contextlib.suppress(OSError):
        while n := conn.recv_into(buffer):
            total += n
        conn.sendall(total.to_bytes(8, "big"))


def handle_source(conn):
    """Sends as many bytes as the first eight say."""
    with conn, contextlib.suppress(OSError, EOFError):
        send_bytes(conn, int.from_bytes(receive_exactly(conn, 8), "big"))


def handle_echo(conn):
    buffer = memoryview(bytearray(256 * 1024))
    with conn, contextlib.suppress(OSError):
        while n := conn.recv_into(buffer):
            conn.sendall(buffer[:n])


def servers():
    print(json.dumps({"sink": serve(handle_sink), "source": serve(handle_source), "echo": serve(handle_echo)}), flush=True)
    sys.stdin.read()


# This end.


def connect(port):
    conn = socket.create_connection(("127.0.0.1", port), timeout=120)
    conn.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return conn


def receive_exactly(conn, n):
    data = b""
    while len(data) < n:
        piece = conn.recv(n - len(data))
        if not piece:
            raise EOFError(f"got {len(data)} of {n} bytes")
        data += piece
    return data


def drain(conn, n):
    buffer, left = memoryview(bytearray(MIB)), n
    while left:
        got = conn.recv_into(buffer)
        if not got:
            raise EOFError(f"{left} of {n} bytes missing")
        left -= got


def send_bytes(conn, n):
    while n:
        piece = min(n, MIB)
        conn.sendall(BLOCK[:piece])
        n -= piece


def up(port, n):
    with connect(port) as conn:
        send_bytes(conn, n)
        conn.shutdown(socket.SHUT_WR)
        got = int.from_bytes(receive_exactly(conn, 8), "big")
        if got != n:
            raise RuntimeError(f"the sink counted {got} of {n} bytes")


def down(port, n):
    with connect(port) as conn:
        conn.sendall(n.to_bytes(8, "big"))
        drain(conn, n)


def echo(port, n):
    with connect(port) as conn:
        sender = threading.Thread(target=send_bytes, args=(conn, n), daemon=True)
        sender.start()
        drain(conn, n)
        sender.join()


def echo_many(port, n, count, going=lambda: True, begun=lambda: None):
    """Full-duplex echo of `n` bytes over many connections from one thread, as long as it is to go on."""
    each = n // count
    buffer = memoryview(bytearray(256 * 1024))
    silent = set(range(count))
    with contextlib.ExitStack() as stack, selectors.DefaultSelector() as selector:
        for index in range(count):
            conn = stack.enter_context(connect(port))
            conn.setblocking(False)
            selector.register(conn, selectors.EVENT_READ | selectors.EVENT_WRITE, [each, each, index])
        while selector.get_map() and going():
            ready = selector.select(60)
            if not ready:
                raise TimeoutError("no progress for 60 s")
            for key, events in ready:
                left = key.data
                if events & selectors.EVENT_READ:
                    got = key.fileobj.recv_into(buffer)
                    if not got:
                        raise EOFError(f"{left[1]} of {each} bytes missing")
                    left[1] -= got
                    if silent and left[2] in silent:
                        silent.discard(left[2])
                        if not silent:
                            begun()
                if events & selectors.EVENT_WRITE:
                    left[0] -= key.fileobj.send(BLOCK[: min(left[0], 256 * 1024)])
                    if not left[0]:
                        selector.modify(key.fileobj, selectors.EVENT_READ, left)
                if not left[1]:
                    selector.unregister(key.fileobj)


def saturate(port, count):
    ended = threading.Event()
    threading.Thread(target=lambda: (sys.stdin.read(), ended.set()), daemon=True).start()
    echo_many(port, 1 << 50, count, lambda: not ended.is_set(), lambda: print("all", flush=True))


def rate(call, port, n, *more):
    start = time.perf_counter()
    call(port, n, *more)
    return n / (time.perf_counter() - start) / 1e6


def percentiles(call, count):
    times = []
    for _ in range(count):
        start = time.perf_counter()
        call()
        times.append((time.perf_counter() - start) * 1e3)
    times.sort()
    return {"p50": times[count // 2], "p99": times[count * 99 // 100]}


def open_and_echo(port):
    with connect(port) as conn:
        conn.sendall(b"x")
        receive_exactly(conn, 1)


def key_to_echo(words, count):
    master, slave = pty.openpty()
    tty.setraw(slave)  # the terminal itself echoes nothing
    proc = subprocess.Popen(words, stdin=slave, stdout=slave, stderr=slave)
    os.close(slave)

    def read(limit):
        return os.read(master, 4096) if select.select([master], [], [], limit)[0] else b""

    def key():
        os.write(master, b"k")
        if read(10) != b"k":
            raise RuntimeError("a key was lost")

    try:
        seen, deadline = b"", time.perf_counter() + 30
        while b"~" not in seen:  # what is typed before the console is there may be lost
            if time.perf_counter() > deadline:
                raise RuntimeError(f"no echo: {seen[-300:]!r}")
            os.write(master, b"~")
            seen += read(0.05)
        while read(0.3):
            pass
        percentiles(key, 50)
        return percentiles(key, count)
    finally:
        proc.kill()
        proc.wait()
        os.close(master)


def main(kind, *words):
    if kind == "servers":
        return servers()
    if kind == "key":
        return key_to_echo(list(words[1:]), int(words[0]))
    port, *sizes = map(int, words)
    if kind == "saturate":
        return saturate(port, *sizes)
    if kind == "open":
        percentiles(lambda: open_and_echo(port), 20)
        return percentiles(lambda: open_and_echo(port), sizes[0])
    return rate({"up": up, "down": down, "echo": echo, "echo-many": echo_many}[kind], port, *sizes)


if __name__ == "__main__":
    found = main(*sys.argv[1:])
    if found is not None:
        print(json.dumps(found))
