"""Noting what a call imports that is not known yet: which modules, and what they look at meanwhile.

The modules are the call's own, imported as ever; only the noting is ours.  What was noted is kept when the script ends.
"""

import builtins
import os
import sys

import _frozen_importlib as importlib
from prefork_interp import _learned, _runtime
from prefork_interp._wires import ACTS, HARMLESS, LOOKS, RENEWED, VOLATILE, Wires

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class Finders:
    """The import system's finders, as the interpreter has them and as modules change them while they are imported."""

    def __init__(self) -> None:
        """As they are."""
        self.accept()

    def accept(self) -> None:
        """A module was imported, and may have changed them."""
        self._meta_path, self._path_hooks = [*sys.meta_path], [*sys.path_hooks]

    def are_same(self) -> bool:
        """Do they find what they have found?  One that was put behind them is asked only for what they do not find."""
        return (
            sys.meta_path[: len(self._meta_path)] == self._meta_path
            and sys.path_hooks[: len(self._path_hooks)] == self._path_hooks
        )


class Notes:
    """The imports that are under way, and those that have ended."""

    def __init__(self) -> None:
        """None yet."""
        self.entries: "dict[str, _learned.Entry]" = {}
        self.stack: "list[_learned.Entry]" = []

    def begin(self, name: str) -> None:
        """An import begins: one that its importer asks for."""
        if self.stack:
            self.stack[-1].imports[name] = None
        entry = self.entries.get(name) or _learned.Entry(name)
        self.entries[name] = entry
        self.stack.append(entry)

    def end(self, name: str, error: "BaseException | None") -> None:
        """It has ended."""
        entry = self.stack.pop()
        if error is None:
            entry.file = _learned.describe(module_file(sys.modules.get(name)))
            if entry.reason == _learned.MISSING:
                entry.reason = ""
        elif not isinstance(error, ImportError):
            entry.reason = f"raises {type(error).__name__}"
        elif not entry.reason:
            # It fails in each call, and what it has imported until then is its importer's.
            entry.reason = _learned.MISSING
            if self.stack:
                self.stack[-1].imports.update(entry.imports)
                self.stack[-1].variables.update(entry.variables)
                self.stack[-1].files.update(dict.fromkeys((*entry.files, *_files_of(name, error))))

    def imported(self, arguments: "tuple[Any, ...]", keywords: "dict[str, Any] | None") -> None:
        """After an import statement in a module, also of what was there already."""
        name, names_of_importer, _, wanted, level = (*arguments, *(None, None, None, None, 0)[len(arguments) :])
        if keywords:
            wanted, level = keywords.get("fromlist", wanted), keywords.get("level", level)
            names_of_importer = keywords.get("globals", names_of_importer)
            name = keywords.get("name", name)
        if level:
            package = importlib._calc___package__(names_of_importer)
            name = importlib._resolve_name(name, package, level)
        self.need(name)
        for attribute in wanted or ():
            if f"{name}.{attribute}" in sys.modules:
                self.need(f"{name}.{attribute}")

    def need(self, name: str) -> None:
        """The module at hand needs this one."""
        if name == "__main__":
            self.taint("imports __main__")
        elif self.stack and not _learned.is_base(name):
            self.stack[-1].imports[name] = None

    def taint(self, reason: str) -> None:
        """The module at hand is not to be loaded ahead."""
        if self.stack and not self.stack[-1].reason:
            self.stack[-1].reason = reason

    def act(self, what: str) -> None:
        """The module at hand does something, perhaps this time only."""
        self.taint(what)
        if self.stack and self.stack[-1].reason == what:
            self.stack[-1].tries = 1


