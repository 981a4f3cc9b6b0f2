"""What the simulated board's `ticks` is in Python: a driver that counts from 0 without a pause."""

from jumpstarter.driver import Driver, export


class Ticker(Driver):
    @classmethod
    def client(cls) -> str:
        return "jumpstarter.client.DriverClient"

    @export
    async def ticks(self, count: float):
        for tick in range(int(count)):
            yield tick
