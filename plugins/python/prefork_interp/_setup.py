"""What is done when initialisation is complete, before there is a server: looking at all that setup has left.

Only modules that every interpreter has loaded at its start are imported, here and in the runtime's other files, because a
script can see in sys.modules what is.
"""

import os
import posix
import sys

from prefork_interp import _modules, _runtime
from prefork_interp._streams import Streams

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType
    from typing import Any, NoReturn, Union

    Path = Union[str, bytes, os.PathLike[str], os.PathLike[bytes]]


def absolute(path: "Path") -> "str | bytes":
    """Return the path made absolute, links in it left alone.  TypeError: not a path."""
    return os.path.abspath(os.fspath(path))


def _command_line() -> "list[str]":
    """Return the words that the interpreter was started with."""
    if hasattr(sys, "orig_argv"):
        return sys.orig_argv
    with open("/proc/self/cmdline", "rb") as file:
        return [os.fsdecode(word) for word in file.read().split(b"\0")[:-1]]


def _words_before_script(words: "list[str]") -> int:
    """Return how many of the words are the interpreter and its own arguments."""
    before = len(words) - len(sys.argv)
    if before > 0 and words[before + 1 :] == sys.argv[1:]:
        return before
    # The script has changed sys.argv already; options that take the next word were given as "-Wignore", or are missed.
    return next((i for i, word in enumerate(words) if i and word[:1] != "-"), len(words))


def _script_file() -> str:
    try:
        return absolute(SCRIPT)
    except OSError:  # no working directory: then it is no relative path that was started
        return SCRIPT


_WORDS = _command_line()
BEFORE_SCRIPT = _words_before_script(_WORDS)
SCRIPT = (_WORDS[BEFORE_SCRIPT:] or [""])[0]
SCRIPT_FILE = _script_file()


# In setup's environment: "1" where the script's own first lines are to run ahead, "0" where they could not.
SPLIT_VARIABLE = "PREFORK_INTERP_SPLIT"
SPLIT = os.environ.get(SPLIT_VARIABLE)


def forget_launcher() -> None:
    """Take out what the launcher put in for setup: the handshake, and the runtime's place in PYTHONPATH."""
    os.environ.pop("PREFORK_INTERP", None)
    os.environ.pop(SPLIT_VARIABLE, None)
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
    ours = {spelt for entry in added.split(":") for spelt in (entry, os.path.abspath(entry))}
    callers = {os.path.abspath(entry) for entry in before.split(":") if entry}
    ours = {entry for entry in ours if os.path.abspath(entry) not in callers}
    sys.path[:] = [entry for entry in sys.path if entry not in ours]
    for entry in ours.difference(sys.path):
        sys.path_importer_cache.pop(entry, None)


def _module_files(module: object) -> "set[str]":
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


def files_to_watch(modules: bool) -> "list[str]":
    """Return the script's file first, and then, if asked for, those of all modules.

    Compiled files in __pycache__ are not among them: Python itself checks them against their source, and the first
    start after a change writes them.
    """
    chosen = list(sys.modules.values()) if modules else [sys.modules["__main__"]]
    files = {absolute(name) for module in chosen for name in _module_files(module)}
    return [SCRIPT_FILE, *sorted(files)]


