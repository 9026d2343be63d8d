"""A disk that loses power: a small file system whose content is on the disk only where the program has asked for it (fsync).

Everything else lives in this process and is dropped, or half dropped, at a cut: the only fair test of "durable", because after a mere
``kill -9`` the kernel still writes everything that was handed to it. Speaks the kernel's FUSE protocol itself (Linux, /dev/fuse, root),
so nothing needs to be installed. One flat folder, no links, no times.

``python -m tests.faults.lossy BACKING MOUNT``; says ``ready``; standard input takes ``cut MODE SEED`` (``drop``: nothing unsynced
survives; ``random``: each unsynced page of 4 KiB or its predecessor; ``torn``: each unsynced sector of 512 bytes). After a cut
the folder BACKING holds what is left.
"""

from __future__ import annotations

import ctypes
import errno
import os
import random
import select
import stat
import struct
import sys
from dataclasses import dataclass, field
from pathlib import Path

_SECTOR = 512
_IN = struct.Struct("<IIQQIIII")
_OUT = struct.Struct("<IiQ")
_ATTR = struct.Struct("<6Q10I")
_ROOT = 1
_MOST = 1 << 17
_DIRECT = 1
_SIZE_GIVEN = 1 << 3
_LAZY = 2
_libc = ctypes.CDLL(None, use_errno=True)


def mount(folder: Path) -> int:
    """The descriptor over which the kernel asks about ``folder``. Raises OSError where that is not possible or not allowed."""
    descriptor = os.open("/dev/fuse", os.O_RDWR)
    told = f"fd={descriptor},rootmode=40000,user_id={os.getuid()},group_id={os.getgid()}"
    if _libc.mount(b"genba-lossy", os.fsencode(folder), b"fuse", 0, told.encode()) != 0:
        os.close(descriptor)
        raise OSError(ctypes.get_errno(), "mount")
    return descriptor


def unmount(folder: Path) -> None:
    """Let go of ``folder``, whether its disk still answers or not."""
    _libc.umount2(os.fsencode(folder), _LAZY)


