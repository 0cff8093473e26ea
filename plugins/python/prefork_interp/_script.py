"""A script that marks no end of its initialisation: all of it runs in each call, from compiled code.

What runs ahead is the interpreter's start, the script's compilation and, once calls have told which they are, the
loading of its modules (_replay).
"""

import _io
import os
import sys

from prefork_interp import _install, _learned, _modules, _record, _replay, _runtime, _setup, _split

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import CodeType
    from typing import Any, Callable

    Started = tuple[Any, dict[str, Any], Callable[[], None]]


class Ready(Exception):
    """Ends the bootstrap: the interpreter then calls sys.excepthook, which runs the script."""


def prepare(bootstrap: str, path: "list[str]", cache: "set[str]", fresh: "dict[str, Any]") -> None:
    """Make the interpreter what it would be just before the script's first line, and have start() called."""
    watched = [bootstrap, *_setup.files_to_watch(True)]
    code, main = _stand_before(bootstrap, path, cache, fresh)
    for file in watched:
        _runtime.watch_file(file)
    _replay.stand_by()
    divided = _divide(main.__file__) if code else None
    if divided:
        ahead = _split.Ahead(main.__file__, _serve)
        _runtime.run_after(lambda: (ahead.attend(), (divided, main.__dict__, ahead.conclude))[1])
    else:
        _runtime.run_after(lambda: _start(code, main))


def prepare_marked(bootstrap: str, path: "list[str]", cache: "set[str]", fresh: "dict[str, Any]") -> None:
    """Make it the same for a script that serves by itself."""
    code, main = _stand_before(bootstrap, path, cache, fresh)
    _runtime.begin_reads()
    _runtime.run_after(lambda: (_runnable(code), main.__dict__, main.__repr__))


def _stand_before(
    bootstrap: str, path: "list[str]", cache: "set[str]", fresh: "dict[str, Any]"
) -> "tuple[CodeType | None, Any]":
    """Return the script, compiled, and its module.  None: it is an archive."""
    script = sys.argv[0]
    filename = script
    # As spelt, but for its folder: nothing is normalised.
    if sys.version_info >= (3, 9) and not os.path.isabs(script):
        filename = f"{os.getcwd()}/{script}"
    finder = _find_finder(filename)
    code = _compile(filename) if finder is None else None
    searched = not (sys.flags.isolated or getattr(sys.flags, "safe_path", False))
    path[:searched] = [filename] if finder else [os.path.dirname(os.path.realpath(script))] if searched else []
    sys.path[:] = path
    for entry in {*sys.path_importer_cache} - cache | {bootstrap}:
        sys.path_importer_cache.pop(entry, None)
    sys.path_importer_cache[filename] = finder
    main = type(sys)("__main__")
    _make_main(main, filename, fresh)
    sys.modules["__main__"].__dict__.clear()
    sys.modules["__main__"] = main
    for name in [name for name in sys.modules if name.partition(".")[0] == __package__]:
        del sys.modules[name]
    return code, main


def _compile(filename: str) -> "CodeType":
    return compile(_read(filename), filename, "exec", 0, True)


def _read(filename: str) -> bytes:
    with _io.open(filename, "rb") as file:
        return file.read()


def _divide(filename: str) -> "CodeType | None":
    return _split.divide(_read(filename), filename) if _split.wanted(filename) else None


def _find_finder(filename: str) -> "Any":
    """Look, as the interpreter does, whether the script is something to import from: an archive."""
    for hook in sys.path_hooks:
        try:
            return hook(filename)
        except ImportError:
            pass
    return None


def _make_main(main: "Any", filename: str, fresh: "dict[str, Any]") -> None:
    names = main.__dict__
    names.clear()
    names.update(fresh)
    names["__file__"] = filename
    names["__loader__"] = type(fresh["__loader__"])("__main__", filename)
    if "__annotations__" in names:
        names["__annotations__"] = {}


def _start(code: "CodeType | None", main: "Any") -> "Started":
    """Serve.  Return, in the executor of a call, with the call in place."""
    spelt = sys.argv[0]
    conclude = _serve(_setup.refuse)
    if sys.version_info < (3, 9):
        # Installing the call has forgotten what was asked of relative paths.
        sys.path_importer_cache[sys.argv[0]] = _find_finder(sys.argv[0])
        if code and sys.argv[0] != spelt:
            code = _compile(sys.argv[0])
    return _runnable(code), main.__dict__, conclude


def _serve(refuse: "Callable[[Exception], None]") -> "Callable[[], None]":
    """Serve.  Return, in an executor, what is to be called when the script has ended; where it can't be: refuse(why)."""
    _learned.start_from(sys.modules)
    table = _learned.read()
    recorder = _record.Recorder(table)
    try:
        left = _setup.Left()
        call = _runtime.run(lambda: _replay.improve(left, table))
    except Exception as error:
        refuse(error)
        _setup.refuse(error)
    if call is None:
        _setup.refuse(_modules.Unfit("not started by prefork-interp"))
    _install.install(left, *call)
    _replay.serve_imports(recorder.finders, call[3])
    recorder.attend()
    return recorder.conclude


def _runnable(code: "CodeType | None") -> "Any":
    """Return the code, or the function by which the interpreter runs an archive, with its arguments."""
    if code:
        return code
    import runpy

    return runpy._run_module_as_main, "__main__", False
