"""Loading a script's modules ahead, and handing them to the calls that import them.

In the server they are loaded in the order in which a call has asked for them, and then put aside: a call finds none of
them in sys.modules until it imports one.  Then that module and all that its own import had brought about come back, in
the same order, and with what they do to the interpreter as a whole.
"""

import _signal
import builtins
import posix
import sys

import _frozen_importlib as importlib
from prefork_interp import _learned, _modules, _record, _runtime, _setup
from prefork_interp._streams import Streams

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any


WITHIN = object()
NOTHING = object()


class Shelved:
    """A module that was loaded ahead."""

    __slots__ = (
        "module", "needs", "missing", "others", "finders", "effects", "undo", "renewals", "warned", "warned_importer", "path", "before", "place", "attribute"
    )  # fmt: skip

    def __init__(self, name: str, module: "Any") -> None:
        """It was just loaded, by sys.path as it is."""
        self.module = module
        self.path = [*sys.path]
        self.before, self.place = _looked_into(name, module)
        self.missing: "list[str]" = []  # what it has tried to import
        self.warned = False  # of what the filters then did not show
        self.warned_importer = False  # which was no main program
        self.needs: "list[str]" = []
        self.others: "list[tuple[int, str, Any]]" = []  # what else came into sys.modules, behind so many of the needs
        self.finders: "list[tuple[Any, ...]]" = []  # that were asked for it: as effects
        self.effects: "list[tuple[Any, ...]]" = []  # (function, arguments ...)
        self.undo: "list[tuple[Any, ...]]" = []  # likewise, of those that State can't tell by itself
        self.renewals: "list[tuple[Any, ...]]" = []  # likewise
        # What its package had under its name before; WITHIN: it was loaded by its package, which has what it wants.
        self.attribute: "Any" = WITHIN


class LeftOut(Exception):
    """What can't be loaded ahead: name, reason."""


_collector = _setup.quietly("gc")
_locale = _setup.quietly("_locale")
_is = _setup.quietly("_operator").is_
_shelf: "dict[str, Shelved]" = {}
_packed: "dict[str, tuple[Any, ...]]" = {}  # the same, as shelf.c has them
_given: "set[str]" = set()  # to a call
# Modules that look at variables below Python.
IMPORTERS = ("_frozen_importlib", "_frozen_importlib_external")
FIXED = frozenset(("sys", "builtins", "__main__", *IMPORTERS))
# What modules remember of others' questions, and find out again when it is not there.
CACHES = frozenset((("platform", "_uname_cache"),))
READERS = {"_strptime": ("TZ",)}


def stand_by() -> None:
    """In setup: stand beside the interpreter's imports.  There is nothing to hand out yet."""
    importlib._find_and_load = _record.HOOKS[0]


# In the server.


