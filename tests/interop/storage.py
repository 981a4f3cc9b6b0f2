"""Every call of Python's storage client, with what came of it, as one line of JSON: on any exporter it has to be the same."""

import json
import os
import sys
import tempfile
from pathlib import Path

from jumpstarter.utils.env import env

seen = []


def note(name, act):
    """Notes a result, or the kind of an error; its text is each exporter's own."""
    try:
        result = act()
        if hasattr(result, "model_dump"):
            result = result.model_dump(by_alias=True)
        elif isinstance(result, bytes):
            result = result.decode()
        elif isinstance(result, set):
            result = sorted(result)
        elif hasattr(result, "__next__"):
            result = sorted(result)
        seen.append([name, result])
    except Exception as error:
        seen.append([name, type(error).__name__])


def files(storage, folder):
    write = storage.write_bytes
    note("write", lambda: write("dir/a/f.txt", b"content"))
    note("write", lambda: write("top.txt", b"0123456789"))
    note("write twice", lambda: write("top.txt", b"01234567"))
    note("large", lambda: write("large", bytes(3_000_000)))
    note("hash large", lambda: storage.hash("large"))
    note("delete large", lambda: storage.delete("large"))
    for path in ["", "/", "dir", "dir/", "dir/a/", "/dir/", "dir//a/", "top.txt", "top.txt/", "to", "nope", "nope/"]:
        note(f"list {path!r}", lambda: storage.list(path))
        note(f"scan {path!r}", lambda: storage.scan(path))
        note(f"exists {path!r}", lambda: storage.exists(path))

        def stat():
            metadata = storage.stat(path).model_dump(by_alias=True)
            # A folder's length is its file system's affair.
            return metadata | ({"content_length": 0} if metadata["mode"]["is_dir"] else {})

        note(f"stat {path!r}", stat)
    note("read", lambda: storage.read_bytes("dir/a/f.txt"))
    note("read missing", lambda: storage.read_bytes("nope"))
    note("read folder", lambda: storage.read_bytes("dir/"))
    for algo in ["sha256", "md5"]:
        note(f"hash {algo}", lambda: storage.hash("top.txt", algo))
    note("hash missing", lambda: storage.hash("nope"))
    note("hash of a wrong kind", lambda: storage.call("hash", "top.txt", "crc32"))
    note("create_dir", lambda: storage.create_dir("x/y/"))
    note("create_dir again", lambda: storage.create_dir("x/y/"))
    note("create_dir without slash", lambda: storage.create_dir("x/z"))
    note("scan x/", lambda: storage.scan("x/"))
    for name, act in [("copy", storage.copy), ("rename", storage.rename)]:
        note(name, lambda: act("top.txt", f"new/{name}.txt"))
        note(f"{name} read", lambda: storage.read_bytes(f"new/{name}.txt"))
        note(f"{name} to itself", lambda: act("dir/a/f.txt", "dir/a/f.txt"))
        note(f"{name} missing", lambda: act("nope", "c"))
        note(f"{name} folder", lambda: act("dir/", "dir2/"))
    note("exists top.txt", lambda: storage.exists("top.txt"))
    note("created", storage.get_created_resources)
    note("register", lambda: storage.call("register_path", "\\else\\./where/../there/"))
    note("delete missing", lambda: storage.delete("nope"))
    note("delete file", lambda: storage.delete("new/rename.txt"))
    note("delete empty folder", lambda: storage.delete("x/y/"))
    note("remove_all", lambda: storage.remove_all("dir/"))
    note("exists dir/", lambda: storage.exists("dir/"))
    note("created", storage.get_created_resources)
    for name in ["presign_stat", "presign_read", "presign_write"]:
        note(name, lambda: getattr(storage, name)("a b/f.txt", 60))
    local = Path(folder) / "local"
    local.write_bytes(os.urandom(500_000))
    back = Path(folder) / "back"
    note("write_from_path", lambda: storage.write_from_path("image", local))
    note("read_into_path", lambda: storage.read_into_path("image", back))
    note("same", lambda: back.read_bytes() == local.read_bytes())


def handles(storage):
    storage.write_bytes("s.txt", b"0123456789")
    file = storage.open("s.txt", "rb")
    for name in ["readable", "seekable", "writable", "tell"]:
        note(name, getattr(file, name))
    note("closed", lambda: file.closed)
    note("seek", lambda: file.seek(4))
    note("read", file.read_bytes)
    note("tell", file.tell)
    note("seek back", lambda: file.seek(-3, 1))
    note("read", file.read_bytes)
    note("seek from end", lambda: file.seek(-2, 2))
    note("read", file.read_bytes)
    note("seek past", lambda: file.seek(100))
    note("close", file.close)
    note("close again", file.close)
    note("closed", lambda: file.closed)
    note("readable", file.readable)
    note("read closed", file.read_bytes)
    file = storage.open("w.txt", "wb")
    for name in ["readable", "seekable", "writable"]:
        note(name, getattr(file, name))
    note("write", lambda: file.write_bytes(b"abc"))
    note("write more", lambda: file.write_bytes(b"def"))
    note("tell", file.tell)
    note("seek", lambda: file.seek(0))
    note("close", file.close)
    note("writable", file.writable)
    note("read", lambda: storage.read_bytes("w.txt"))
    note("wrong mode", lambda: storage.call("open", "w.txt", "r+"))
    note("wrong uuid", lambda: storage.call("file_tell", "nothing"))
    note("unknown uuid", lambda: storage.call("file_tell", "00000000-0000-4000-8000-000000000000"))
    note("open missing", lambda: storage.open("nope", "rb"))


with env() as client, tempfile.TemporaryDirectory() as folder:
    for name in sys.argv[2:]:
        storage = getattr(client, name)
        note(name, storage.capability)
        files(storage, folder)
        handles(storage)
    if "web" not in client.children:
        print("\n" + json.dumps(seen))
        sys.exit()
    web = client.web
    note("web", web.capability)
    url = sys.argv[1]
    note("stat", lambda: web.stat("f.txt"))
    note("stat missing", lambda: web.stat("nope"))
    note("exists", lambda: [web.exists("f.txt"), web.exists("nope")])
    note("read", lambda: web.read_bytes("f.txt"))
    note("read missing", lambda: web.read_bytes("nope"))
    note("hash", lambda: web.hash("f.txt"))
    note("list", lambda: web.list("/"))
    note("write", lambda: web.write_bytes("x", b"y"))
    note("delete", lambda: web.delete("f.txt"))
    for name in ["presign_stat", "presign_read", "presign_write"]:
        note(name, lambda: getattr(web, name)("a b/f.txt", 60))
    # The exporter fetches from a URL itself.
    note("from url", lambda: client.memory.write_from_path("fetched", f"{url}/f.txt?a=%40"))
    note("fetched", lambda: client.memory.read_bytes("fetched"))
    note("from wrong url", lambda: client.memory.write_from_path("fetched", f"{url}/nope"))

print("\n" + json.dumps(seen))
