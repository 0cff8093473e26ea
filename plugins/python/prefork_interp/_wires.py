"""Tripwires: what a module looks at, or does, while it is imported, that another call would find otherwise.

They are in place only while an import is being noted, in the executor of a call that imports something new.
"""

import os
import sys
import time

from prefork_interp import _runtime

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

FUNCTIONS = {
    os: (
        "getcwd getcwdb getpid getppid getpgid getpgrp getsid getlogin isatty ttyname get_terminal_size umask times "
        "getloadavg urandom getrandom fstat tcgetpgrp getpriority wait waitpid dup dup2 setsid nice sched_setaffinity "
        "stat lstat access readlink statvfs"
    ),
    time: (
        "time time_ns monotonic monotonic_ns perf_counter perf_counter_ns process_time process_time_ns thread_time "
        "thread_time_ns clock_gettime clock_gettime_ns localtime gmtime ctime asctime strftime mktime tzset"
    ),
}
# Of the caller's shell, terminal and session: other calls have others, and who looks at them is never loaded ahead.
VOLATILE = frozenset(
    "_ PWD OLDPWD SHLVL COLUMNS LINES PPID SSH_CLIENT SSH_CONNECTION SSH_TTY SSH_AUTH_SOCK WINDOWID "
    "TERM_SESSION_ID XDG_SESSION_ID GPG_AGENT_INFO DBUS_SESSION_BUS_ADDRESS INVOCATION_ID JOURNAL_STREAM".split()
)
# Of what is renewed in each call (_modules) it does not matter who has looked.
RENEWED = {
    "logging": {"time", "time_ns"},
    "multiprocessing.process": {"getcwd", "urandom", "getpid"},
    "dateutil.parser._parser": {"localtime"},
    "rich": {"getcwd"},
    "pip._vendor.rich": {"getcwd"},
}
# Alike for all calls that are given modules: none of these streams is closed.
HARMLESS = frozenset(("standard stream: fileno",))
# Functions that look at a file, which is then one to watch.
LOOKS = frozenset(("stat", "lstat", "access", "readlink"))
# Events of sys.audit by their beginnings.
ACTS = tuple(
    "subprocess. os.system os.fork os.forkpty os.posix_spawn os.spawn os.exec os.mkdir os.remove os.rename os.rmdir "
    "os.chdir os.fchdir os.chmod os.chown os.link os.symlink os.truncate os.utime os.kill "
    "os.lockf os.setxattr os.removexattr tempfile. shutil. socket.connect socket.bind socket.getaddrinfo socket.gethostby "
    "socket.getnameinfo socket.gethostname socket.sethostname socket.sendto socket.sendmsg signal. fcntl. pty. syslog. "
    "mmap. resource. _thread. sqlite3. webbrowser. urllib. ftplib. imaplib. nntplib. poplib. smtplib. telnetlib. http. "
    "builtins.input pdb. sys._current_frames sys._getframe.locals sys.setprofile sys.settrace".split()
)
# What is done without an event, in all versions or in some.  It counts where it would be done ahead for the first time.
UNHEARD = (
    ("_thread", "start_new_thread"),
    ("_thread", "start_new"),
    ("_thread", "start_joinable_thread"),
    ("threading", "_start_new_thread"),
    ("threading", "_start_joinable_thread"),
    ("os", "mkfifo"),
    ("os", "mknod"),
    ("os", "abort"),
    ("os", "_exit"),
)
STREAM_METHODS = ("isatty", "fileno", "read", "readall", "readinto")


class _Environment(dict):  # type: ignore[type-arg]
    """What os.environ looks into, meanwhile."""

    read: "Callable[[bytes], None]"
    scan: "Callable[[], None]"

    def __getitem__(self, name: bytes) -> bytes:
        _Environment.read(name)
        return dict.__getitem__(self, name)

    def __contains__(self, name: object) -> bool:
        _Environment.read(name)  # type: ignore[arg-type]
        return dict.__contains__(self, name)

    def __iter__(self) -> "Any":
        _Environment.scan()
        return dict.__iter__(self)

    def __len__(self) -> int:
        _Environment.scan()
        return dict.__len__(self)

    def keys(self) -> "Any":
        _Environment.scan()
        return dict.keys(self)

    def items(self) -> "Any":
        _Environment.scan()
        return dict.items(self)

    def values(self) -> "Any":
        _Environment.scan()
        return dict.values(self)


