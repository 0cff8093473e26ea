"""What loaded modules remember of the process: one row each in MODULES, by name.

A row is (look, renew).  When initialisation is complete look(module, objects) says what calls depend on, and raises
Unfit where none could be right; objects are those that the garbage collector knows.  In each call
renew(module, what look returned) makes it this process's.
"""

import os
import sys

from prefork_interp import _runtime

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType
    from typing import Any

    Objects = list[object]


class Unfit(Exception):
    """No call could be served as a fresh run: the reason."""


def look(objects: "Objects") -> "list[tuple[str, Any]]":
    """Look at each module that is loaded; return what renew() wants."""
    seen = []
    for name, (look_at, _) in MODULES.items():
        module = sys.modules.get(name)
        if module is not None:
            seen.append((name, look_at(module, objects)))
    return seen


def renew(seen: "list[tuple[str, Any]]") -> None:
    """Renew what is remembered."""
    for name, what in seen:
        MODULES[name][1](sys.modules[name], what)


def _nothing(module: "ModuleType", _: "Any") -> None:
    pass


def _variables(*names: str) -> "Any":
    """Return a look() for a module that has read these."""

    def depend(module: "ModuleType", objects: "Objects") -> None:
        for name in names:
            _runtime.depend_on_variable(name)

    return depend


def _renew_time(module: "ModuleType", _: None) -> None:
    module.tzset()


def _renew_threading(module: "ModuleType", _: None) -> None:
    main = module.main_thread()
    if hasattr(main, "_set_native_id"):
        main._set_native_id()
    # A fork makes all others ended threads, those that are yet to be started too.
    for thread in list(module._dangling):
        if thread is main or thread._started.is_set():
            continue
        if hasattr(module, "_ThreadHandle"):
            thread._handle = module._ThreadHandle()
        else:
            thread._is_stopped = False


def _renew_logging(module: "ModuleType", _: None) -> None:
    import time

    # Nanoseconds, an int, since 3.13; seconds before.
    module._startTime = time.time_ns() if isinstance(module._startTime, int) else time.time()


def _directory() -> "str | None":
    try:
        return os.path.abspath(os.getcwd())
    except OSError:
        return None


def _look_at_process(module: "ModuleType", objects: "Objects") -> "tuple[bool, bool]":
    # Where setup has left the directory in which it loaded the module, nobody knows the caller's.
    callers = module.ORIGINAL_DIR == _directory()
    if not callers:
        _runtime.depend_on_directory()
    # A key of the script's own is mostly of another length, or text.
    key = module.current_process().authkey
    return callers, len(key) == 32 and len(set(key)) > 16


def _renew_process(module: "ModuleType", what: "tuple[bool, bool]") -> None:
    in_callers_directory, own_key = what
    if in_callers_directory:
        module.ORIGINAL_DIR = _directory()
    if own_key:
        module.current_process().authkey = os.urandom(32)


def _look_at_finalizers(module: "ModuleType", objects: "Objects") -> None:
    if module._finalizer_registry:
        raise Unfit("multiprocessing cleans up only in the process that has initialised")


def _look_at_tempfile(module: "ModuleType", objects: "Objects") -> None:
    if module._name_sequence is not None:
        raise Unfit("initialisation has made a temporary file, which would be removed by the first call that ends")
    if module.tempdir is None:
        return
    absolute = {"/tmp", "/var/tmp", "/usr/tmp"}
    for name in ("TMPDIR", "TEMP", "TMP"):
        _runtime.depend_on_variable(name)
        absolute.add(os.environ.get(name, "/"))
    if module.tempdir not in absolute:
        _runtime.depend_on_directory()


# Random numbers.  A generator that nobody has seeded is seeded anew in each call.  One that the script has seeded goes
# on where it was.  Of one that numbers were drawn from it can't be told which of the two it is.

_WORD = 0xFFFFFFFF
_LENGTH = 624


def _mix(word: int, factor: int) -> int:
    return (word ^ word >> 30) * factor


