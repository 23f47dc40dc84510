"""Celery's result backend, groups and chords; its workers are killed. Usage: celery_results.py PORT

Tasks travel in a directory (Celery's filesystem broker), results through the server: SETEX and PUBLISH by
the worker, SUBSCRIBE and MGET by the caller, chords counted with RPUSH and LLEN. A task that a killed
worker held is gone with it, and the caller sends it again under its name. Each result is counted three
times: by the worker that stored it, by the caller, and by somebody who hears what is published.
"""

import collections
import os
import sys
import warnings

import redis
from celery import Celery, chord, signals
from celery.result import ResultSet
from workers import TIME_MAX_S, assert_once_each, wait_until, workers

PORT = int(sys.argv[1])
URL = f"redis://127.0.0.1:{PORT}/0"
TASKS = 300
KILLS = 4
CHORDS = 12
CHORD_SIZE = 10
NAMES = ("first", "second")


def make_app(directory):
    folders = {name: os.path.join(directory, name) for name in ("queue", "control", "processed")}
    for folder in folders.values():
        os.makedirs(folder, exist_ok=True)
    app = Celery("squint", broker="filesystem://", backend=URL)
    app.conf.update(
        broker_transport_options={
            "data_folder_in": folders["queue"],
            "data_folder_out": folders["queue"],
            "control_folder": folders["control"],
            "processed_folder": folders["processed"],
            "store_processed": True,
            "polling_interval": 0.01,
        },
        # Ordered, the parts of a chord would lie in a sorted set.
        result_backend_transport_options={"result_chord_ordered": False},
        worker_enable_remote_control=False,
        worker_prefetch_multiplier=1,
    )
    return app


def make_tasks(app):
    @app.task(name="double")
    def double(number):
        return 2 * number

    @app.task(name="total")
    def total(numbers):
        return sum(numbers)

    return double, total


def make_work(app):
    def work(queue, log):
        @signals.task_success.connect(weak=False)
        def stored(sender, **_):  # Celery sends this when the backend has the result
            log.note("stored", sender.request.id)

        warnings.simplefilter("ignore")  # running as root
        quiet = ("--loglevel=ERROR", "--without-gossip", "--without-mingle", "--without-heartbeat")
        where = "totals" if queue == "totals" else "celery"
        app.worker_main(["--quiet", "worker", "--pool=solo", f"--queues={where}", *quiet])

    return work


def queued(crew, queue):
    names = os.listdir(os.path.join(crew.directory, "queue"))
    return sum(name.endswith(f".{queue}.msg") for name in names)


def results_despite_kills(client, crew, double):
    """Every worker is killed in the end, so a task without a result then is a task that is gone."""
    sent = {f"double-{number}": number for number in range(TASKS)}
    results = {name: double.apply_async((number,), task_id=name) for name, number in sent.items()}
    for name in NAMES:
        crew.start(name)
    for kill in range(KILLS):
        progress = TASKS * (kill + 1) // (KILLS + 2)
        wait_until(lambda: "Celery", lambda: len(crew.log.about("stored")) >= progress)
        name = NAMES[kill % len(NAMES)]
        crew.kill(name)
        crew.start(name)
    wait_until(
        lambda: f"Celery: {queued(crew, 'celery')} tasks queued",
        lambda: not queued(crew, "celery"),
    )
    crew.kill_all()
    gone = [name for name in sent if not client.exists(f"celery-task-meta-{name}")]
    assert len(gone) <= KILLS + len(NAMES), f"more than the killed workers held: {gone}"
    results |= {name: double.apply_async((sent[name],), task_id=name) for name in gone}
    for name in NAMES:
        crew.start(name)

    found = []
    ResultSet(list(results.values())).join_native(
        timeout=TIME_MAX_S, callback=lambda name, value: found.append((name, value))
    )
    assert_once_each("Celery's results", [(name, 2 * n) for name, n in sent.items()], found)
    return list(sent), gone


def chords(crew, double, total):
    """The totals are sent while others look for their tasks, so they go where these do not look."""
    sums, names, results = [], [], []
    for which in range(CHORDS):
        numbers = range(which, which + CHORD_SIZE)
        header = [double.s(number).set(task_id=f"part-{which}-{number}") for number in numbers]
        results.append(chord(header)(total.s().set(queue="totals", task_id=f"total-{which}")))
        names += [part.options["task_id"] for part in header] + [f"total-{which}"]
        sums.append(2 * sum(numbers))
    expected = queued(crew, "totals") + CHORDS
    for name in NAMES:
        crew.start(name)
    wait_until(lambda: f"{queued(crew, 'totals')} totals", lambda: queued(crew, "totals") == expected)
    crew.start("totals")
    found = [result.get(timeout=TIME_MAX_S) for result in results]
    assert found == sums, (found, sums)
    return names


def heard(listener):
    """How many messages there were about each task."""
    messages = collections.Counter()
    while message := listener.get_message(timeout=0.2):
        if message["type"] == "pmessage":
            messages[message["channel"].removeprefix("celery-task-meta-")] += 1
    return list(messages.elements())


def main():
    client = redis.Redis(port=PORT, decode_responses=True)
    client.flushall()
    listener = client.pubsub()
    listener.psubscribe("celery-task-meta-*")
    with workers(None) as crew:
        app = make_app(crew.directory)
        double, total = make_tasks(app)
        crew.work = make_work(app)
        # Both queues are there before anybody looks at them.
        first = total.apply_async(([1, 2, 3],), task_id="total", queue="totals")
        names, gone = results_despite_kills(client, crew, double)
        crew.kill_all()
        names += ["total", *chords(crew, double, total)]
        assert first.get(timeout=TIME_MAX_S) == 6
        assert_once_each("published", names, heard(listener))
        crew.kill_all()
        stored = crew.log.about("stored")
    kills = KILLS + 3 * len(NAMES) + 1
    assert_once_each("stored, and noted", set(names) & set(stored), stored)
    unnoted = set(names) - set(stored)
    assert len(unnoted) <= kills, f"stored by nobody: {unnoted}"
    assert not client.keys("celery-taskset-meta-*"), "what counted the parts of a chord is left"
    print(f"Celery's results: passed, {len(names)} tasks, {kills} kills, {len(gone)} sent again")


main()
