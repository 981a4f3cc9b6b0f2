"""Serves an exporter config on a unix socket with Python's library, as local mode does: prints the socket's path once
connections are accepted, and serves until stdin ends."""

import sys
from pathlib import Path

from jumpstarter.config.exporter import ExporterConfigV1Alpha1

with ExporterConfigV1Alpha1.load_path(Path(sys.argv[1])).serve_unix() as path:
    print(path, flush=True)
    sys.stdin.read()
