"""What an executor's interpreter must be told so that it looks freshly started for its call.

The server library has already put descriptors, directory, umask, limits, signal mask and the C environment in place;
here is what Python keeps copies of.
"""

import _signal
import os
import posix
import sys

from prefork_interp import _modules, _setup

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn


def install(
    left: _setup.Left,
    script: "str | None",
    arguments: "list[str]",
    environment: "list[bytes]",
    closed: int,
    ignored: int,
    output: "bytes | None",
) -> None:
    """Make everything that Python remembers this call's.

    All or nothing: a process in which a step fails ends here, so that no script runs with a part of another call's
    state, not even one that catches every exception.
    """
    try:
        _install_environment(environment)
        _install_arguments(script, arguments)
        _install_signals(ignored)
        left.streams.renew(closed)
        left.streams.write_output(output or b"")
        _modules.renew(left.modules)
        _drop_relative_finders()
        left.put_back()
    except BaseException as error:
        _give_up(f"prefork-interp: installing the call: {type(error).__name__}: {error}", 127)


def _give_up(line: str, status: int) -> "NoReturn":
    try:
        os.write(2, os.fsencode(line) + b"\n")
    finally:
        os._exit(status)


def _install_environment(environment: "list[bytes]") -> None:
    fresh: "dict[bytes, bytes]" = {}
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


def _install_arguments(script: "str | None", arguments: "list[str]") -> None:
    if script is None:
        script = _setup.SCRIPT
    words = [script, *arguments]
    sys.argv[:] = words
    if hasattr(sys, "orig_argv"):
        sys.orig_argv[_setup.BEFORE_SCRIPT :] = words
    # Since 3.9 this is absolute, and the same in every call of a server.
    main = sys.modules["__main__"]
    if sys.version_info < (3, 9) and getattr(main, "__file__", None) == _setup.SCRIPT:
        main.__file__ = script


def _install_signals(ignored: int) -> None:
    untouched = (_signal.SIG_DFL, _signal.default_int_handler)
    for number in range(1, _signal.NSIG):
        if ignored >> (number - 1) & 1 and any(_signal.getsignal(number) is handler for handler in untouched):
            _signal.signal(number, _signal.SIG_IGN)


def _drop_relative_finders() -> None:
    """Forget what was found below a relative entry of sys.path: it means this call's directory now."""
    for entry in [entry for entry in sys.path_importer_cache if not os.path.isabs(entry)]:
        del sys.path_importer_cache[entry]