class Recorder(Notes):
    """In the executor: with tripwires."""

    def __init__(self, table: "dict[str, _learned.Entry]") -> None:
        """Of the modules in the table nothing is noted but where another imports them."""
        super().__init__()
        self.known = table
        _learned.try_again(table)
        self._wires = Wires(self._trip, self._read_variable)
        self.finders = Finders()
        self._process = 0

    def attend(self) -> None:
        """From here on, in this process."""
        self._process = os.getpid()
        again = _learned.again
        known = {name: it for name, it in self.known.items() if name not in again} if again else self.known
        _runtime.note(known, self.begin, self.end, self.imported, self._trip, self._audited)

    def conclude(self) -> None:
        """The script has ended: keep what was noted."""
        _runtime.note(None, None, None, None, None, None)
        if not self.entries or self.stack or os.getpid() != self._process:
            return
        table = _learned.read()
        for name, entry in self.entries.items():
            before = table.get(name)
            if before and before.tries:
                entry.tries += before.tries
            elif before and before.reason and not entry.reason and before.reason != _learned.MISSING:
                entry.reason = before.reason
            if not entry.reason:
                entry.tries = 0
            table[name] = entry
        _learned.write(table)

    def begin(self, name: str) -> None:
        """As in Notes."""
        first = not self.stack
        super().begin(name)
        self.stack[-1].search = _learned.search_path()
        if not first:
            return
        _runtime.listen()
        self._same_finders = self.finders.are_same()
        if not self._same_finders:
            self.taint("the finders were changed")
        self._import = builtins.__import__
        builtins.__import__ = HOOKS[1]
        self._wires.hang()

    def end(self, name: str, error: "BaseException | None") -> None:
        """As in Notes."""
        super().end(name, error)
        if self.stack:
            return
        self._wires.take_down()
        if self._same_finders:
            self.finders.accept()
        if builtins.__import__ is HOOKS[1]:
            builtins.__import__ = self._import

    def _trip(self, kind: str, arguments: "tuple[Any, ...]" = ()) -> None:
        if kind in LOOKS:
            self._looked_at(arguments[0] if arguments else None)
        elif kind not in HARMLESS and kind not in RENEWED.get(self.stack[-1].name, ()):
            self.taint(kind)

    def _looked_at(self, path: "Any") -> None:
        if isinstance(path, int) or not isinstance(path, (str, bytes, os.PathLike)):
            self.taint("looks at a descriptor")
            return
        path = os.fsdecode(path)
        if not os.path.isabs(path):
            self.taint("looks at a relative path")
        elif path.startswith("/proc/") or path.startswith("/dev/"):
            self.taint(f"looks at {path}")
        elif not os.path.isdir(path):
            self.stack[-1].files[path] = None

    def _read_variable(self, name: str) -> None:
        if name in VOLATILE:
            self.taint(f"reads {name}")
        elif self.stack:
            self.stack[-1].variables[name] = None

    def _audited(self, event: str, arguments: "tuple[Any, ...]") -> None:
        if event == "open":
            if not _by_importlib():
                self._opened(*arguments)
        elif event in ("os.listdir", "os.scandir"):
            if not _by_importlib() and isinstance(arguments[0], (str, bytes)) and os.path.isabs(arguments[0]):
                self.stack[-1].files[os.fsdecode(arguments[0])] = None
            elif not _by_importlib():
                self.taint("lists a relative path")
        elif event == "socket.bind" and arguments[1:] and _is_any_port(arguments[1]):
            pass
        elif event.startswith(ACTS) and not _by_importlib():
            self.act(event)

    def _opened(self, path: "Any", mode: "Any", flags: "Any") -> None:
        writes = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_TRUNC
        if isinstance(path, int) or (isinstance(flags, int) and flags & writes):
            self.act("opens a descriptor or a file to write")
        elif os.fsdecode(path) == "/dev/null":
            pass
        else:
            self._looked_at(path)


def _is_any_port(address: "Any") -> bool:
    """Is it the way to find out what protocols there are (urllib3)?  Of that nothing stays behind."""
    return type(address) is tuple and len(address) > 1 and address[1] == 0


def _by_importlib() -> bool:
    """Is it the import system itself, looking for modules and writing compiled ones?"""
    frame = sys._getframe(2)
    return frame is not None and frame.f_code.co_filename.startswith("<frozen importlib")


def module_file(module: "Any") -> str:
    """Return the file that a module was loaded from; "": none."""
    try:
        names = object.__getattribute__(module, "__dict__")
    except AttributeError:
        return ""
    spec = names.get("__spec__")
    archive = getattr(names.get("__loader__"), "archive", None)
    path = archive or (getattr(spec, "origin", None) if getattr(spec, "has_location", False) else None)
    return path if isinstance(path, str) and os.path.isabs(path) else ""


def _files_of(name: str, error: ImportError) -> "list[str]":
    """Return the file of a module that could not be imported, as far as it can be seen."""
    trace = error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_globals.get("__name__") == name and os.path.isabs(trace.tb_frame.f_code.co_filename):
            return [trace.tb_frame.f_code.co_filename]
        trace = trace.tb_next
    return []


HOOKS = _runtime.hooks(importlib._find_and_load, builtins.__import__, builtins)
