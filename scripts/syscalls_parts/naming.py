"""What differs from run to run gets a name: descriptors, addresses, process ids, paths.

    accept4(6, {sin_port=htons(53898)...}) = 8      accept4(listener) = client
    read(8, "PING\\r\\n", 16384) = 6                  read(client, "PING\\r\\n") = 6

A descriptor's name follows from the calls that made it, so all calls of a process are read, from its
first on.
"""

import dataclasses
import pathlib
import re

STANDARD = {0: "stdin", 1: "stdout", 2: "stderr"}
ON_PATH = {"openat", "open", "access", "readlink", "stat", "lstat", "unlink", "execve", "chdir"}
# Their first argument is a descriptor.
ON_DESCRIPTOR = {
    "read", "readv", "write", "writev", "pread64", "close", "fcntl", "ioctl", "lseek", "setsockopt",
    "getsockopt", "getsockname", "getpeername", "bind", "listen", "accept", "accept4", "shutdown",
    "epoll_wait", "fstat", "statx", "newfstatat", "sendto", "recvfrom", "connect", "ftruncate", "sendmsg",
    "recvmsg", "dup", "dup2", "dup3", "fsync", "fdatasync", "getdents64", "fadvise64",
}
# What goes over a connection is shown.
CARRYING = ("read", "write", "readv", "writev", "sendto", "recvfrom")
# One word of theirs says what they are about.
WITH_WORDS = ("setsockopt", "fcntl", "rt_sigaction", "rt_sigprocmask", "prlimit64", "prctl", "socket",
              "madvise", "seccomp")
NUMBER = re.compile(r"-?\d+")
PORT = re.compile(r"sin6?_port=htons\((\d+)\)")
STRING = re.compile(r'"(?:[^"\\]|\\.)*"(?:\.\.\.)?')
STRING_MAX = 28


@dataclasses.dataclass
class Named:
    """A call as it is shown."""

    call: object
    # Calls of the same key are alike: the name, what kind of thing it is done to, an option, the error,
    # and whether another thread makes it.
    key: tuple
    # To what it is done: "client 7", "listener", "poller", a path, or nothing.
    whose: str
    text: str

    @property
    def name(self):
        return self.call.name


class Names:
    """The descriptors of one process."""

    def __init__(self, recording):
        self.clients = {port: f"client {name}" if name.isdigit() else name
                        for port, name in recording.clients.items()}
        self.kinds = dict(STANDARD)
        program = recording.command[0]
        self.replaced = [(recording.directory, "DIRECTORY"), (program, pathlib.Path(program).name)]

    def name(self, call):
        """The call with names; what it opens and closes is remembered."""
        whose = self.whose(call)
        made = self.follow(call)
        kind = "client" if whose.startswith("client ") else whose
        shown = self.shown(call, whose)
        option = shown[-1] if call.name in WITH_WORDS else ""
        thread = "thread" if call.thread else ""
        text = f"{call.name}({', '.join(shown)}){ending(call, made)}"
        return Named(call, (call.name, kind, option, call.error, thread), whose, text)

    def whose(self, call):
        if call.name in ON_PATH:
            found = STRING.search(call.arguments)
            return self.path(found[0].strip('"')) if found else ""
        if call.name == "epoll_ctl":
            number = NUMBER.search(call.arguments.partition("EPOLL_CTL")[2])
        elif call.name in ON_DESCRIPTOR:
            number = NUMBER.match(call.arguments)
        else:
            return ""
        return self.kinds.get(int(number[0]), "?") if number else ""

    def path(self, path):
        for actual, name in self.replaced:
            path = path.replace(actual, name)
        path = re.sub(r"/proc/\d+/", "/proc/PID/", path)
        # Where a distribution keeps its libraries is of no interest.
        return pathlib.PurePath(path).name if path.startswith(("/lib", "/usr")) else path

    def follow(self, call):
        """Descriptors come and go. The name of the one that this call has made, or nothing."""
        if call.error or call.answer == "?":
            return ""
        numbers = [int(number) for number in NUMBER.findall(call.arguments)]
        made = ""
        if call.name == "epoll_create1":
            made = "poller"
        elif call.name in ("accept", "accept4"):
            port = PORT.search(call.arguments)
            made = self.clients.get(int(port[1]), "client") if port else "client"
        elif call.name == "socket":
            made = "socket"
        elif call.name in ("openat", "open"):
            made = self.whose(call)
        elif call.name == "listen":
            self.kinds[numbers[0]] = "listener"
        elif call.name in ("pipe", "pipe2"):
            self.kinds[numbers[0]] = self.kinds[numbers[1]] = "pipe"
        elif call.name == "close":
            self.kinds.pop(numbers[0], None)
        if made:
            self.kinds[int(call.answer)] = made
        return made if call.name not in ("openat", "open") else ""

    def shown(self, call, whose):
        """The arguments that a reader wants to see."""
        shown = [whose] if whose else []
        if call.name in CARRYING and (whose in self.clients.values() or whose in ("client", "pipe")):
            string = STRING.search(call.arguments)
            shown += [shortened(string[0])] if string else []
        elif call.name == "epoll_ctl":
            shown.insert(0, call.arguments.split("EPOLL_CTL_")[1].split(",")[0])
            interest = re.search(r"events=([A-Z|]+)", call.arguments)
            shown += [interest[1].replace("EPOLL", "")] if interest else []
        elif call.name == "epoll_wait" and call.answer != "?":
            timeout = call.arguments.rpartition(", ")[2]
            shown += [f"{timeout} ms"] if timeout.isdigit() else []
        elif call.name in WITH_WORDS:
            words = re.findall(r"[A-Z][A-Z0-9_]+", call.arguments)
            shown += [word for word in words if not word.startswith("SOL_")][:1]
        return shown


def shortened(string):
    if len(string) <= STRING_MAX:
        return string
    return string[:STRING_MAX - 4].rstrip("\\") + '"...'


def ending(call, made):
    if call.error:
        return f" = {call.error}"
    if made:
        return f" = {made}"
    if call.name in (*CARRYING, "epoll_wait") and call.answer.isdigit():
        return f" = {int(call.answer):,}"
    return ""


def name_all(recording):
    """The counted calls with their names."""
    names = Names(recording)
    for call in recording.before:
        names.follow(call)
    return [names.name(call) for call in recording.calls]


def is_of_timer(named):
    """Redis reads this file ten times a second, whatever else there is."""
    return named.whose == "/proc/self/stat"