class Loading(_record.Notes):
    """Modules that are being loaded ahead."""

    def __init__(self, table: "dict[str, _learned.Entry]") -> None:
        """Those in the table, and no others.  What was loaded before comes back meanwhile."""
        super().__init__()
        lists, environment = State.look_at_lists(), _environment()
        self.warned = {name for name, shelved in _shelf.items() if shelved.warned}
        self.warned_importer = {name for name, shelved in _shelf.items() if shelved.warned_importer}
        self.spy = type("Spy", (Spy,), {"heard": self._warns})
        _filters().insert(0, ("default", None, self.spy, None, 0))
        _mutated("filters")
        self.shelved: "dict[str, Shelved]" = {**_shelf}
        self.old = {*_shelf}
        undo: "list[tuple[Any, ...]]" = []
        for name in [*_shelf]:
            _bring(name, undo)
        self.table = table
        self.reasons = _learned.left_out(table)
        self.strange = ""
        self.before: "list[tuple[int, Any]]" = []
        self.names: "dict[str, dict[str, Any]]" = {}  # of a module when its import had ended
        self.state = State(*lists, environment, undo)

    def _warns(self, category: str) -> None:
        if len(self.stack) > (category != "ImportWarning"):
            self.warned.update(entry.name for entry in self.stack)
            # A finder's ImportWarning is the same whoever imports.
            if category != "ImportWarning":
                self.warned_importer.add(self.stack[-1].name)
        else:
            self.strange = self.strange or f"warns: {category}"

    def load_all(self) -> None:
        """Load all that nothing speaks against.  LeftOut."""
        original = builtins.__import__
        _runtime.note({}, self.begin, self.end, self.imported, _ignore, _ignore)
        builtins.__import__ = _record.HOOKS[1]
        self.table.setdefault("atexit", _learned.Entry("atexit"))
        try:
            if "atexit" not in sys.modules:
                self.load("atexit")
            atexit = sys.modules["atexit"]
            register = atexit.register
            atexit.register = _runtime.hold_back(register, self.state.at_exit)
            self.state.modules.pop("atexit", None)
            for name in [*self.table]:
                if name not in self.reasons and name not in sys.modules:
                    self.load(name)
        finally:
            builtins.__import__ = original
            _runtime.note(None, None, None, None, None, None)
            atexit.register = register
            _runtime.hold_back(None, None)

    def begin(self, name: str) -> None:
        """As in Notes.  ImportError: not to be loaded ahead."""
        reason = self.reasons.get(name, "" if name in self.table or _learned.is_base(name) else "not known")
        if reason and reason != _learned.MISSING:
            self.strange = f"imports {name}: {reason}"
            raise ImportError(self.strange)
        super().begin(name)
        parent, _, attribute = name.rpartition(".")
        self.before.append((len(sys.modules), State.names(sys.modules.get(parent)).get(attribute, NOTHING)))

    def end(self, name: str, error: "BaseException | None") -> None:
        """As in Notes."""
        entry = self.stack[-1]
        super().end(name, error)
        first, held = self.before.pop()
        if error is not None:
            return
        module = sys.modules.get(name)
        if not _learned.is_base(name) and self.table[name].path != _record.module_file(module):
            # A new one, of which nobody knows what it looks at.
            del self.table[name]
            self.forgotten = True
        # An import of a package's module that imports the package first ends twice: what counts is when it was loaded.
        held = self.shelved[name].attribute if name in self.names else self._held(name, held)
        shelved = self.shelved[name] = Shelved(name, module)
        shelved.attribute = held
        shelved.warned = name in self.warned
        shelved.warned_importer = name in self.warned_importer
        self.names[name] = {**State.names(module)}
        shelved.needs = [needed for needed in entry.imports if needed != name]
        shelved.missing = [n for n in shelved.needs if self.reasons.get(n) == _learned.MISSING and "." not in n]
        others = [other for other in [*sys.modules][first:] if other not in self.entries]
        taken = {other for it in self.shelved.values() for _, other, _ in it.others} if others else set()
        for other in others:
            if other not in taken:
                earlier = self.shelved.keys() & [*sys.modules][first : [*sys.modules].index(other)]
                count = max((i + 1 for i, needed in enumerate(shelved.needs) if needed in earlier), default=0)
                shelved.others.append((count, other, sys.modules[other]))
        asked = (*shelved.before, *([shelved.place] if shelved.place else ()))
        cache = _cache if "." in name else _cache_searched
        shelved.finders = [(cache, at, sys.path_importer_cache[at]) for at in asked if at in sys.path_importer_cache]
        undo = len(self.state.undo)
        shelved.effects = self.state.effects_of(name, {it.name for it in self.stack})
        shelved.undo = self.state.undo[undo:]

    def _held(self, name: str, before: "Any") -> "Any":
        """Return what a module's package had under its name before the module was loaded."""
        parent, _, attribute = name.rpartition(".")
        if any(entry.name == parent for entry in self.stack):
            return WITHIN
        return self.names[parent].get(attribute, NOTHING) if parent in self.names else before

    def load(self, name: str) -> None:
        """Load one module, and all that it imports.  LeftOut."""
        self.strange, self.forgotten = "", False
        path, own = sys.path, [*sys.path]
        path[:] = wanted = [*(self.table[name].search or own)]
        try:
            importlib._gcd_import(name)
            if sys.path is not path or path != wanted:
                self.strange = self.strange or "changes sys.path"
        except BaseException as error:
            self.stack.clear()
            raise LeftOut(name, self.strange or f"raises {type(error).__name__}: {error}"[:200]) from error
        finally:
            sys.path, path[:] = path, own
        if self.forgotten:
            raise LeftOut(name, "")
        if globals().pop("__warningregistry__", None) is not None:
            self.strange = self.strange or "warns of its importer's importer"
        for stream in (sys.stdout, sys.stderr):
            if stream is not None:
                stream.flush()
        reason = self.strange or self.state.gate() or self.state.changed({*sys.modules}, bool(self.warned))
        if reason:
            raise LeftOut(name, reason)


