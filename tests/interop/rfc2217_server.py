"""pySerial's own RFC 2217 server for one port: prints where it listens, then every modem line and break that is set."""

import socket
import sys
import threading

import serial
import serial.rfc2217


class Port(serial.Serial):
    """A pseudo-terminal has no modem lines: they are told instead."""

    cts = dsr = ri = cd = False

    def _update_dtr_state(self):
        print("dtr", int(self._dtr_state), flush=True)

    def _update_rts_state(self):
        print("rts", int(self._rts_state), flush=True)

    def _update_break_state(self):
        print("break", int(self._break_state), flush=True)


class Connection:
    def __init__(self, connection):
        self.connection = connection
        self.lock = threading.Lock()

    def write(self, data):
        with self.lock:
            self.connection.sendall(data)


def serve(port, connection):
    wire = Connection(connection)
    manager = serial.rfc2217.PortManager(port, wire)
    over = threading.Event()

    def outward():
        while not over.is_set():
            data = port.read(port.in_waiting or 1)
            if data:
                wire.write(b"".join(manager.escape(data)))

    reader = threading.Thread(target=outward)
    reader.start()
    try:
        while data := connection.recv(4096):
            port.write(b"".join(manager.filter(data)))
    except OSError:
        pass
    over.set()
    reader.join()
    connection.close()


port = Port()
port.port = sys.argv[1]
port.timeout = 0.05
port.open()
listener = socket.create_server(("127.0.0.1", 0))
print("listening", listener.getsockname()[1], flush=True)
while True:
    serve(port, listener.accept()[0])