@dataclass(eq=False)
class File:
    """Content as programs see it, and as it is on the disk."""

    number: int
    seen: bytearray = field(default_factory=bytearray)
    kept: bytearray = field(default_factory=bytearray)
    unsynced: set[int] = field(default_factory=set)

    def write(self, at: int, content: bytes) -> None:
        if len(self.seen) < at:
            self.resize(at)
        self.seen[at : at + len(content)] = content
        self.unsynced.update(range(at // _SECTOR, (at + len(content) + _SECTOR - 1) // _SECTOR))

    def resize(self, size: int) -> None:
        before = len(self.seen)
        del self.seen[size:]
        self.seen.extend(bytes(size - len(self.seen)))
        self.unsynced.update(range(min(before, size) // _SECTOR, (max(before, size) + _SECTOR - 1) // _SECTOR))

    def sync(self) -> None:
        for sector in self.unsynced:
            self._keep(sector)
        del self.kept[len(self.seen) :]
        self.unsynced.clear()

    def _keep(self, sector: int) -> None:
        begin, part = sector * _SECTOR, self.seen[sector * _SECTOR : (sector + 1) * _SECTOR]
        if part:
            self.kept.extend(bytes(max(0, begin - len(self.kept))))
            self.kept[begin : begin + len(part)] = part

    def lose_power(self, mode: str, dice: random.Random) -> None:
        """What is in ``kept`` afterwards is all there is."""
        if mode == "drop":
            return
        together = 1 if mode == "torn" else 8
        alive: dict[int, bool] = {}
        for sector in sorted(self.unsynced):
            if alive.setdefault(sector // together, dice.random() < 0.5):
                self._keep(sector)


class LossyDisk:
    """Answers the kernel, one question after the other.

    Attributes:
        names: As programs see them; ``kept_names``: as they are on the disk.
    """

    def __init__(self, backing: Path) -> None:
        self._backing = backing
        self.files: dict[int, File] = {}
        self.names: dict[str, File] = {}
        for path in sorted(backing.iterdir()):
            file = self._new()
            file.seen[:] = file.kept[:] = path.read_bytes()
            self.names[path.name] = file
        self.kept_names = dict(self.names)
        self.syncs = 0

    def _new(self) -> File:
        file = File(len(self.files) + 2)
        self.files[file.number] = file
        return file

    def cut(self, mode: str, dice: random.Random) -> None:
        """Write what survives to the backing folder. A name that was made or removed and not synced survives or not."""
        for file in self.files.values():
            file.lose_power(mode, dice)
        names = dict(self.kept_names)
        for name in sorted(self.names.keys() | self.kept_names.keys()):
            if mode != "drop" and dice.random() < 0.5:
                names.pop(name, None)
                if name in self.names:
                    names[name] = self.names[name]
        for path in self._backing.iterdir():
            path.unlink()
        for name, file in names.items():
            (self._backing / name).write_bytes(file.kept)

    # -- questions of the kernel -----------------------------------------------------------------------------------

    def answer(self, code: int, node: int, asked: bytes) -> bytes | None:
        """The answer to one question; None where the kernel wants none. Raises OSError."""
        work = getattr(self, f"_{_QUESTIONS.get(code, 'unknown')}")
        answer: bytes | None = work(node, asked)
        return answer

    def _unknown(self, node: int, asked: bytes) -> bytes:
        raise OSError(errno.ENOSYS, "not needed here")

    def _nothing(self, node: int, asked: bytes) -> None:
        return None

    def _ok(self, node: int, asked: bytes) -> bytes:
        return b""

    def _init(self, node: int, asked: bytes) -> bytes:
        return struct.pack("<IIIIHHIIHHII24x", 7, 31, _MOST, 0, 16, 12, _MOST, 1, 0, 0, 0, 0)

    def _file(self, node: int) -> File:
        file = self.files.get(node)
        if file is None:
            raise OSError(errno.ENOENT, "no such file")
        return file

    def _attributes(self, node: int) -> bytes:
        if node == _ROOT:
            return _ATTR.pack(1, 0, 0, 0, 0, 0, 0, 0, 0, stat.S_IFDIR | 0o700, 2, os.getuid(), os.getgid(), 0, 4096, 0)
        size = len(self._file(node).seen)
        times = (0, 0, 0, 0, 0, 0)
        return _ATTR.pack(node, size, -(-size // 512), *times, stat.S_IFREG | 0o600, 1, os.getuid(), os.getgid(), 0, 4096, 0)

    def _entry(self, file: File) -> bytes:
        return struct.pack("<4Q2I", file.number, 0, 0, 0, 0, 0) + self._attributes(file.number)

    def _lookup(self, node: int, asked: bytes) -> bytes:
        name = os.fsdecode(asked.rstrip(b"\0"))
        if name not in self.names:
            raise OSError(errno.ENOENT, name)
        return self._entry(self.names[name])

    def _getattr(self, node: int, asked: bytes) -> bytes:
        return struct.pack("<Q2I", 0, 0, 0) + self._attributes(node)

    def _setattr(self, node: int, asked: bytes) -> bytes:
        valid, _, _, size = struct.unpack_from("<IIQQ", asked)
        if valid & _SIZE_GIVEN:
            self._file(node).resize(size)
        return self._getattr(node, asked)

    def _open(self, node: int, asked: bytes) -> bytes:
        return struct.pack("<QII", node, _DIRECT, 0)

    def _create(self, node: int, asked: bytes) -> bytes:
        name = os.fsdecode(asked[16:].rstrip(b"\0"))
        file = self.names[name] = self._new()
        return self._entry(file) + self._open(file.number, b"")

    def _read(self, node: int, asked: bytes) -> bytes:
        _, at, size = struct.unpack_from("<QQI", asked)
        return bytes(self._file(node).seen[at : at + size])

    def _write(self, node: int, asked: bytes) -> bytes:
        _, at, size = struct.unpack_from("<QQI", asked)
        self._file(node).write(at, asked[40 : 40 + size])
        return struct.pack("<II", size, 0)

    def _fsync(self, node: int, asked: bytes) -> bytes:
        file = self._file(node)
        file.sync()
        self.syncs += 1
        # As common file systems do: a new file that is synced has its name, too.
        self.kept_names.update({name: one for name, one in self.names.items() if one is file})
        return b""

    def _fsyncdir(self, node: int, asked: bytes) -> bytes:
        self.kept_names = dict(self.names)
        return b""

    def _unlink(self, node: int, asked: bytes) -> bytes:
        if self.names.pop(os.fsdecode(asked.rstrip(b"\0")), None) is None:
            raise OSError(errno.ENOENT, "no such file")
        return b""

    def _rename(self, node: int, asked: bytes, skip: int = 8) -> bytes:
        old, new = (os.fsdecode(name) for name in asked[skip:].split(b"\0")[:2])
        self.names[new] = self.names.pop(old)
        return b""

    def _rename2(self, node: int, asked: bytes) -> bytes:
        return self._rename(node, asked, 16)

    def _statfs(self, node: int, asked: bytes) -> bytes:
        return struct.pack("<5Q4I24x", 1 << 20, 1 << 20, 1 << 20, 1 << 16, 1 << 16, 4096, 255, 4096, 0)


_QUESTIONS = {
    1: "lookup", 2: "nothing", 3: "getattr", 4: "setattr", 10: "unlink", 12: "rename", 14: "open", 15: "read", 16: "write", 17: "statfs",
    18: "ok", 20: "fsync", 25: "ok", 26: "init", 27: "open", 29: "ok", 30: "fsyncdir", 34: "ok", 35: "create", 36: "nothing", 42: "nothing",
    45: "rename2",
}  # fmt: skip


def serve(disk: LossyDisk, descriptor: int) -> None:
    """Until standard input says that the power is cut."""
    while True:
        ready, _, _ = select.select([descriptor, 0], [], [])
        if 0 in ready:
            words = os.read(0, 100).decode().split()
            if words:
                disk.cut(words[1], random.Random(words[2]))
            return
        question = os.read(descriptor, _MOST + 4096)
        _, code, unique, node, *_ = _IN.unpack_from(question)
        try:
            answer = disk.answer(code, node, question[_IN.size :])
        except OSError as error:
            os.write(descriptor, _OUT.pack(_OUT.size, -(error.errno or errno.EIO), unique))
            continue
        if answer is not None:
            os.write(descriptor, _OUT.pack(_OUT.size + len(answer), 0, unique) + answer)


def main(backing: Path, folder: Path) -> int:
    try:
        descriptor = mount(folder)
    except OSError as error:
        print(f"no FUSE here: {error}", flush=True)
        return 3
    print("ready", flush=True)
    serve(LossyDisk(backing), descriptor)
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2])))