# The place of a module for which sys.path does not matter: in its package, or built in.
ANYWHERE = ""


def _looked_into(name: str, module: "Any") -> "tuple[list[str], str | None]":
    """Return the folders that were looked into for a module, and the one where it was found; None: it can't be told."""
    file = _record.module_file(module)
    spec = State.names(module).get("__spec__")
    if getattr(spec, "origin", None) in ("built-in", "frozen"):
        return [], ANYWHERE
    parent, _, last = name.rpartition(".")
    looked: "list[str]" = []
    for entry in getattr(sys.modules.get(parent), "__path__", ()) if parent else sys.path:
        folder = entry.rstrip("/")
        if file == entry or file.rpartition("/")[0] in (folder, f"{folder}/{last}"):
            return [*looked, entry] if parent else looked, ANYWHERE if parent else entry
        looked.append(entry)
    return looked, ANYWHERE if parent else None


def _ignore(*arguments: "Any") -> None:
    pass


class _Hears(type):
    def __subclasscheck__(cls, category: type) -> bool:
        """Is this warning one for which the filter is?  It is asked of each: a warning may be the importer's."""
        cls.heard(category.__name__)
        return False


class Spy(Warning, metaclass=_Hears):
    """The category of a filter that hears of all warnings."""

    heard = staticmethod(_ignore)


