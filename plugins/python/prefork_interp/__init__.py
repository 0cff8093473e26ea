"""Serve a script's calls from a process in which its initialisation is already done.

A script that is started by ``prefork-interp -- python3`` says where its initialisation ends:

>>> import prefork_interp
>>> # ... imports, tables, everything that is the same for each call ...
>>> prefork_interp.initialisation_complete(idle_timeout=600)
>>> # ... from here on sys.argv, os.environ, sys.stdin and so on are this call's ...

Started in any other way, the script simply runs on: the functions below then only look at their arguments.

What a script does before that line it does once for many calls, so it should not look at its arguments, its
environment, its standard streams or its working directory there, and it must have no second thread.
"""

from prefork_interp import _install, _runtime, _setup

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from os import PathLike
    from typing import Union

    Path = Union[str, bytes, PathLike[str], PathLike[bytes]]

__all__ = ["autoreload_also_check", "initialisation_complete"]


def initialisation_complete(
    *,
    max_servers: "int | None" = None,
    idle_timeout: "int | None" = None,
    autoreload_modules: bool = True,
    autoreload_extra: "Iterable[Path]" = (),
    max_errors: "int | None" = None,
    log_facility: "str | None" = None,
) -> None:
    """Return in each call of the script, at this place, with all that belongs to the call in place.

    An option that is None keeps its default, and one given on the ``#!`` line wins over one given here.

    max_servers: how many calls may run at once; negative: no limit.  Default 64.
    idle_timeout: seconds without a call after which the server goes; negative: never.  Default 1,000,000.
    autoreload_modules: start afresh when the file of a module imported so far changes.  The script itself, the
        interpreter and shared objects are always looked at.
    autoreload_extra: further files to look at, as by autoreload_also_check().
    max_errors: after how many errors of its own the server goes.  Default 100.
    log_facility: syslog facility for the server's messages, such as "user" or "LOG_DAEMON"; "": no log.

    Raises TypeError or ValueError for an option that is none of these, OSError for a file that can't be looked at,
    RuntimeError when what the launcher says is malformed.  When no server can be made (more than one thread, an open
    connection, and the like) setup ends with SystemExit, and the calls are plain runs.

    >>> initialisation_complete(max_servers=4, idle_timeout=3600, log_facility="user")
    >>> initialisation_complete(idle_timeout="soon")
    Traceback (most recent call last):
        ...
    TypeError: idle_timeout must be an int, not str
    """
    options = {
        "max_servers": _number("max_servers", max_servers),
        "idle_timeout": _number("idle_timeout", idle_timeout),
        "max_errors": _number("max_errors", max_errors),
        "log_facility": _text("log_facility", log_facility),
    }
    extra = _paths("autoreload_extra", autoreload_extra)
    serving = _runtime.serving()
    for name, value in options.items():
        if value is not None:
            _runtime.option(name, value)
    if not serving:
        return
    for path in [*_setup.files_to_watch(autoreload_modules), *extra]:
        _runtime.watch_file(path)
    try:
        left = _setup.Left()
        call = _runtime.run()
    except Exception as error:
        _setup.refuse(error)
    if call is not None:
        _install.install(left, *call)
        # From here on the script gets its signals; a KeyboardInterrupt belongs to it.
        _runtime.unblock()


def autoreload_also_check(*paths: "Path") -> None:
    """Look at these files too before each call, and start afresh when one has changed.

    A file that does not exist is looked for: its appearing counts as a change.  Relative paths are taken from the
    present working directory.  To be called before initialisation_complete(); afterwards it changes nothing.

    Raises TypeError for what is not a path, OSError for one that can't be looked at.

    >>> autoreload_also_check("/etc/hostname", b"/etc/hosts")
    >>> autoreload_also_check(3)
    Traceback (most recent call last):
        ...
    TypeError: expected str, bytes or os.PathLike object, not int
    """
    absolute = _paths("paths", paths)
    if _runtime.serving():
        for path in absolute:
            _runtime.watch_file(path)


def _number(name: str, value: "int | None") -> "str | None":
    if value is None:
        return None
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError(f"{name} must be an int, not {type(value).__name__}")
    return str(int(value))


def _text(name: str, value: "str | None") -> "str | None":
    if value is not None and not isinstance(value, str):
        raise TypeError(f"{name} must be a str, not {type(value).__name__}")
    return value


def _paths(name: str, paths: "Iterable[Path]") -> "list[str | bytes]":
    if isinstance(paths, (str, bytes)) or hasattr(paths, "__fspath__"):
        raise TypeError(f"{name} must be an iterable of paths, not one path")
    return [_setup.absolute(path) for path in paths]


_runtime.adopt()
_setup.forget_launcher()
