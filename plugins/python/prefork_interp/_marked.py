fresh = {**globals()}  # of a main program; no docstring, for that would be in it
import sys  # noqa: E402

# Run by the interpreter in the place of a script that marks the end of its initialisation: "_marked.py SCRIPT".  The
# script runs here as it would by itself, and imports the runtime by itself: here only a part of it is looked into.
bootstrap = sys.argv.pop(0)
if hasattr(sys, "orig_argv"):
    sys.orig_argv.remove(bootstrap)
before = [*sys.path], {*sys.path_importer_cache}
package = type(sys)("prefork_interp")
package.__path__ = [bootstrap.rpartition("/")[0]]  # type: ignore[attr-defined]
sys.modules["prefork_interp"] = package

from prefork_interp import _script  # noqa: E402

_script.prepare_marked(bootstrap, *before, fresh)
raise _script.Ready
