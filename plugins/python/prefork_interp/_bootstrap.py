fresh = {**globals()}  # of a main program; no docstring, for that would be in it
import sys  # noqa: E402

# Run by the interpreter in the place of a script that marks no end of its initialisation: "_bootstrap.py SCRIPT".
bootstrap = sys.argv.pop(0)
if hasattr(sys, "orig_argv"):
    sys.orig_argv.remove(bootstrap)
before = [*sys.path], {*sys.path_importer_cache}
sys.path.insert(0, bootstrap.rpartition("/")[0].rpartition("/")[0])

from prefork_interp import _script  # noqa: E402

_script.prepare(bootstrap, *before, fresh)
raise _script.Ready
