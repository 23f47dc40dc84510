"""How often each call was made, and which of them only a timer asked for."""

import collections

from . import naming

WAIT = "epoll_wait"


def counts(named):
    """Name -> number, the most frequent first."""
    return dict(collections.Counter(call.name for call in named).most_common())


def by_timer(named):
    """Calls of ticks in which nothing was done but to look after a timer: a wait that nobody ended,
    and what the server always reads then. Redis has such a tick ten times a second."""
    found, tick = [], []
    for call in [*named, None]:
        if call is None or call.name == WAIT:
            found += of_tick(tick)
            tick = []
        if call is not None:
            tick.append(call)
    return {id(call) for call in found}


def of_tick(tick):
    of_timer = [call for call in tick if naming.is_of_timer(call)]
    rest = [call for call in tick if not naming.is_of_timer(call)]
    if of_timer and len(rest) == 1 and rest[0].name == WAIT and rest[0].call.answer in ("0", "?"):
        return tick
    return of_timer
