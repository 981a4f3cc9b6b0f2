"""Python's clients of flashers and storage, on any exporter: what they send and what comes back, as one line of JSON."""

import hashlib
import json
import sys
import tempfile
from pathlib import Path

from jumpstarter.client.flasher import FlasherClient as CoreFlasherClient
from jumpstarter.streams.encoding import Compression
from jumpstarter.utils.env import env


def sha256(path):
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


def flash(client, image, archives):
    """Flashes the image as it is and as each archive, dumps it again, and tells the hashes."""
    seen = {}
    flasher = client.flasher
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "out"
        flasher.flash(image)
        flasher.dump(str(out))
        seen["plain"] = sha256(out)
        for codec, archive in archives.items():
            # Verbatim without the option, decompressed with it.
            flasher.flash(archive, target="archive")
            flasher.dump(str(out), target="archive")
            seen[f"{codec} verbatim"] = sha256(out)
            flasher.flash({codec: archive}, compression=Compression(codec))
            flasher.dump(str(out), target=codec)
            seen[codec] = sha256(out)
            flasher.dump(str(out), target=codec, compression=Compression(codec))
            Path(f"{archive}.dumped").write_bytes(out.read_bytes())
    return seen


def switch(client, image, archives):
    """The same with storage that is switched, which has no partitions."""
    seen = {}
    sd = client.sd
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "out"
        sd.flash(image)
        sd.dump(str(out))
        seen["sd plain"] = sha256(out)
        for codec, archive in archives.items():
            sd.flash(archive)
            sd.dump(str(out))
            seen[f"sd {codec} verbatim"] = sha256(out)
            sd.flash(archive, compression=Compression(codec))
            sd.dump(str(out))
            seen[f"sd {codec}"] = sha256(out)
            sd.dump(str(out), compression=Compression(codec))
            Path(f"{archive}.sd.dumped").write_bytes(out.read_bytes())
    return seen


with env() as client:
    if sys.argv[3] == "core":
        client.flasher.__class__ = CoreFlasherClient
    files = sys.argv[1], json.loads(sys.argv[2])
    print(json.dumps(flash(client, *files) | switch(client, *files)))
