"""What calls have learned of the modules that a script loads: a table, kept between servers.

A line for each module, fields separated by tabs: name, reason why it is not loaded ahead ("" for none, MISSING where
there is no such module), its file with mtime (ns) and size, the modules that it imports (numbers of lines), variables of
the environment that it reads, files that it reads, and how often it was noted while it acted.  Lines are in the order in which the modules were first asked for.
"""

import os

from prefork_interp import _runtime

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

MISSING = "missing"
MOST = 256 << 10
HEAD = "prefork-interp python 2"
TRIES = 3  # calls in which a module acts before it is left out for good


class Entry:
    """One module."""

    __slots__ = ("name", "reason", "file", "imports", "variables", "files", "tries")

    def __init__(self, name: str) -> None:
        """Nothing is known of it yet."""
        self.name = name
        self.reason = ""
        self.file = ""  # path, mtime and size, separated by blanks; "": built in
        self.imports: "dict[str, None]" = {}
        self.variables: "dict[str, None]" = {}
        self.files: "dict[str, None]" = {}
        self.tries = 0

    @property
    def path(self) -> str:
        """The file that it was loaded from."""
        return self.file.rsplit(" ", 2)[0]


def describe(path: str) -> str:
    """Return a file with what tells whether it has changed."""
    if not path:
        return ""
    try:
        found = os.stat(path)
    except OSError:
        return f"{path} 0 0"
    return f"{path} {found.st_mtime_ns} {found.st_size}"


def read() -> "dict[str, Entry]":
    """Return the table, without the modules whose files have changed."""
    table = {}
    try:
        lines = _runtime.learned().decode("utf-8", "surrogateescape").split("\n")
        if lines.pop(0) != HEAD:
            return {}
        rows = [line.split("\t") for line in lines if line]
        names = [row[0] for row in rows]
        for name, reason, file, imports, variables, files, tries in rows:
            entry = Entry(name)
            entry.reason, entry.file = reason, file
            entry.imports = dict.fromkeys(names[int(number)] for number in imports.split())
            entry.variables = dict.fromkeys(variables.split())
            entry.files = dict.fromkeys(filter(None, files.split("\x1f")))
            entry.tries = int(tries)
            table[name] = entry
    except (ValueError, IndexError):
        return {}
    changed = {name for name, entry in table.items() if entry.file != describe(entry.path)}
    return {name: entry for name, entry in table.items() if name not in changed}


def write(table: "dict[str, Entry]") -> bool:
    """Keep the table, or as much of it as there is room for."""
    number = {name: str(i) for i, name in enumerate(table)}
    lines = [HEAD]
    room = MOST - len(HEAD) - 1
    for entry in table.values():
        imports = " ".join(number[name] for name in entry.imports if name in number)
        variables, files = " ".join(entry.variables), "\x1f".join(entry.files)
        fields = (entry.name, entry.reason, entry.file, imports, variables, files, str(entry.tries))
        line = "\t".join(field.replace("\t", " ").replace("\n", " ") for field in fields)
        room -= len(line.encode("utf-8", "surrogateescape")) + 1
        if room < 0:
            break
        lines.append(line)
    return _runtime.learn("\n".join([*lines, ""]).encode("utf-8", "surrogateescape"))


def left_out(table: "dict[str, Entry]") -> "dict[str, str]":
    """Return the modules that are not loaded ahead, and why.

    With a module all that import it are left out, and all that lie in it.
    """
    reasons = {name: entry.reason for name, entry in table.items() if entry.reason}
    _spread(table, reasons)
    return reasons


again: "set[str]" = set()


def try_again(table: "dict[str, Entry]") -> None:
    """Have modules noted again that acted, perhaps for once (they filled a cache), and all that import them."""
    reasons = {name: entry.reason for name, entry in table.items() if 0 < entry.tries < TRIES}
    if reasons:
        _spread(table, reasons)
    again.clear()
    again.update(name for name in reasons if name in table)


def _spread(table: "dict[str, Entry]", reasons: "dict[str, str]") -> None:
    """Give a reason to those that import, or lie in, what has one or is not known."""
    found = True
    while found:
        found = False
        for name, entry in table.items():
            if name in reasons:
                continue
            for needed in (*entry.imports, name.rpartition(".")[0]):
                if not needed or is_base(needed) or reasons.get(needed, "") == MISSING:
                    continue
                if needed in reasons or needed not in table:
                    reasons[name] = f"imports {needed}"
                    found = True
                    break


_base: "set[str]" = set()


def start_from(names: "Any") -> None:
    """Of these, which every interpreter has, nothing is learned."""
    _base.update(names)


def is_base(name: str) -> bool:
    """Is it one of those?"""
    return name in _base