class Wires:
    """Put in place by hang(), taken away by take_down()."""

    def __init__(
        self,
        trip: "Callable[[str], None]",
        read_variable: "Callable[[str], None]",
        more: "tuple[tuple[str, str], ...]" = (),
    ) -> None:
        """Call trip(what), and read_variable(name); more: modules, if they are loaded, and functions of theirs."""
        self._trip = trip
        self._more = more
        self._saved: "list[tuple[Any, str, Any, Any]]" = []
        self._streams: "list[Any]" = []
        self._arguments: "dict[str, Any]" = {}
        self._environments: "list[tuple[Any, Any]]" = []
        self._read_variable = read_variable

    def hang(self) -> None:
        """Until take_down()."""
        for module, names in FUNCTIONS.items():
            for name in names.split():
                self._hang_function(module, name)
        for loaded, name in self._more:
            if loaded in sys.modules:
                self._hang_function(sys.modules[loaded], name)
        for stream in (sys.__stdin__, sys.__stdout__, sys.__stderr__):
            self._hang_stream(stream)
        self._hang_arguments()
        self._hang_environment()

    def take_down(self) -> None:
        """All of them."""
        for holder, name, original, wire in reversed(self._saved):
            if getattr(holder, name, None) is wire:
                setattr(holder, name, original)
        self._saved.clear()
        for raw in self._streams:
            for name in STREAM_METHODS:
                raw.__dict__.pop(name, None)
        self._streams.clear()
        names = sys.__dict__
        names.pop("__getattr__", None)
        for name, value in self._arguments.items():
            names.setdefault(name, value)
        self._arguments = {}
        for environ, table in self._environments:
            watched = environ._data
            if watched is not table:
                changed = {**watched}
                if changed != table:
                    table.clear()
                    table.update(changed)
                environ._data = table
        self._environments.clear()

    def _hang_function(self, module: "Any", name: str) -> None:
        original = getattr(module, name, None)
        if type(original) is type(len):
            wire = _runtime.wire(original, original.__module__ or "", name, name)
            self._saved.append((module, name, original, wire))
            setattr(module, name, wire)

    def _hang_stream(self, stream: "Any") -> None:
        """An attribute of the file itself comes before its type's: the objects above ask it."""
        try:
            buffer = getattr(stream, "buffer", None)
            raw = getattr(buffer, "raw", buffer)
            names = raw.__dict__
        except (ValueError, AttributeError):
            return
        for name in STREAM_METHODS:
            names[name] = _runtime.wire(getattr(raw, name), "_io", name, f"standard stream: {name}")
        self._streams.append(raw)

    def _hang_arguments(self) -> None:
        """While they are not there, the module is asked for them by its __getattr__."""
        names = sys.__dict__
        self._arguments = {name: names.pop(name) for name in ("argv", "orig_argv") if name in names}
        names["__getattr__"] = _runtime.wire_attributes(self._arguments)

    def _hang_environment(self) -> None:
        _Environment.read = staticmethod(self._read)  # type: ignore[assignment]
        _Environment.scan = staticmethod(self._scan)  # type: ignore[assignment]
        watched: "dict[int, _Environment]" = {}
        for environ in (os.environ, getattr(os, "environb", None)):
            table = getattr(environ, "_data", None)
            if type(table) is dict:
                self._environments.append((environ, table))
                environ._data = watched.setdefault(id(table), _Environment(table))  # type: ignore[union-attr]

    def _read(self, name: "Any") -> None:
        if isinstance(name, bytes) and _runtime.notes():
            self._read_variable(os.fsdecode(name))

    def _scan(self) -> None:
        if _runtime.notes():
            self._trip("the whole environment")
