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
        _install_environment(environment, left.environment)
        _install_arguments(script, arguments, left.script_name)
        _install_signals(ignored)
        _repeat_changes(left)
        left.streams.renew(closed)
        left.streams.write_output(output or b"")
        _modules.renew(left.modules)
        _drop_finders()
        left.put_back()
    except BaseException as error:
        _give_up(f"prefork-interp: installing the call: {type(error).__name__}: {error}", 127)


def _give_up(line: str, status: int) -> "NoReturn":
    try:
        os.write(2, os.fsencode(line) + b"\n")
    finally:
        os._exit(status)


def _install_environment(environment: "list[bytes]", own: "dict[bytes, bytes | None]") -> None:
    fresh = _setup.read_environment(environment)
    for name, value in own.items():
        if value is None:
            fresh.pop(name, None)
        else:
            fresh[name] = value
    for table in {id(table): table for table in (posix.environ, _setup.environment_table())}.values():
        table.clear()
        table.update(fresh)


def _install_arguments(script: "str | None", arguments: "list[str]", name: "str | None") -> None:
    """Put them in; name: what setup has put in the script's place."""
    if script is None:
        script = _setup.SCRIPT
    sys.argv[:] = [script if name is None else name, *arguments]
    if hasattr(sys, "orig_argv"):
        sys.orig_argv[_setup.BEFORE_SCRIPT :] = [script, *arguments]
    # Since 3.9 this is absolute, and the same in every call of a server.
    main = sys.modules["__main__"]
    if sys.version_info < (3, 9) and getattr(main, "__file__", None) == _setup.SCRIPT:
        main.__file__ = script


def _install_signals(ignored: int) -> None:
    for number in range(1, _signal.NSIG):
        if not ignored >> (number - 1) & 1:
            continue
        handler = _signal.getsignal(number)
        # Of these the interpreter's start leaves none at its default: then that is setup's choice.
        if handler is _signal.SIG_DFL and number in (_signal.SIGINT, _signal.SIGPIPE, _signal.SIGXFSZ):
            _signal.signal(number, handler)
        elif handler is _signal.SIG_DFL or handler is _signal.default_int_handler:
            _signal.signal(number, _signal.SIG_IGN)


def _repeat_changes(left: _setup.Left) -> None:
    """Set what setup has set: if its caller had the same, the server library took it for unchanged."""
    if left.umask is not None:
        os.umask(left.umask)
    if left.directory is not None:
        os.chdir(left.directory)


def _drop_finders() -> None:
    """Forget of entries of sys.path that they were not there in setup, if they are now."""
    for entry in sys.path:
        if sys.path_importer_cache.get(entry, sys) is None and os.path.exists(entry):
            del sys.path_importer_cache[entry]