class State:
    """What of the interpreter belongs to no module in particular, and may be changed by one."""

    def __init__(self, lists: "Any", importers: "Any", environment: "Any", undo: "list[Any]") -> None:
        """As it is; but what look_at_lists() saw, and the environment, are to be as they were; undo leads there."""
        self.base = self._look()
        self.at_exit: "list[tuple[Any, ...]]" = []  # what was to be registered for the interpreter's exit
        self.lists, self.old_importers = lists, importers
        self.now, self.importers = self.look_at_lists()
        self.undo = undo
        self.old_environment, self.environment = environment, _environment()
        self.modules: "dict[str, tuple[Any, ...]]" = {}
        self._look_at_modules(())
        self.looked_at = {*sys.modules}

    @classmethod
    def look_at_lists(cls) -> "tuple[dict[str, Any], dict[str, Any]]":
        """Return what modules may add to, and the importers' names, which the package importlib changes."""
        lists = {name: [*_list(name)] for name in ("meta_path", "path_hooks", "filters")}
        return lists, {name: {**cls.names(sys.modules[name])} for name in IMPORTERS}

    @staticmethod
    def names(module: "Any") -> "dict[str, Any]":
        try:
            return object.__getattribute__(module, "__dict__")
        except AttributeError:
            return {}

    @staticmethod
    def _look() -> "dict[str, Any]":
        names = {f"sys.{name}": value for name, value in sys.__dict__.items()}
        for name in ("last_type", "last_value", "last_traceback", "last_exc"):
            names.pop(f"sys.{name}", None)
        state: "dict[str, Any]" = {**names, "sys.path": [*sys.path], "sys.argv": [*sys.argv]}
        state["recursion limit"] = sys.getrecursionlimit()
        state["switch interval"] = sys.getswitchinterval()
        state["trace function"] = sys.gettrace(), sys.getprofile()
        state["builtins"] = {name: value for name, value in builtins.__dict__.items() if name != "__import__"}
        for number in range(1, _signal.NSIG):
            try:
                state[f"signal {number}"] = _signal.getsignal(number)
            except ValueError:
                pass
        random = sys.modules.get("random")
        state["random numbers"] = random.getstate() if random else None
        state["locale"] = _locale.setlocale(_locale.LC_ALL, None)
        state["garbage collection"] = _collector.isenabled(), _collector.get_threshold()
        return state

    def _look_at_modules(self, loading: "Any") -> None:
        """Remember what is in each module that is new and loaded."""
        for name, module in sys.modules.items():
            if name not in self.modules and name not in loading and name != "atexit":
                of_class = None if type(module) is type(sys) else {**type(module).__dict__}
                self.modules[name] = (module, {**self.names(module)}, of_class)

    def _effects_on_modules(self) -> "list[tuple[Any, ...]]":
        """Return what was done to modules that were loaded before; undo learns how to take it back."""
        effects: "list[tuple[Any, ...]]" = []
        for name, (module, names, of_class) in [*self.modules.items()]:
            present = sys.modules.get(name)
            if name in FIXED or present is None:
                continue
            if present is not module:
                effects.append((_put_module, name, present))
                self.undo.append((_put_module, name, module))
                del self.modules[name]
                continue
            self._compare(name, module, self.names(module), names, effects)
            if of_class is not None:
                self._compare(name, type(module), type(module).__dict__, of_class, effects)
        return effects

    def _compare(self, name: str, it: "Any", now: "Any", before: "Any", effects: "list[tuple[Any, ...]]") -> None:
        """Add what has changed in the names of a module, or of its class."""
        if len(now) == len(before) and all(map(_is, now.values(), before.values())):
            return
        for attribute in {**now, **before}:
            value, old = now.get(attribute, NOTHING), before.get(attribute, NOTHING)
            if value is old or attribute in ("__dict__", "__weakref__"):
                continue
            if value is NOTHING:
                before.pop(attribute)
            else:
                before[attribute] = value
            if f"{name}.{attribute}" in sys.modules:  # set by the import of that
                continue
            self.undo.append((_put_name, it, attribute, old))
            if (name, attribute) not in CACHES:
                effects.append((_put_name, it, attribute, value))

    def _effects_on_environment(self) -> "list[tuple[Any, ...]]":
        now = _environment()
        changes = _changes_of_environment(self.environment, now)
        self.environment = now
        return changes

    def gate(self) -> "str | None":
        """Say why calls can't be forked now; the environment is looked at by itself."""
        now = _environment()
        _put_environment(self.old_environment)
        reason = _runtime.gate()
        _put_environment(now)
        return reason

    def effects_of(self, name: str, loading: "set[str]") -> "list[tuple[Any, ...]]":
        """Return what a module has done to others, and to the lists, since this was asked last."""
        effects: "list[tuple[Any, ...]]" = [(_register, *call) for call in self.at_exit]
        self.at_exit.clear()
        for which, before in self.now.items():
            after = _list(which)
            if len(after) == len(before) and all(a is b for a, b in zip(after, before)):
                continue
            if len(after) == len(before):
                effects += [(_replace, which, old, it) for old, it in zip(before, after) if it is not old]
                self.now[which] = [*after]
                continue
            added = [it for it in after if not any(it is old for old in before)]
            if [it for it in after if it not in added] != before:
                continue  # changed() will find it
            for it in added if which != "filters" else reversed(added):
                at_end = after.index(it) >= len(before)
                effects.append((_insert, which, None if at_end and which != "filters" else after.index(it), it))
            self.now[which] = [*after]
        for which, names in self.importers.items():
            module = sys.modules[which]
            for attribute, value in [*self.names(module).items()]:
                if names.get(attribute) is not value:
                    effects.append((setattr, module, attribute, value))
                    names[attribute] = value
        effects += self._effects_on_modules() + self._effects_on_environment()
        self._look_at_modules(loading)
        return effects

    def changed(self, loaded: "set[str]", warned: bool) -> "str | None":
        """Say what else was changed, by other modules than these; warned: one has, as it may."""
        now = self._look()
        if self.base["random numbers"] is None:  # its module was just loaded: _modules looks at it
            self.base["random numbers"] = now["random numbers"]
        for name in {*now, *self.base}:
            if now.get(name) != self.base.get(name):
                return f"changes {name}"
        for which, value in self.now.items():
            if value != _list(which):
                return f"changes {which}"
        for name, (module, names, _) in self.modules.items():
            if name not in loaded:
                return f"removes {name}"
            if name == "__main__" and self.names(module) != names:
                return "changes __main__"
        for name in loaded - self.looked_at:
            if "__warningregistry__" in self.names(sys.modules.get(name)) and not warned:
                return f"warns in {name}"
        self.looked_at = loaded
        self._look_at_modules(())
        return None

    def restore(self) -> None:
        """Put all back to what it was."""
        _do(reversed(self.undo))
        _put_environment(self.old_environment)
        for which, value in self.lists.items():
            if _list(which) != value:
                _list(which)[:] = value
                _mutated(which)
        for which, names in self.old_importers.items():
            present = self.names(sys.modules[which])
            for attribute in [*present]:
                if attribute not in names:
                    del present[attribute]
            present.update(names)


