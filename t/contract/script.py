#!/usr/bin/env -S prefork-interp -- python3
"""The contract script, in Python: one behaviour per first argument, the same in every language.

CONTRACT_SETUP says what happens before initialisation is complete ("die", "exit3", "never", "hang", "noise"),
CONTRACT_IDLE_TIMEOUT and CONTRACT_MAX_SERVERS are options.  All three are looked at in setup.
"""

import os
import resource
import shutil
import signal
import subprocess
import sys

import prefork_interp

VERSION_MARK = "one"
NONCE = os.urandom(8).hex()


def setup():
    """Do what CONTRACT_SETUP says, then say that initialisation is complete."""
    wanted = os.environ.get("CONTRACT_SETUP", "")
    if wanted == "die":
        raise RuntimeError("contract death in setup")
    if wanted == "exit3":
        sys.exit(3)
    if wanted == "never":
        return
    if wanted == "hang":
        wait_for_ever()
    if wanted == "noise":
        print("setup-out")
        print("setup-err", file=sys.stderr)
    options = {}
    for option in ("idle_timeout", "max_servers"):
        value = os.environ.get("CONTRACT_" + option.upper())
        if value is not None:
            options[option] = int(value)
    prefork_interp.initialisation_complete(**options)


def wait_for_ever():
    while True:
        signal.pause()


def write_file(path, text):
    """Write the file so that whoever looks sees all of it or nothing."""
    with open(path + ".new", "w") as file:
        file.write(text)
    os.rename(path + ".new", path)


def signal_number(name):
    return getattr(signal, "SIG" + name)


def exit_status(returned):
    """Return what a shell makes of what subprocess says."""
    return returned if returned >= 0 else 128 - returned


def signal_set(field):
    """Print the signals in a mask of /proc/self/status."""
    with open("/proc/self/status") as status:
        mask = next(int(line.split()[1], 16) for line in status if line.startswith(field + ":"))
    print(*(number for number in range(1, 65) if mask >> (number - 1) & 1))


def do_args(*arguments):
    for argument in arguments:
        print(os.fsencode(argument).hex())


def do_script():
    print(os.fsencode(sys.argv[0]).hex())


def do_env(name):
    value = os.environb.get(os.fsencode(name))
    print("unset" if value is None else value.hex())


def do_environ():
    for entry in sorted(name + b"=" + value for name, value in os.environb.items()):
        print(entry.hex())


def do_cenv(name):
    return exit_status(subprocess.run(["printenv", name]).returncode)


def do_cwd():
    print(os.getcwd())


def do_umask():
    mask = os.umask(0)
    os.umask(mask)
    print(f"{mask:04o}")


def do_cat():
    shutil.copyfileobj(sys.stdin.buffer, sys.stdout.buffer)


def do_out(text):
    sys.stdout.write(text)


def do_err(text):
    sys.stderr.write(text)


def do_both():
    for text in ("1", "2"):
        print("o" + text, end="", flush=True)
        print("e" + text, end="", file=sys.stderr, flush=True)


def do_readline():
    print(sys.stdin.readline(), end="")


def do_fds():
    names = os.listdir("/proc/self/fd")
    # The listing's own descriptor is among the names, and closed by now.
    print(*sorted(int(name) for name in names if os.path.lexists("/proc/self/fd/" + name)))


def do_closed(path):
    states = []
    for fd in (0, 1, 2):
        try:
            os.fstat(fd)
            states.append("open")
        except OSError:
            states.append("closed")
    write_file(path, " ".join(states) + "\n")


def do_exit(status):
    return int(status)


def do_die():
    raise RuntimeError("contract death")


def do_signal(name):
    number = signal_number(name)
    if number not in (signal.SIGKILL, signal.SIGSTOP):
        signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)


def do_pid():
    print(os.getpid(), os.getppid(), os.getpgrp(), os.getsid(0))


def do_spawn(path):
    null = subprocess.DEVNULL
    child = subprocess.Popen(["sleep", "1000"], stdin=null, stdout=null, stderr=null)
    write_file(path, f"{os.getpid()} {child.pid}\n")
    wait_for_ever()


def do_trap(path, name):
    def caught(number, frame):
        print("got", name)
        sys.exit(7)

    signal.signal(signal_number(name), caught)
    write_file(path, f"{os.getpid()}\n")
    wait_for_ever()


def do_ignore(path):
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)
    write_file(path, f"{os.getpid()}\n")
    wait_for_ever()


def do_wait(path, fifo):
    write_file(path, f"{os.getpid()}\n")
    with open(fifo, "rb") as file:
        file.read()


def do_nest(depth):
    if int(depth) > 0:
        return exit_status(subprocess.run([sys.argv[0], "nest", str(int(depth) - 1)]).returncode)
    print("bottom")
    return 5


def do_count():
    print(NONCE)


def do_version():
    print(VERSION_MARK)


def do_tty():
    print(*("tty" if os.isatty(fd) else "no" for fd in (0, 1, 2)))


def do_limits():
    print(resource.getrlimit(resource.RLIMIT_NOFILE)[0])


def do_ignored():
    signal_set("SigIgn")


def do_blocked():
    signal_set("SigBlk")


VERBS = {
    "args": do_args,
    "script": do_script,
    "env": do_env,
    "environ": do_environ,
    "cenv": do_cenv,
    "cwd": do_cwd,
    "umask": do_umask,
    "cat": do_cat,
    "out": do_out,
    "err": do_err,
    "both": do_both,
    "readline": do_readline,
    "fds": do_fds,
    "closed": do_closed,
    "exit": do_exit,
    "die": do_die,
    "signal": do_signal,
    "pid": do_pid,
    "spawn": do_spawn,
    "trap": do_trap,
    "ignore": do_ignore,
    "wait": do_wait,
    "nest": do_nest,
    "count": do_count,
    "version": do_version,
    "tty": do_tty,
    "limits": do_limits,
    "ignored": do_ignored,
    "blocked": do_blocked,
}

setup()
sys.exit(VERBS[sys.argv[1]](*sys.argv[2:]))
