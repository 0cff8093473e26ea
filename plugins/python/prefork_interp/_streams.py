"""The objects on standard input, output and error: what a fresh interpreter would make of the caller's descriptors.

They are made anew in place, because default arguments, logging handlers and the like hold on to them.  All that the
script has opened on descriptors 0 to 2 are seen to, not only those in sys.
"""

import _io
import os
import sys
from _thread import get_ident

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any, NoReturn

NAMES = ("stdin", "stdout", "stderr")
BUFFERED = (_io.BufferedReader, _io.BufferedWriter)
DIRECTORY = """\
Fatal Python error: init_sys_streams: <stdin> is a directory, cannot continue
Python runtime state: core initialized

Current thread 0x%016x (most recent call first):
%s<no Python frame>
"""


class Streams:
    """What there is when initialisation is complete."""

    def __init__(self, objects: "Iterable[object]") -> None:
        """Find them among the objects, write out what they hold, and see what they do not tell by themselves."""
        found = {id(it): it for it in (*objects, *(getattr(sys, name, None) for name in _attributes()))}
        ours = [it for it in found.values() if _raw(it) is not None]
        at = _position()
        for it in ours:
            it.flush()
        self.pending = _position() - at
        self.buffers = [(it, _size(it) == _default_size(it.raw)) for it in ours if type(it) in BUFFERED]
        self.texts = [(it, _newline(it)) for it in ours if type(it) is _io.TextIOWrapper]

    def renew(self, closed: int) -> None:
        """Make all of them this call's; bit N of closed: descriptor N is."""
        for fd, name in enumerate(NAMES):
            stream = getattr(sys, f"__{name}__", None)
            if closed >> fd & 1:
                setattr(sys, f"__{name}__", None)
                if getattr(sys, name, None) is stream:
                    setattr(sys, name, None)
        for buffer, is_default in self.buffers:
            if not closed >> buffer.raw.fileno() & 1:
                size = _size(buffer)
                raw = _fresh(buffer.raw)
                buffer.__init__(raw, _default_size(raw) if is_default else size)
        buffers = {id(buffer): is_default for buffer, is_default in self.buffers}
        for text, newline in self.texts:
            if not closed >> _raw(text).fileno() & 1:
                _renew_text(text, newline, buffers.get(id(text.buffer), False))

    def write_output(self, output: bytes) -> None:
        """Write to standard output what setup has written there, and have pending what was pending then."""
        written = len(output) - self.pending
        left = _write(output[:written]) + output[written:]
        buffer = next((text.buffer for text, _ in self.texts if text is sys.__stdout__), None)
        if not isinstance(buffer, _io.BufferedWriter):
            _write(left)
            return
        lines = left.rfind(b"\n") + 1 if sys.__stdout__.line_buffering else 0
        if lines:
            buffer.write(left[:lines])
            buffer.flush()
        buffer.write(left[lines:])


def _attributes() -> "list[str]":
    return [attribute for name in NAMES for attribute in (name, f"__{name}__")]


def _raw(stream: "Any") -> "_io.FileIO | None":
    """Return the file at the bottom of a stream on descriptor 0, 1 or 2; None: it is no such stream."""
    try:
        if type(stream) is _io.TextIOWrapper:
            stream = stream.buffer
            if type(stream) is _io.FileIO:  # unbuffered
                return stream if stream.fileno() < len(NAMES) else None
        if type(stream) in BUFFERED and type(stream.raw) is _io.FileIO and stream.raw.fileno() < len(NAMES):
            return stream.raw
    except ValueError:  # closed or detached
        pass
    return None


def _position() -> int:
    """Return how many bytes setup has written to standard output."""
    try:
        return os.lseek(1, 0, os.SEEK_CUR)
    except OSError:  # started by another launcher, perhaps on a pipe
        return 0


def _write(output: bytes) -> bytes:
    """Write it past all buffers; return what could not be written."""
    try:
        while output:
            output = output[os.write(1, output) :]
    except OSError:
        pass
    return output


def _size(buffer: "Any") -> int:
    return buffer.__sizeof__() - type(buffer).__basicsize__


def _default_size(raw: "_io.FileIO") -> int:
    size = raw._blksize if raw._blksize > 1 else _io.DEFAULT_BUFFER_SIZE
    if sys.version_info >= (3, 14):
        size = max(min(size, 8 << 20), _io.DEFAULT_BUFFER_SIZE)
    return size


def _newline(text: "Any") -> "str | None":
    """Find out the argument of that name, by using the stream: it is renewed before its next use."""
    fd = text.fileno()
    if text.readable():
        return _newline_read(text) if type(text.buffer) is _io.BufferedReader else "\n"
    kept = os.dup(fd)
    reader, writer = os.pipe()
    os.dup2(writer, fd)
    text.write("\n")
    text.flush()
    os.dup2(kept, fd)
    line = os.read(reader, 16)
    for fd in (kept, reader, writer):
        os.close(fd)
    return line.decode(text.encoding).lstrip("\ufeff")


def _newline_read(text: "Any") -> "str | None":
    buffer, raw = text.buffer, text.buffer.raw
    buffer.__init__(_io.BytesIO("a\rb\nc\r\n".encode(text.encoding)))
    lines = "|".join(text)
    buffer.__init__(raw)
    known = {"a\n|b\n|c\n": None, "a\r|b\n|c\r\n": "", "a\r|b\nc\r|\n": "\r", "a\rb\nc\r\n": "\r\n"}
    return known.get(lines, "\n")


def _fresh(old: "_io.FileIO") -> "_io.FileIO":
    """Return a new file in the place of this one, which remembers whether it could seek."""
    fd, name, mode, owner = old.fileno(), old.name, old.mode, old.closefd
    try:
        new = _io.FileIO(fd, mode, closefd=owner)
    except IsADirectoryError:
        _end_as_fresh()
    new.name = name
    if owner:
        # So that it does not close the descriptor when it goes, it is given another.
        kept, other = os.dup(fd), os.open("/dev/null", os.O_RDWR)
        old.__init__(other)
        os.dup2(kept, fd)
        os.close(kept)
    return new


def _end_as_fresh() -> "NoReturn":
    indentation = "  " if sys.version_info >= (3, 10) else ""
    os.write(2, (DIRECTORY % (get_ident(), indentation)).encode())
    os._exit(1)


def _renew_text(text: "Any", newline: "str | None", default_buffer: bool) -> None:
    buffer = text.buffer
    if type(buffer) is _io.FileIO:
        buffer = _fresh(buffer)
    fd = buffer.fileno()
    text.__init__(
        buffer,
        encoding=text.encoding,
        errors=text.errors,
        newline=newline,
        line_buffering=_line_buffering(text, fd, os.isatty(fd), default_buffer),
        write_through=text.write_through,
    )


def _line_buffering(text: "Any", fd: int, is_terminal: bool, default_buffer: bool) -> bool:
    if text is getattr(sys, f"__{NAMES[fd]}__"):
        # Of -u no flag tells.
        buffered = type(text.buffer) is not _io.FileIO if fd else not text.write_through
        in_setup = buffered and fd == 2 and sys.version_info >= (3, 9)  # there it was no terminal
        if text.line_buffering == in_setup:
            return in_setup or (buffered and is_terminal)
    elif hasattr(text, "mode") and default_buffer:  # made by open(), which has looked
        return text.line_buffering or is_terminal
    return text.line_buffering  # the script has chosen
