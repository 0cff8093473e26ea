"""What an executor's interpreter must be told so that it looks freshly started for its call.

The server library has already put descriptors, directory, umask, limits, signal mask and the C environment in place;
here is what Python keeps copies of.  Only modules that every interpreter has loaded at its start are imported, because
a script can see in sys.modules what is.
"""

from __future__ import annotations

import _io
import _signal
import os
import posix
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType
    from typing import Any, NoReturn, Union

    Path = Union[str, bytes, os.PathLike[str], os.PathLike[bytes]]

STREAMS = ("stdin", "stdout", "stderr")


def absolute(path: Path) -> str | bytes:
    """Return the path made absolute, links in it left alone.  TypeError: not a path."""
    return os.path.abspath(os.fspath(path))


# Before the call.


def _words_before_script() -> int:
    """Return how many words of sys.orig_argv are the interpreter and its own arguments."""
    words = getattr(sys, "orig_argv", [])
    before = len(words) - len(sys.argv)
    if before > 0 and words[before:] == sys.argv:
        return before
    # The script has changed sys.argv already; options that take the next word were given as "-Wignore", or are missed.
    return next((i for i, word in enumerate(words) if i and word[:1] != "-"), len(words))


def _script_file() -> str:
    try:
        return absolute(_SCRIPT)
    except OSError:  # no working directory: then it is no relative path that was started
        return _SCRIPT


_BEFORE_SCRIPT = _words_before_script()
_SCRIPT = sys.argv[0] if sys.argv else ""
_SCRIPT_FILE = _script_file()


def forget_launcher() -> None:
    """Take out what the launcher put in for setup: the handshake, and the runtime's place in PYTHONPATH."""
    os.environ.pop("PREFORK_INTERP", None)
    original = os.environ.pop("PREFORK_INTERP_PYTHONPATH", None)
    if original is None:
        return
    # "=VALUE", or "" for a variable that was not set
    before = original[1:]
    added = os.environ.get("PYTHONPATH", "")[len(before) :].lstrip(":")
    if original:
        os.environ["PYTHONPATH"] = before
    else:
        os.environ.pop("PYTHONPATH", None)
    if not added:
        return
    # The interpreter takes entries as they are spelt, site makes them absolute and drops what comes twice.
    ours = {added, os.path.abspath(added)}
    if ours.isdisjoint(os.path.abspath(entry) for entry in before.split(":") if entry):
        sys.path[:] = [entry for entry in sys.path if entry not in ours]
    for entry in ours.difference(sys.path):
        sys.path_importer_cache.pop(entry, None)


def _module_files(module: object) -> set[str]:
    """Return the files that a module was loaded from."""
    try:
        # Modules may be lazy, or any object that was put into sys.modules: only look, run nothing of theirs.
        names = object.__getattribute__(module, "__dict__")
    except AttributeError:
        return set()
    spec = names.get("__spec__")
    origin = spec.origin if getattr(spec, "has_location", False) else None
    archive = getattr(names.get("__loader__"), "archive", None)
    files = [names.get("__file__"), origin] if archive is None else [archive]
    return {name for name in files if isinstance(name, str)}


def files_to_watch(modules: bool) -> list[str]:
    """Return the script's file first, and then, if asked for, those of all modules.

    Compiled files in __pycache__ are not among them: Python itself checks them against their source, and the first
    start after a change writes them.
    """
    chosen = list(sys.modules.values()) if modules else [sys.modules["__main__"]]
    files = {absolute(name) for module in chosen for name in _module_files(module)}
    return [_SCRIPT_FILE, *sorted(files)]


def flush() -> None:
    """Write out what the standard streams hold: it is setup's output, and no call's."""
    for stream in (sys.stdout, sys.stderr, sys.__stdout__, sys.__stderr__):
        if stream is not None and not _is_detached(stream) and not getattr(stream, "closed", False):
            stream.flush()


def _is_detached(stream: Any) -> bool:
    try:
        return getattr(stream, "buffer", stream) is None
    except ValueError:
        return True


# In the executor.


def install(
    script: str | None, arguments: list[str], environment: list[bytes], closed: int, ignored: int
) -> None:
    """Make everything that Python remembers this call's.

    All or nothing: a process in which a step fails ends here, so that no script runs with a part of another call's
    state, not even one that catches every exception.
    """
    try:
        _install_environment(environment)
        _install_arguments(script, arguments)
        _install_signals(ignored)
        _install_streams(closed)
        _renew_modules()
    except BaseException as error:
        _give_up(f"prefork-interp: installing the call: {type(error).__name__}: {error}", 127)


def _give_up(line: str, status: int) -> NoReturn:
    try:
        os.write(2, os.fsencode(line) + b"\n")
    finally:
        os._exit(status)