def _do(steps: "Any") -> None:
    for function, *arguments in steps:
        function(*arguments)


def _put_module(name: str, module: "Any") -> None:
    sys.modules[name] = module


def _put_name(it: "Any", name: str, value: "Any") -> None:
    """Set an attribute of a module, past what the module's class may do then; NOTHING: delete it."""
    if value is not NOTHING:
        type(it).__setattr__(it, name, value)
    elif name in it.__dict__:
        type(it).__delattr__(it, name)


def _environment() -> "tuple[dict[bytes, bytes], dict[bytes, bytes]]":
    """Return it as it is below Python, and as os.environ has it."""
    return _setup.read_environment(_runtime.environment()), {**_setup.environment_table()}


def _changes_of_environment(before: "Any", after: "Any") -> "list[tuple[Any, ...]]":
    """Return what leads from the one to the other."""
    if before == after:
        return []
    changed = [
        {name for name in {**new, **old} if new.get(name) != old.get(name)} for old, new in zip(before, after)
    ]
    return [(_put_variable, name, after[0].get(name), after[1].get(name)) for name in changed[0] | changed[1]]


def _put_environment(wanted: "tuple[dict[bytes, bytes], dict[bytes, bytes]]") -> None:
    """Make it this, in its order."""
    now = _environment()
    if [[*them.items()] for them in now] == [[*them.items()] for them in wanted]:
        return
    for name in now[0]:
        posix.unsetenv(name)
    for name, value in wanted[0].items():
        posix.putenv(name, value)
    table = _setup.environment_table()
    table.clear()
    table.update(wanted[1])


def _put_variable(name: bytes, below: "bytes | None", value: "bytes | None") -> None:
    table = _setup.environment_table()
    if below is None:
        posix.unsetenv(name)
    else:
        posix.putenv(name, below)
    if value is None:
        table.pop(name, None)
    else:
        table[name] = value


def _filters() -> "list[Any]":
    return sys.modules["_warnings"].filters


def _list(which: str) -> "list[Any]":
    return _filters() if which == "filters" else getattr(sys, which)


def _mutated(which: str) -> None:
    if which == "filters":
        warnings = sys.modules["_warnings"]
        getattr(warnings, "_filters_mutated", None) and warnings._filters_mutated()


def _register(arguments: "Any", keywords: "Any") -> None:
    sys.modules["atexit"].register(*arguments, **(keywords or {}))


def _cache(entry: str, finder: "Any") -> None:
    if entry not in sys.path_importer_cache:
        # It is to look into the folder again.
        getattr(finder, "invalidate_caches", _ignore)()
        sys.path_importer_cache[entry] = finder


def _cache_searched(entry: str, finder: "Any") -> None:
    if entry in sys.path:
        _cache(entry, finder)


def _replace(which: str, old: "Any", new: "Any") -> None:
    values = _list(which)
    for index, it in enumerate(values):
        if it is old:
            values[index] = new
    _mutated(which)


def _insert(which: str, index: "int | None", it: "Any") -> None:
    values = _list(which)
    values.insert(len(values) if index is None else index, it)
    _mutated(which)


