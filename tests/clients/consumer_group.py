"""A consumer group whose workers are killed, written with redis-py. Usage: consumer_group.py PORT

Streams promise delivery at least once. The worker makes its effect and its XACK one transaction, and
the effect is keyed by the entry, so that each entry has its effect exactly once however often it was
delivered. Some restarted workers take their name again and read what is pending under it first; the
others come with a new name, and what they held is claimed from them once it has been idle.
"""

import sys
import time

import redis
from workers import assert_once_each, wait_until, workers

PORT = int(sys.argv[1])
ENTRIES = 3000
KILLS = 12
BATCH = 10
# An entry that a living worker has held for so long is claimed as well: then two deliver it.
IDLE_MS = 250
SECONDS_PER_ENTRY = 0.0005


def connect():
    return redis.Redis(port=PORT, decode_responses=True)


def handle(client, log, entry, fields):
    if fields is None:  # deleted since: nobody here deletes
        raise SystemExit(f"{entry} has no fields")
    log.note("delivered", fields["number"])
    time.sleep(SECONDS_PER_ENTRY)
    with client.pipeline() as pipeline:
        pipeline.set(f"effect:{fields['number']}", entry, nx=True).xack("work", "group", entry)
        is_first, acknowledged = pipeline.execute()
    # Whoever makes the effect is also the one who takes the entry off the pending list.
    log.note("handled", fields["number"], bool(is_first), acknowledged)


def work(name, log):
    client = connect()
    for entry, fields in client.xreadgroup("group", name, {"work": "0"})[0][1]:
        handle(client, log, entry, fields)
    while True:
        _, claimed, deleted = client.xautoclaim("work", "group", name, IDLE_MS, count=BATCH)
        assert not deleted, deleted
        for entry, fields in claimed:
            handle(client, log, entry, fields)
        new = client.xreadgroup("group", name, {"work": ">"}, count=BATCH, block=50)
        for _, entries in new or []:
            for entry, fields in entries:
                handle(client, log, entry, fields)


def all_done(client):
    group = client.xinfo_groups("work")[0]
    return group["lag"] == 0 and group["pending"] == 0


def holds_entries(client, name):
    """Or will hold none, because none is left."""
    pending = {one["name"]: one["pending"] for one in client.xinfo_consumers("work", "group")}
    return name in pending and (pending[name] > 0 or all_done(client))


def kill_by_turns(crew, client, added):
    """Adds and kills: the first two names come back, of the third there is always another."""
    for kill in range(KILLS):
        for number in range(ENTRIES * kill // KILLS, ENTRIES * (kill + 1) // KILLS):
            added[client.xadd("work", {"number": number})] = str(number)
        name = ("first", "second", f"third-{kill // 3}")[kill % 3]
        wait_until(lambda: f"{name} holds entries", lambda: holds_entries(client, name))
        crew.kill(name)
        crew.start(f"third-{kill // 3 + 1}" if kill % 3 == 2 else name)


def main():
    client = connect()
    client.flushall()
    client.xgroup_create("work", "group", mkstream=True)
    added = {}
    with workers(work) as crew:
        for name in ("first", "second", "third-0"):
            crew.start(name)
        kill_by_turns(crew, client, added)
        wait_until(lambda: f"consumer group: {client.xinfo_groups('work')}", lambda: all_done(client))
        crew.kill_all()
        delivered, handled = crew.log.about("delivered"), crew.log.about("handled")

    numbers = list(added.values())
    effects = {number: client.get(f"effect:{number}") for number in numbers}
    lost = [number for number, entry in effects.items() if entry is None]
    assert not lost, f"lost: {lost}"
    assert all(added[entry] == number for number, entry in effects.items()), effects
    assert client.dbsize() == ENTRIES + 1
    assert_once_each("delivered", numbers, list(set(delivered)))
    for number, is_first, acknowledged in handled:
        assert (is_first, acknowledged) in {("True", "1"), ("False", "0")}, (number, acknowledged)
    # Only a worker that was killed between EXEC and its note can be missing here.
    noted = [number for number, is_first, _ in handled if is_first == "True"]
    assert len(noted) == len(set(noted)), f"two effects: {noted}"
    assert ENTRIES - KILLS <= len(noted) <= ENTRIES, len(noted)

    group = client.xinfo_groups("work")[0]
    assert (group["entries-read"], client.xlen("work")) == (ENTRIES, ENTRIES), group
    assert client.xpending("work", "group")["pending"] == 0
    names = {consumer["name"] for consumer in client.xinfo_consumers("work", "group")}
    assert names == {"first", "second"} | {f"third-{which}" for which in range(KILLS // 3 + 1)}, names
    assert all(client.xgroup_delconsumer("work", "group", name) == 0 for name in names)
    again = len(delivered) - ENTRIES
    print(f"consumer group: passed, {ENTRIES} entries, {KILLS} kills, {again} delivered again")


main()
