"""A script whose own first statements run ahead of its calls: option --split.

The boundary lies before the first `if __name__ == "__main__":` among the script's own statements.  A call of ours is put
there, into the tree of the one compilation, so that the script has one frame and all lines their numbers.

What runs ahead, the modules that it imports among it, is watched as modules are of which a call learns.  The first that would
tell calls apart, or would have an effect, starts setup again, in which the whole script runs in each call; the wires trip
before anything is done.  That is kept until the script changes.
"""

import builtins
import os
import sys

from prefork_interp import _learned, _record, _runtime, _setup, _wires

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import CodeType
    from typing import Any, Callable

_tree = _setup.quietly("_ast")
# No script has such a name.
BOUNDARY = " boundary"


def wanted(filename: str) -> bool:
    """Is the script to be divided, as far as is known?"""
    if _setup.SPLIT != "1" or _learned.why_not_split(filename):
        return False
    # In setup that is started again the interpreter's own change of the locale would be the caller's.
    if os.environ.get("LC_CTYPE") and not _was_given(b"LC_CTYPE="):
        return False
    # Before 3.9 a script has its name as it was spelt by each call.
    return sys.version_info >= (3, 9) or os.path.isabs(filename)


def _was_given(variable: bytes) -> bool:
    with open("/proc/self/environ", "rb") as file:
        return any(entry.startswith(variable) for entry in file.read().split(b"\0"))


def divide(source: bytes, filename: str) -> "CodeType | None":
    """Return the script's code, with a call at its boundary; None: it has none."""
    tree = compile(source, filename, "exec", _tree.PyCF_ONLY_AST, True)
    at = next((i for i, statement in enumerate(tree.body) if _is_guard(statement)), None)
    if at is None:
        return None
    function = _tree.Name(BOUNDARY, _tree.Load())
    call = _tree.Call(function, [], [])
    statement = _tree.Expr(call)
    for node in (function, call, statement):
        node.lineno = node.end_lineno = tree.body[at].lineno
        node.col_offset = node.end_col_offset = tree.body[at].col_offset
    tree.body.insert(at, statement)
    return compile(tree, filename, "exec", 0, True)


def _is_guard(statement: "Any") -> bool:
    return isinstance(statement, _tree.If) and _asks_name(statement.test)


def _asks_name(test: "Any") -> bool:
    if isinstance(test, _tree.BoolOp):
        return any(map(_asks_name, test.values))
    if not isinstance(test, _tree.Compare):
        return False
    sides = (test.left, *test.comparators)
    return any(isinstance(side, _tree.Name) and side.id == "__name__" for side in sides) and any(
        isinstance(side, _tree.Constant) and side.value == "__main__" for side in sides
    )


class Ahead(_record.Recorder):
    """The script's first statements, in setup."""

    def __init__(self, filename: str, serve: "Callable[[Callable[[object], None]], Callable[[], None]]") -> None:
        """At the boundary serve(refuse) is called; what it returns is called when the script has ended."""
        super().__init__({})
        self._wires = _wires.Wires(self._trip, self._read_variable, _wires.UNHEARD)
        self._filename = filename
        self._serve = serve
        self._conclude: "Callable[[], None] | None" = None
        self.stack = [_learned.Entry("__main__")]
        self._noted = [*self.stack]

    def attend(self) -> None:
        """From here on."""
        builtins.__dict__[BOUNDARY] = self._reach_boundary
        self._import = builtins.__import__
        _runtime.listen()
        _runtime.note({}, self.begin, self.end, self.imported, self._trip, self._audited)
        builtins.__import__ = _record.HOOKS[1]
        self._wires.hang()
        _runtime.note_all(True)

    def begin(self, name: str) -> None:
        """A module of the script's is imported."""
        self.stack.append(_learned.Entry(name))
        self._noted.append(self.stack[-1])

    def end(self, name: str, error: "BaseException | None") -> None:
        """It was."""
        self.stack.pop()

    def taint(self, reason: str) -> None:
        """Nothing is to run ahead."""
        module = self.stack[-1].name
        self._refuse(reason if module == "__main__" else f"{reason}, in {module}")

    def _trip(self, kind: str, arguments: "tuple[Any, ...]" = ()) -> None:
        if kind in _wires.HARMLESS:  # but to a call without that stream
            self.taint(kind)
        super()._trip(kind, arguments)

    def conclude(self) -> None:
        """The script has ended."""
        if not self._conclude:
            self._refuse("the script ends before")
        self._conclude()

    def _refuse(self, reason: object) -> None:
        _runtime.note(None, None, None, None, None, None)
        _learned.refuse_split(self._filename, f"{reason}{self._line()}")
        _runtime.start_again(f"{_setup.SPLIT_VARIABLE}=0")

    def _line(self) -> str:
        frame = sys._getframe()
        while frame.f_back:
            frame = frame.f_back
        return f" (line {frame.f_lineno})" if frame.f_code.co_filename == self._filename else ""

    def _reach_boundary(self) -> None:
        _runtime.note_all(False)
        _runtime.note(None, None, None, None, None, None)
        self._wires.take_down()
        if builtins.__import__ is _record.HOOKS[1]:
            builtins.__import__ = self._import
        del builtins.__dict__[BOUNDARY]
        for entry in self._noted:
            for variable in entry.variables:
                _runtime.depend_on_variable(variable)
            for file in entry.files:
                _runtime.watch_file(file)
        for file in _setup.files_to_watch(True):
            _runtime.watch_file(file)
        self._conclude = self._serve(self._refuse)
        _runtime.unblock()
