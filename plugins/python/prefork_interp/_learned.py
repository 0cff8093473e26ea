"""What calls have learned of the modules that a script loads: a table, kept between servers.

A line for each module, fields separated by tabs: name, reason why it is not loaded ahead ("" for none, MISSING where
there is no such module), its file with mtime (ns) and size, the modules that it imports (numbers of lines), variables of
the environment that it reads, files that it reads, the sys.path by which it was looked for ("": the interpreter's own; "=":
that of the last line that has another), and in how many calls it has acted while it was imported.  Lines are in the order in which the modules were first asked for.  The first line
has the interpreter's own sys.path.

Option --split adds a line of its own where it could not be done: SPLIT, reason, the script with mtime and size.
"""

import os
import sys

from prefork_interp import _runtime

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

MISSING = "missing"
SPLIT = "--split"
MOST = 256 << 10
HEAD = "prefork-interp python 3"
TRIES = 3  # calls in which a module acts before it is left out for good
SEPARATOR = "\x1f"


class Entry:
    """One module."""

    __slots__ = ("name", "reason", "file", "imports", "variables", "files", "search", "tries")

    def __init__(self, name: str) -> None:
        """Nothing is known of it yet."""
        self.name = name
        self.reason = ""
        self.file = ""  # path, mtime and size, separated by blanks; "": built in
        self.imports: "dict[str, None]" = {}
        self.variables: "dict[str, None]" = {}
        self.files: "dict[str, None]" = {}
        self.search: "tuple[str, ...] | None" = None  # None: the interpreter's own sys.path
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
        head, _, path = lines.pop(0).partition("\t")
        if head != HEAD:
            return {}
        same_path = path == _in_a_field(_own_path)
        last: "tuple[str, ...]" = ()
        rows = [line.split("\t") for line in lines if line]
        _of_script.clear()
        _of_script.extend(row for row in rows if row[0] == SPLIT)
        rows = [row for row in rows if row[0] != SPLIT]
        names = [row[0] for row in rows]
        for name, reason, file, imports, variables, files, search, tries in rows:
            entry = Entry(name)
            entry.reason, entry.file = reason, file
            entry.imports = dict.fromkeys(names[int(number)] for number in imports.split())
            entry.variables = dict.fromkeys(variables.split())
            entry.files = dict.fromkeys(filter(None, files.split(SEPARATOR)))
            last = last if search in ("", "=") else tuple(search.split(SEPARATOR))
            entry.search = last if search else None
            entry.tries = int(tries)
            if same_path or not search:
                table[name] = entry
    except (ValueError, IndexError):
        return {}
    changed = {name for name, entry in table.items() if entry.file != describe(entry.path)}
    return {name: entry for name, entry in table.items() if name not in changed}


def write(table: "dict[str, Entry]") -> bool:
    """Keep the table, or as much of it as there is room for."""
    number = {name: str(i) for i, name in enumerate(table)}
    lines = [f"{HEAD}\t{_in_a_field(_own_path)}"]
    lines += ["\t".join(row) for row in _of_script]
    room = MOST - len(_encode("\n".join(lines))) - 1
    last: "tuple[str, ...] | None" = None
    for entry in table.values():
        imports = " ".join(number[name] for name in entry.imports if name in number)
        search = "" if entry.search is None else "=" if entry.search == last else SEPARATOR.join(entry.search)
        last = entry.search or last
        files = SEPARATOR.join(entry.files)
        variables, tries = " ".join(entry.variables), str(entry.tries)
        fields = (entry.name, entry.reason, entry.file, imports, variables, files, search, tries)
        line = "\t".join(map(_in_a_field, fields))
        room -= len(_encode(line)) + 1
        if room < 0:
            break
        lines.append(line)
    return _runtime.learn(_encode("\n".join([*lines, ""])))


def _in_a_field(text: str) -> str:
    return text.replace("\t", " ").replace("\n", " ")


def _encode(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def left_out(table: "dict[str, Entry]") -> "dict[str, str]":
    """Return the modules that are not loaded ahead, and why.

    With a module all that import it are left out, and all that lie in it.
    """
    reasons = {name: entry.reason for name, entry in table.items() if entry.reason}
    # What mypyc has compiled together has one memory of what it has imported, and takes that from sys.modules.
    reasons.update((name, "is compiled by mypyc") for name in table if name.endswith("__mypyc"))
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


_of_script: "list[list[str]]" = []


def why_not_split(script: str) -> str:
    """Return why the script's own first lines do not run ahead; "": nothing is known of it."""
    read()
    return next((reason for _, reason, file in _of_script if file == _in_a_field(describe(script))), "")


def refuse_split(script: str, reason: str) -> None:
    """Keep it."""
    table = read()
    _of_script[:] = [[SPLIT, *map(_in_a_field, (reason, describe(script)))]]
    write(table)


_base: "set[str]" = set()
_own_path = ""


def start_from(modules: "Any") -> None:
    """Of these, which every call has, nothing is learned; and sys.path is the interpreter's own."""
    global _own_path
    _base.update(modules)
    _own_path = SEPARATOR.join(_search_path())


def _search_path() -> "tuple[str, ...]":
    """Return sys.path, without what means another folder in each directory."""
    return tuple(entry for entry in sys.path if isinstance(entry, str) and os.path.isabs(entry))


def search_path() -> "tuple[str, ...] | None":
    """Return sys.path as an entry has it."""
    path = _search_path()
    return None if SEPARATOR.join(path) == _own_path else path


def is_base(name: str) -> bool:
    """Is it one of those?"""
    return name in _base
