"""The other side of grpcio_test.ts: an echo service and a list of checks, on gRPC's own Python implementation.

`grpcio_peer.py serve ADDRESS` serves until its input ends; `grpcio_peer.py call ADDRESS` calls what serves there.
"""

import asyncio
import socket
import struct
import sys

import grpc
from hpack import Encoder

OPTIONS = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]
SIZES = [0, 1, 100, 16_384, 65_536, 1_000_000, 4 << 20, 20 << 20]


async def unary(request, context):
    return request


async def fail(request, context):
    await context.abort(grpc.StatusCode.NOT_FOUND, "Kein Gerät: 100 %")


async def stream(requests, context):
    await context.send_initial_metadata((("x_jmp_accept_encoding", ""),))
    async for message in requests:
        yield message


async def hang(requests, context):
    await context.send_initial_metadata(())
    try:
        await asyncio.Event().wait()
    finally:
        Service.canceled.set()
    yield b""


async def metadata(request, context):
    return dict(context.invocation_metadata())["x-changing"].encode()


async def flood(request, context):
    while True:
        yield bytes(65_536)


async def was_canceled(request, context):
    await asyncio.wait_for(Service.canceled.wait(), 5)
    return b"yes"


class Service(grpc.GenericRpcHandler):
    canceled = asyncio.Event()
    handlers = {
        "/echo/Unary": grpc.unary_unary_rpc_method_handler(unary),
        "/echo/Fail": grpc.unary_unary_rpc_method_handler(fail),
        "/echo/WasCanceled": grpc.unary_unary_rpc_method_handler(was_canceled),
        "/echo/Metadata": grpc.unary_unary_rpc_method_handler(metadata),
        "/echo/Flood": grpc.unary_stream_rpc_method_handler(flood),
        "/echo/Stream": grpc.stream_stream_rpc_method_handler(stream),
        "/echo/Hang": grpc.stream_stream_rpc_method_handler(hang),
    }

    def service(self, details):
        return self.handlers.get(details.method)


async def serve(address):
    server = grpc.aio.server(options=OPTIONS)
    server.add_generic_rpc_handlers((Service(),))
    port = server.add_insecure_port(address)
    await server.start()
    print(port, flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    await server.stop(None)


async def echo_all(channel, messages):
    call = channel.stream_stream("/echo/Stream")()
    metadata = dict(await call.initial_metadata())
    assert metadata.get("x_jmp_accept_encoding") == "", metadata

    async def send():
        for message in messages:
            await call.write(message)
        await call.done_writing()

    async def receive():
        return [message async for message in call]

    _, received = await asyncio.gather(send(), receive())
    assert received == messages, [len(message) for message in received]
    assert await call.code() == grpc.StatusCode.OK


async def expect(code, call):
    try:
        await call
    except grpc.aio.AioRpcError as error:
        assert error.code() == code, error
        return error.details()
    raise AssertionError(f"expected {code}")


def disconnect(address, number):
    """Connects, begins a call, and resets the connection; how far the call gets depends on the number."""
    if address.startswith("unix:"):
        connection = socket.socket(socket.AF_UNIX)
        connection.connect(address.removeprefix("unix://"))
    else:
        host, port = address.split(":")
        connection = socket.create_connection((host, int(port)))
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    fields = {
        ":method": "POST", ":scheme": "http", ":path": "/echo/Stream", ":authority": "test",
        "te": "trailers", "content-type": "application/grpc",
    }
    block = Encoder().encode(list(fields.items()))
    settings = bytes([0, 0, 0, 4, 0, 0, 0, 0, 0])
    headers = bytes([0, 0, len(block), 1, 4, 0, 0, 0, 1]) + block
    data = bytes([0, 0, 10, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 5]) + b"hello"
    sent = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + settings + headers + data
    connection.sendall(sent[: 1 + number % len(sent)])
    connection.close()


async def quick_calls_beside_a_stalled_reader(channel):
    flooded = channel.unary_stream("/echo/Flood")(b"")
    assert await flooded.read() == bytes(65_536)
    echo = channel.unary_unary("/echo/Unary")
    for number in range(500):
        assert await echo(str(number).encode(), timeout=20) == str(number).encode()
    flooded.cancel()


async def changing_metadata(channel):
    """Enough different fields to turn the tables of both sides over and over."""
    call = channel.unary_unary("/echo/Metadata")
    for number in range(500):
        value = f"{number} " + "v" * (number * 7 % 3_000)
        assert await call(b"", metadata=[("x-changing", value), (f"x-name-{number}", "new")]) == value.encode()


async def keepalive(address):
    options = [
        ("grpc.keepalive_time_ms", 50),
        ("grpc.keepalive_permit_without_calls", 1),
        ("grpc.http2.max_pings_without_data", 0),
    ]
    async with grpc.aio.insecure_channel(address, options=options) as channel:
        # Were the PINGs too many, the connection would be closed, and the call unavailable.
        await expect(grpc.StatusCode.DEADLINE_EXCEEDED, channel.unary_unary("/echo/Hang")(b"", timeout=1))


async def call(address):
    async with grpc.aio.insecure_channel(address, options=OPTIONS) as channel:
        echo = channel.unary_unary("/echo/Unary")
        for size in SIZES:
            message = bytes(range(256)) * (size // 256) + bytes(size % 256)
            assert await echo(message) == message, size
            await echo_all(channel, [message, b"", message])
        for number in range(2_000):
            assert await echo(str(number).encode()) == str(number).encode()
        await echo_all(channel, [bytes(65_536)] * 320)
        await asyncio.gather(*(echo_all(channel, [bytes([i]) * 65_536] * 20) for i in range(60)))
        await asyncio.gather(*(echo(bytes(1_000)) for _ in range(1_000)))

        await changing_metadata(channel)
        await quick_calls_beside_a_stalled_reader(channel)
        await keepalive(address)
        for number in range(600):
            disconnect(address, number)

        details = await expect(grpc.StatusCode.NOT_FOUND, channel.unary_unary("/echo/Fail")(b""))
        assert details == "Kein Gerät: 100 %", details
        await expect(grpc.StatusCode.UNIMPLEMENTED, channel.unary_unary("/echo/None")(b""))
        await expect(grpc.StatusCode.DEADLINE_EXCEEDED, channel.unary_unary("/echo/Hang")(b"", timeout=0.1))
        for _ in range(200):
            hanging = channel.stream_stream("/echo/Hang")()
            await hanging.initial_metadata()
            hanging.cancel()
        assert await channel.unary_unary("/echo/WasCanceled")(b"") == b"yes"
        await echo_all(channel, [b"after"])
    print("ok", flush=True)


asyncio.run({"serve": serve, "call": call}[sys.argv[1]](sys.argv[2]))