class _NoFiles:
    """Compiled code is kept by imports of calls, and when they are made."""

    def __enter__(self) -> None:
        self._loader = sys.modules["_frozen_importlib_external"].SourceFileLoader
        self._keep = self._loader._cache_bytecode
        self._loader._cache_bytecode = _ignore

    def __exit__(self, *error: "Any") -> None:
        self._loader._cache_bytecode = self._keep


def improve(left: "_setup.Left", known: "dict[str, Any]") -> bool:
    """Load what was learned.  False: this process is not to serve; what is at fault has been learned."""
    global _surroundings
    table = _learned.read()
    cache = {**sys.path_importer_cache}
    loaded_before = {*sys.modules}
    folders = _surroundings.folders if _surroundings and _surroundings.folders else _Folders()
    folders.add(sys.path)
    for entry in table.values():
        folders.add(entry.search or ())
    loading = Loading(table)
    try:
        with _NoFiles():
            loading.load_all()
        loading.state.restore()
        _look_again(left, loading.shelved)
    except LeftOut as error:
        name, reason = error.args
        if reason:
            table.setdefault(name, _learned.Entry(name)).reason = reason
        _learned.write(table)
        return False
    if not _report(loading):
        return False
    _put_aside(loading.shelved, loaded_before)
    for folder in {*sys.path_importer_cache} - {*cache}:
        del sys.path_importer_cache[folder]
    missing = [name for name in table if loading.reasons.get(name) == _learned.MISSING]
    _surroundings = Surroundings(folders, [*_shelf, *missing])
    known.clear()
    known.update(table)
    _learned.try_again(known)
    _pack()
    _collector.collect()
    _runtime.freeze(_collector, True)
    return True


def _report(loading: "Loading") -> bool:
    """Tell the server what it depends on now.  False: compiled code has just gone, which a call is to write again."""
    for name in {*loading.shelved} - loading.old:
        kept = _kept_code(loading.shelved[name].module)
        if kept is None:
            return False
        entry = loading.table[name]
        for path in (entry.path, kept, *entry.files):
            if path:
                _runtime.watch_file(path)
        for variable in entry.variables:
            _runtime.depend_on_variable(variable)
    return True


def _kept_code(module: "Any") -> "str | None":
    """Return the file of a module's compiled code, which an import would write again, or "": it would not.

    None: there is no such file, and it would.  The interpreter's own are taken to be there.
    """
    path = getattr(State.names(module).get("__spec__"), "cached", None) or ""
    if sys.dont_write_bytecode or not path or path.startswith((f"{sys.prefix}/", f"{sys.base_prefix}/")):
        return ""
    if posix.access(path, posix.F_OK):
        return path
    folder = path.rpartition("/")[0]
    while not posix.access(folder, posix.F_OK):
        folder = folder.rpartition("/")[0]
    return None if posix.access(folder, posix.W_OK) else ""


def _look_again(left: "_setup.Left", shelved: "dict[str, Shelved]") -> None:
    """Find out what must be renewed in each call."""
    objects = _setup.all_objects(_collector)
    pending = left.streams.pending
    left.streams = Streams(objects)
    left.streams.pending = pending
    for name, (look, renew) in _modules.MODULES.items():
        if name in shelved:
            try:
                shelved[name].renewals = [(renew, shelved[name].module, look(shelved[name].module, objects))]
            except _modules.Unfit as error:
                raise LeftOut(name, str(error)) from error
    for name, variables in READERS.items():
        if name in shelved:
            for variable in variables:
                _runtime.depend_on_variable(variable)


def _put_aside(shelved: "dict[str, Shelved]", loaded_before: "set[str]") -> None:
    for name in [name for name in sys.modules if name not in loaded_before]:
        module = sys.modules[name]
        parent, _, attribute = name.rpartition(".")
        held = shelved[name].attribute if name in shelved else WITHIN
        names = State.names(sys.modules.get(parent) or getattr(shelved.get(parent), "module", None))
        if not parent or held is WITHIN or names.get(attribute) is not module:
            continue
        if held is NOTHING:
            del names[attribute]
        else:
            names[attribute] = held
    for name in [name for name in sys.modules if name not in loaded_before]:
        if name in shelved:
            _shelf[name] = shelved[name]
        del sys.modules[name]