class Left:
    """What setup leaves to its calls."""

    def __init__(self) -> None:
        """Look for it.  Unfit: no call could be right."""
        self.umask = self.directory = None
        self._take_notes(sys.__dict__.pop("_prefork_interp_notes", None))
        if sys.version_info < (3, 9) and (sys.flags.dev_mode or "debug" in os.environ.get("PYTHONMALLOC", "")):
            raise _modules.Unfit("Python 3.8 crashes after a fork where it debugs its memory")
        if sys.argv[1:] != _WORDS[BEFORE_SCRIPT + 1 :] or not sys.argv:
            raise _modules.Unfit("initialisation has changed sys.argv")
        self.script_name = None if sys.argv[0] == SCRIPT else sys.argv[0]
        self._collector = quietly("gc")
        # What is made here must not bring on a collection: it can be seen, by the order in which objects are destroyed.
        self._collects = self._collector.isenabled()
        self._collector.disable()
        objects = all_objects(self._collector)
        self.streams = Streams(objects)
        self.modules = _modules.look(objects)
        del objects
        if not all(os.path.isabs(entry) for entry in sys.path):
            _runtime.depend_on_directory()
        self.environment = _environment_of_its_own()
        self._fork_hooks = _hide_fork_hooks(self._collector)
        # Who knows the collector may look at what it has.
        if "gc" not in sys.modules:
            _runtime.freeze(self._collector, False)

    def _take_notes(self, notes: "Any") -> None:
        """Heed what was noted since the interpreter's start (early/sitecustomize); None: nobody has."""
        if notes is None:
            return
        notes.end()
        if notes.whole_environment:
            raise _modules.Unfit("initialisation has looked at all of the environment")
        for name in notes.variables:
            if not name.startswith(b"PREFORK_INTERP"):
                _runtime.depend_on_variable(os.fsdecode(name))
        if notes.directory:
            _runtime.depend_on_directory()
        self.umask, self.directory = notes.umask, notes.chosen_directory

    def put_back(self) -> None:
        """Put back what serving had no use for: the script's functions for os.fork(), and the garbage collector."""
        for hooks, all_of_them in self._fork_hooks:
            hooks[:] = all_of_them
        if self._collects:
            self._collector.enable()


def all_objects(collector: "ModuleType") -> "list[object]":
    """Return what the collector knows; those that are frozen it does not tell, so they are looked for."""
    found = collector.get_objects()
    if not collector.get_freeze_count():
        return found
    found += [sys.modules, sys.__dict__]
    reached = {id(it): it for it in found}
    while found:
        new = {id(it): it for it in collector.get_referents(*found) if id(it) not in reached}
        reached.update(new)
        found = list(new.values())
    return list(reached.values())


def environment_table() -> "dict[bytes, bytes]":
    """Return what os.environ looks into."""
    return getattr(os.environ, "_data", posix.environ)


def read_environment(entries: "list[bytes]") -> "dict[bytes, bytes]":
    """Return the variables as the interpreter takes them at its start: of duplicates the first."""
    variables: "dict[bytes, bytes]" = {}
    for entry in entries:
        name, equals, value = entry.partition(b"=")
        if equals:
            variables.setdefault(name, value)
    return variables


def _environment_of_its_own() -> "dict[bytes, bytes | None]":
    """Return what os.environ says of variables that a library (readline: LINES) or os.putenv() has changed below it."""
    ours, below = environment_table(), read_environment(_runtime.environment())
    return {name: ours.get(name) for name in {*ours, *below} if ours.get(name) != below.get(name)}


def quietly(name: str) -> "Any":
    """Return a built-in module, which is not to be seen in sys.modules by that."""
    module = sys.modules.get(name)
    if module is None:
        module = __import__(name)
        del sys.modules[name]
    return module


def _hide_fork_hooks(collector: "ModuleType") -> "list[tuple[list[object], list[object]]]":
    """Take the script's own functions out of the interpreter's lists of what is called around a fork.

    A module's stay: they are needed where a process goes on in another.  The lists are found by what is in them.
    """

    def mark() -> None:
        pass

    os.register_at_fork(before=mark, after_in_child=mark, after_in_parent=mark)
    hidden = []
    for hooks in collector.get_referrers(mark):
        if type(hooks) is list:
            hooks.remove(mark)
            hidden.append((hooks, hooks[:]))
            hooks[:] = [hook for hook in hooks if getattr(hook, "__module__", None) not in ("__main__", "builtins")]
    return hidden


def refuse(reason: Exception) -> "NoReturn":
    """End setup, so that the script runs plain.

    Not by an exception that the script may catch: it would run here, without the call's descriptors, and once more.
    """
    line = f"prefork-interp: no server can be made: {type(reason).__name__}: {reason}"
    if len(sys._current_frames()) == 1:
        sys.exit(line)
    # Threads would be waited for, which may wait for what the call does.
    os.write(2, os.fsencode(line) + b"\n")
    os._exit(1)