def _install_environment(environment: list[bytes]) -> None:
    fresh: dict[bytes, bytes] = {}
    for entry in environment:
        name, equals, value = entry.partition(b"=")
        if equals:
            fresh.setdefault(name, value)  # of duplicates the interpreter takes the first
    tables = [posix.environ]
    if getattr(os.environ, "_data", posix.environ) is not posix.environ:
        tables.append(os.environ._data)
    for table in tables:
        table.clear()
        table.update(fresh)


def _install_arguments(script: str | None, arguments: list[str]) -> None:
    if script is None:
        script = _SCRIPT
    words = [script, *arguments]
    sys.argv[:] = words
    if hasattr(sys, "orig_argv"):
        sys.orig_argv[_BEFORE_SCRIPT:] = words
    # Since 3.9 this is absolute, and the same in every call of a server.
    main = sys.modules["__main__"]
    if sys.version_info < (3, 9) and getattr(main, "__file__", None) == _SCRIPT:
        main.__file__ = script


def _install_signals(ignored: int) -> None:
    untouched = (_signal.SIG_DFL, _signal.default_int_handler)
    for number in range(1, _signal.NSIG):
        if ignored >> (number - 1) & 1 and any(_signal.getsignal(number) is handler for handler in untouched):
            _signal.signal(number, _signal.SIG_IGN)


def _install_streams(closed: int) -> None:
    for fd, name in enumerate(STREAMS):
        stream = getattr(sys, f"__{name}__")
        if not closed >> fd & 1:
            _renew_stream(fd, name)
        else:
            setattr(sys, f"__{name}__", None)
            if getattr(sys, name) is stream:
                setattr(sys, name, None)


def _renew_stream(fd: int, name: str) -> None:
    """Make the stream's objects in place what the interpreter's start would make of the descriptor.

    In place, because default arguments, logging handlers and the like hold on to them.
    """
    text = getattr(sys, f"__{name}__")
    if type(text) is not _io.TextIOWrapper:
        return
    if _is_detached(text):
        # The script has put a wrapper of its own around the buffer.
        text, buffer = None, getattr(getattr(sys, name), "buffer", None)
    else:
        buffer = text.buffer
    if getattr(buffer, "closed", True):
        return
    raw = _open_raw(fd, name)
    if type(buffer) in (_io.BufferedReader, _io.BufferedWriter) and buffer.raw.name == raw.name:
        buffer.__init__(raw, _buffer_size(raw))
    else:
        buffer = raw
    if text is not None:
        text.__init__(
            buffer,
            encoding=text.encoding,
            errors=text.errors,
            newline="\n",
            line_buffering=_line_buffering(text, raw, fd),
            write_through=text.write_through,
        )


def _open_raw(fd: int, name: str) -> _io.FileIO:
    """Return a new raw file: the old one remembers whether it could seek."""
    try:
        raw = _io.FileIO(fd, "wb" if fd else "rb", closefd=False)
    except IsADirectoryError:
        _give_up(f"Fatal Python error: init_sys_streams: <{name}> is a directory, cannot continue", 1)
    raw.name = f"<{name}>"
    return raw


def _buffer_size(raw: _io.FileIO) -> int:
    size = raw._blksize if raw._blksize > 1 else _io.DEFAULT_BUFFER_SIZE
    if sys.version_info >= (3, 14):
        size = max(min(size, 8 << 20), _io.DEFAULT_BUFFER_SIZE)
    return size


def _line_buffering(text: _io.TextIOWrapper, raw: _io.FileIO, fd: int) -> bool:
    buffered = not text.write_through  # of -u, which no flag tells
    in_setup = buffered and fd == 2 and sys.version_info >= (3, 9)  # there the descriptor was no terminal
    if text.line_buffering != in_setup:
        return text.line_buffering  # the script has chosen
    return in_setup or (buffered and raw.isatty())


def _renew_modules() -> None:
    for name, renew in _RENEW:
        module = sys.modules.get(name)
        if module is not None:
            renew(module)


def _renew_time(module: ModuleType) -> None:
    module.tzset()


def _renew_threading(module: ModuleType) -> None:
    main = module.main_thread()
    if hasattr(main, "_set_native_id"):
        main._set_native_id()


def _renew_logging(module: ModuleType) -> None:
    import time

    # Nanoseconds, an int, since 3.13; seconds before.
    module._startTime = time.time_ns() if isinstance(module._startTime, int) else time.time()


def _renew_multiprocessing(module: ModuleType) -> None:
    module.ORIGINAL_DIR = os.path.abspath(os.getcwd())
    process = module.current_process()
    if len(process.authkey) == 32:  # as the module makes it; a script's own is mostly of another length
        process.authkey = os.urandom(32)


_RENEW = (
    ("time", _renew_time),
    ("threading", _renew_threading),
    ("logging", _renew_logging),
    ("multiprocessing.process", _renew_multiprocessing),
)