def _is_given(state: "list[int]") -> bool:
    """Tell from the state after seeding whether the seed was given, or is the 624 random words of the module's own.

    The seed's words went into the state one behind the other, and once more from the first where there were fewer than
    624.  This is init_by_array() of the Mersenne Twister backwards.
    """
    start = [19650218]
    while len(start) < _LENGTH:
        start.append(_mix(start[-1], 1812433253) + len(start) & _WORD)
    mixed = list(state)
    first = state[1] + 1 ^ _mix(state[-1], 1566083941)
    for i in range(2, _LENGTH):
        before = state[i - 1] if i > 2 else first & _WORD
        mixed[i] = (state[i] + i ^ _mix(before, 1566083941)) & _WORD
    words = [mixed[i] - (start[i] ^ _mix(mixed[i - 1], 1664525)) & _WORD for i in range(3, _LENGTH)]
    return any(words[length:] == words[:-length] for length in range(1, len(words) - 20))


def _look_at_random(module: "ModuleType", objects: "Objects") -> "Any":
    """Return the state of the module's own generator, if it was seeded, and the generators that are to be."""
    unseeded = []
    given = None
    for it in {id(it): it for it in (module._inst, *objects)}.values():
        if not isinstance(it, module.Random) or isinstance(it, module.SystemRandom):
            continue
        *state, position = super(module.Random, it).getstate()
        if position != _LENGTH or state[0] != 0x80000000:
            raise Unfit("initialisation has drawn random numbers")
        if not _is_given(state):
            unseeded.append(it)
        elif it is module._inst:
            given = it.getstate()
    return given, unseeded


def _renew_random(module: "ModuleType", what: "Any") -> None:
    given, unseeded = what
    if given:
        module._inst.setstate(given)  # after a fork it seeds itself
    for generator in unseeded:
        super(module.Random, generator).seed()


def _look_at_numpy(module: "ModuleType", objects: "Objects") -> bool:
    """Return whether its own generator is to be seeded."""
    state = module.get_state(legacy=False)["state"]
    first, second, position = int(state["key"][0]), int(state["key"][1]), state["pos"]
    fresh = position == _LENGTH - 1 and first == 0x80000000  # only so after start
    given = first == 0x80000000 or second == _mix(first, 1812433253) + 1 & _WORD  # as seed() leaves it
    if not fresh and not (given and position == _LENGTH):
        raise Unfit("initialisation has drawn random numbers")
    own = module.mtrand._rand._bit_generator
    if any(isinstance(it, module.BitGenerator) and it is not own for it in objects):
        raise Unfit("initialisation has made a generator of random numbers")
    return fresh


def _renew_numpy(module: "ModuleType", fresh: bool) -> None:
    if fresh:
        module.seed()


def _renew_dateutil(module: "ModuleType", _: None) -> None:
    import time

    info = module.DEFAULTPARSER.info
    info._year = time.localtime().tm_year
    info._century = info._year // 100 * 100


def _renew_rich(module: "ModuleType", _: None) -> None:
    if hasattr(module, "_IMPORT_CWD"):
        module._IMPORT_CWD = _directory() or ""


def _renew_readline(module: "ModuleType", _: None) -> None:
    _runtime.reset_terminal(getattr(module, "__file__", None) or sys.executable)


MODULES = {
    "time": (_nothing, _renew_time),
    "threading": (_nothing, _renew_threading),
    "logging": (_nothing, _renew_logging),
    "multiprocessing.process": (_look_at_process, _renew_process),
    "multiprocessing.util": (_look_at_finalizers, _nothing),
    "tempfile": (_look_at_tempfile, _nothing),
    "random": (_look_at_random, _renew_random),
    "numpy.random": (_look_at_numpy, _renew_numpy),
    "dateutil.parser._parser": (_nothing, _renew_dateutil),
    "rich": (_nothing, _renew_rich),
    "pip._vendor.rich": (_nothing, _renew_rich),
    "readline": (_variables("TERM", "INPUTRC"), _renew_readline),
    "_curses": (_variables("TERM", "TERMINFO", "TERMINFO_DIRS"), _nothing),
    "_hashlib": (_variables("OPENSSL_CONF", "OPENSSL_MODULES"), _nothing),
    "_ssl": (_variables("OPENSSL_CONF", "OPENSSL_MODULES", "SSL_CERT_FILE", "SSL_CERT_DIR"), _nothing),
}