def _pack() -> None:
    """Make the tuples that calls go by, one behind the other in memory, and with names of their own: fewer pages."""
    names = {name: "".join(("", name)) for name in _shelf}
    _packed.clear()
    for name, shelved in _shelf.items():
        parent, _, attribute = name.rpartition(".")
        _packed[names[name]] = (
            names[name],
            shelved.module,
            names.get(parent, parent) if parent else None,
            attribute if parent and shelved.attribute is not WITHIN else None,
            _as_calls(shelved.finders),
            tuple(names.get(needed, needed) for needed in shelved.needs if needed in _shelf),
            tuple(_places(shelved)),
            _as_calls((*shelved.effects, *shelved.renewals)),
        )


def _as_calls(steps: "Any") -> "tuple[Any, ...]":
    return tuple((function, tuple(arguments)) for function, *arguments in steps)


def _places(shelved: Shelved) -> "Any":
    """Yield what else comes into sys.modules, with its place among those needs that are on the shelf."""
    for count, other, module in shelved.others:
        yield sum(needed in _shelf for needed in shelved.needs[:count]), other, module


# In a call.


class Surroundings:
    """What an import goes by, as it was when modules were loaded ahead."""

    def __init__(self, folders: "_Folders", names: "Any") -> None:
        """As it is, and as the folders were: there no module of these names may come before those that were loaded."""
        self.path = [*sys.path]
        self.is_one_path = all(shelved.path == self.path for shelved in _shelf.values())
        self.finders = _record.Finders()
        # The second is there while an import is being noted.
        self.importers = builtins.__import__, _record.HOOKS[1]
        self.warned = {name for name, shelved in _shelf.items() if shelved.warned}
        self.filters = [*_filters()]
        steps = [step for shelved in _shelf.values() for step in shelved.effects]
        self.of_modules = [step[-1] for step in steps if step[:2] == (_insert, "filters")]
        self.folders: "_Folders | None" = folders
        self.names = {name.partition(".")[0] for name in names}
        # Extensions are initialised once in a process, so one that is loaded holds on to what it has imported then.
        self.bound: "dict[str, Shelved]" = {}
        for name, shelved in _shelf.items():
            if type(State.names(shelved.module).get("__loader__")).__name__ == "ExtensionFileLoader":
                _reach(name, self.bound)

    def would_warn(self) -> "set[str]":
        """Return the modules whose warnings would not be ignored as they were."""
        filters = _filters()
        if not self.warned or filters == self.filters:
            return set()
        known = [*self.filters, *self.of_modules]
        if all(it in filters for it in self.filters) and all(it in known or it[0] == "ignore" for it in filters):
            return set()
        return self.warned

    def are_same(self) -> bool:
        """Would an import find what was found then?"""
        if (
            not self.finders.are_same()
            or builtins.__import__ not in self.importers
            or sys.gettrace() is not None
            or sys.getprofile() is not None
        ):
            return False
        folders, self.folders = self.folders, None
        return folders is None or folders.are_same(self.names)


class _Folders:
    """The folders that are looked into for modules."""

    def __init__(self) -> None:
        """None yet."""
        self._seen: "dict[str, tuple[int, set[str]]]" = {}

    def add(self, entries: "Iterable[str]") -> None:
        """These too, as they are."""
        for entry in entries:
            if entry not in self._seen:
                self._seen[entry] = self._time(entry), self._list(entry)

    @staticmethod
    def _time(entry: str) -> int:
        try:
            return posix.stat(entry).st_mtime_ns
        except OSError:
            return 0

    @staticmethod
    def _list(entry: str) -> "set[str]":
        try:
            return {name.partition(".")[0] for name in posix.listdir(entry)}
        except OSError:
            return set()

    def are_same(self, names: "set[str]") -> bool:
        """Is none of the names new in one of them?"""
        for entry, (time, listed) in self._seen.items():
            if self._time(entry) != time and names & (self._list(entry) - listed):
                return False
        return True


