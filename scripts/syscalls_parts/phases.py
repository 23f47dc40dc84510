"""Which phase of a server's loop a call belongs to: what colours stand for on the page."""

# In the order of the legend: name, what it is.
PHASES = {
    "wait": "asleep until somebody or a deadline comes",
    "accept": "a client comes",
    "read": "a client speaks",
    "write": "a client is answered",
    "close": "a client leaves",
    "memory": "memory is taken or given back",
    "timer": "a timer that fires whether or not anybody is there",
    "threads": "threads wake each other",
    "rest": "files, settings, the log",
}
MEMORY = {"mmap", "munmap", "mremap", "madvise", "brk", "mprotect"}
THREADS = {"futex", "clone3", "clone"}
READS, WRITES = {"read", "readv", "recvfrom"}, {"write", "writev", "sendto"}
NOT_CLIENTS = {"", "?", "stdin", "stdout", "stderr", "poller", "listener", "socket",
               "pipe"}
BIRTH = {"accept4", "accept", "setsockopt", "getpeername", "fcntl"}


def phase_of(named, of_timer):
    """The phase of a call: by its name, and by what it is done to."""
    name, kind = named.name, named.key[1]
    if id(named) in of_timer:
        return "timer"
    if name == "epoll_wait":
        return "wait"
    if name in ("accept4", "accept"):
        return "accept"
    if name == "epoll_ctl":
        return {"ADD": "accept", "MOD": "write", "DEL": "close"}[named.text.partition("(")[2][:3]]
    if name in MEMORY:
        return "memory"
    if name in THREADS:
        return "threads"
    return "rest" if kind in NOT_CLIENTS or kind.startswith("/") else of_client(name)


def of_client(name):
    if name in READS:
        return "read"
    if name in WRITES:
        return "write"
    if name == "close":
        return "close"
    return "accept" if name in BIRTH else "rest"
