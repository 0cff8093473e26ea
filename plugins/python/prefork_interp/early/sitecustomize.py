"""Loaded when the interpreter starts, in setup only: notes what of its caller's the script looks at, from its first line.

The launcher names this folder in PYTHONPATH.  Where the machine has a sitecustomize of its own, that is loaded from here.
"""

import os
import posix
import sys

# Modules that ask for what is renewed in each call.
RENEWED = ("prefork_interp", "multiprocessing.process")


class Table(dict):
    """What os.environ looks into, meanwhile."""

    notes = None

    def __getitem__(self, name):
        Table.notes.variables.add(name)
        return dict.__getitem__(self, name)

    def __contains__(self, name):
        Table.notes.variables.add(name)
        return dict.__contains__(self, name)

    def __iter__(self):
        Table.notes.whole_environment = True
        return dict.__iter__(self)

    def __len__(self):
        Table.notes.whole_environment = True
        return dict.__len__(self)

    def keys(self):
        Table.notes.whole_environment = True
        return dict.keys(self)

    def items(self):
        Table.notes.whole_environment = True
        return dict.items(self)

    def values(self):
        Table.notes.whole_environment = True
        return dict.values(self)


class Notes:
    """What the script has looked at, and what it has set to a value that its caller may have had anyway."""

    def __init__(self):
        self.variables = set()
        self.whole_environment = self.directory = False
        self.chosen_directory = None
        self._umasks = []
        self._functions = {}
        for name, note in (("getcwd", self._read_directory), ("getcwdb", self._read_directory)):
            self._replace(name, note)
        self._replace("chdir", self._change_directory)
        self._replace("umask", self._change_umask)
        self._environments = (os.environ, os.environb)  # of one table
        self._table = os.environ._data
        self._watched = os.environ._data = os.environb._data = Table(self._table)
        Table.notes = self

    def end(self):
        """Take everything back."""
        for name, (ours, original) in self._functions.items():
            if getattr(os, name, None) is ours:
                setattr(os, name, original)
        for environ in self._environments:
            environ._data = self._table
        self._table.clear()
        self._table.update(dict.items(self._watched))

    @property
    def umask(self):
        """What the script has chosen; None: nothing, or it has put back what it found."""
        if not self._umasks or (len(self._umasks) > 1 and self._umasks[-1][0] == self._umasks[0][1]):
            return None
        return self._umasks[-1][0]

    def _replace(self, name, note):
        original = getattr(posix, name)

        def function(*arguments, **named):
            result = original(*arguments, **named)
            note(result, *arguments, **named)
            return result

        function.__name__ = function.__qualname__ = name
        self._functions[name] = (function, original)
        setattr(os, name, function)

    def _read_directory(self, result):
        frame = sys._getframe(2)
        for _ in range(4):
            if frame and str(frame.f_globals.get("__name__")).startswith(RENEWED):
                return
            frame = frame and frame.f_back
        self.directory = True

    def _change_directory(self, result, path):
        if isinstance(path, int) or not os.path.isabs(path):
            self.directory = True
        else:
            self.chosen_directory = path

    def _change_umask(self, result, mask):
        self._umasks.append((mask, result))


def _load_the_machines():
    folder = os.path.dirname(__file__)
    sys.path[:] = [entry for entry in sys.path if entry != folder]
    sys.path_importer_cache.pop(folder, None)
    del sys.modules["sitecustomize"]
    import sitecustomize  # noqa: F401  ImportError: there is none; the site module expects that


if "PREFORK_INTERP" in os.environ:
    sys._prefork_interp_notes = Notes()
_load_the_machines()