_surroundings: "Any" = None


def serve_imports(finders: "_record.Finders", closed: int) -> None:
    """Hand out what is there, in the executor of a call; closed: which of descriptors 0 to 2 are.

    Modules may have asked the standard streams for their descriptors.
    """
    if _surroundings and not closed:
        _surroundings.finders = finders
        _runtime.shelve(_packed, _given, _restore)


def _restore(name: str) -> "Any":
    if not _surroundings.are_same() and name not in _surroundings.bound:
        _take_off({*_shelf}.difference(_surroundings.bound))
        return None
    needed: "dict[str, Shelved]" = {}
    if not _surroundings.is_one_path or sys.path != _surroundings.path:
        _reach(name, needed)
        lost = {other for other, shelved in needed.items() if not _would_be_found(other, shelved)}
        if lost:
            _withdraw(lost)
            return None
    if _shelf[name].warned_importer:
        _withdraw({name})
        return None
    warned = _surroundings.would_warn()
    if warned:
        needed = {}
        _reach(name, needed)
        if not warned.isdisjoint(needed):
            _withdraw({*warned})
            return None
    _runtime.bring(name)
    _surroundings.finders.accept()
    return sys.modules[name]


def _take_off(names: "set[str]") -> None:
    for name in names:
        _shelf.pop(name, None)
        _packed.pop(name, None)


def _reach(name: str, needed: "dict[str, Shelved]") -> None:
    """Add what would come back with a module."""
    shelved = _shelf.get(name)
    if shelved is None or name in needed or name in _given:
        return
    needed[name] = shelved
    for other in (name.rpartition(".")[0], *shelved.needs):
        _reach(other, needed)


def _would_be_found(name: str, shelved: Shelved) -> bool:
    """Would this module be what an import finds by sys.path as it is, and no other that it looked for in vain?"""
    if sys.path == shelved.path:
        return True
    if shelved.missing and any(_has(at, other) for at in sys.path if at not in shelved.path for other in shelved.missing):
        return False
    if shelved.place == ANYWHERE:
        return True
    for entry in sys.path:
        if entry == shelved.place:
            return True
        if entry not in shelved.before and _has(entry, name):
            break
    return False


def _has(entry: str, name: str) -> bool:
    """Is such a module there?  It is asked as an import asks."""
    if not isinstance(entry, str):
        return False
    finder = sys.modules["_frozen_importlib_external"].PathFinder._path_importer_cache(entry)
    return finder is not None and (not hasattr(finder, "find_spec") or finder.find_spec(name) is not None)


def _withdraw(names: "set[str]") -> None:
    """The call imports these for itself; so it does all that would come with others of their kind."""
    found = True
    while found:
        more = {
            name
            for name, shelved in _shelf.items()
            if name not in names and (name.rpartition(".")[0] in names or not names.isdisjoint(shelved.needs))
        }
        names |= more
        found = bool(more)
    _take_off(names)


def _bring(name: str, undo: "list[Any]") -> None:
    """Bring a module back, in the server; undo learns how to take back the effects.  Calls do the same in shelf.c."""
    parent, _, attribute = name.rpartition(".")
    if parent in _shelf:
        _bring(parent, undo)
    shelved = _shelf.pop(name, None)
    if shelved is None:
        return
    sys.modules[name] = shelved.module
    for function, *arguments in shelved.finders:
        function(*arguments)
    others = shelved.others[::-1]
    for count, needed in enumerate(shelved.needs):
        while others and others[-1][0] <= count:
            _, other, sys.modules[other] = others.pop()
        if needed in _shelf:
            _bring(needed, undo)
    for _, other, sys.modules[other] in reversed(others):
        pass
    # An import puts what it has loaded behind all that this has imported.
    sys.modules[name] = sys.modules.pop(name)
    if parent and shelved.attribute is not WITHIN:
        setattr(sys.modules[parent], attribute, shelved.module)
    _do(step for step in shelved.effects if step[0] is not _register)
    undo += shelved.undo
