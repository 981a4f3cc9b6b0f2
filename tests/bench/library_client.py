"""Python's client library on the workloads of library_client.ts: library_client.py CALLS WORKERS TICKS

The exporter is the one of JUMPSTARTER_HOST. Prints one JSON object with the same keys.
"""

import json
import sys
import time
from concurrent.futures import ThreadPoolExecutor

from jumpstarter.utils.env import env

calls, workers, ticks = map(int, sys.argv[1:])


def each_call(call, count):
    times = []
    for _ in range(count):
        start = time.perf_counter()
        call()
        times.append((time.perf_counter() - start) * 1000)
    return sorted(times)


def calls_per_second(call, count):
    share = count // workers
    with ThreadPoolExecutor(workers) as pool:
        start = time.perf_counter()
        list(pool.map(lambda _: each_call(call, share), range(workers)))
        return share * workers / (time.perf_counter() - start)


def values_per_second(count):
    start = time.perf_counter()
    received = sum(1 for _ in client.children["ticker"].streamingcall("ticks", count))
    assert received == count, received
    return received / (time.perf_counter() - start)


with env() as client:
    on = client.power.on
    each_call(on, calls // 4)
    times = each_call(on, calls)
    values_per_second(ticks // 10)
    print(json.dumps({
        "unaryP50Ms": times[calls // 2],
        "unaryP99Ms": times[calls * 99 // 100],
        "callsPerSecond": calls_per_second(on, calls),
        "valuesPerSecond": values_per_second(ticks),
    }))
