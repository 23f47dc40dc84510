"""taskiq's list broker and result backend, whose workers are killed. Usage: taskiq_list.py PORT

The broker takes a message by BRPOP and promises it at most once: what a killed worker held is gone.
A worker here holds one message at a time, so a kill costs one result or none; the sender sends those
again that have none, and only they may be done twice. A worker killed while it waits costs nothing.
"""

import asyncio
import sys

import redis
from taskiq.api import run_receiver_task
from taskiq_redis import ListQueueBroker, RedisAsyncResultBackend
from workers import assert_once_each, wait_until, workers

PORT = int(sys.argv[1])
URL = f"redis://127.0.0.1:{PORT}"
TASKS = 600
KILLS = 9
IDLE_ROUNDS = 4
NAMES = ("first", "second", "third")
SECONDS_PER_TASK = 0.002


def make_broker(log):
    broker = ListQueueBroker(URL).with_result_backend(RedisAsyncResultBackend(URL))

    @broker.task(task_name="double")
    async def double(number):
        log.note("begun", number)
        await asyncio.sleep(SECONDS_PER_TASK)
        log.note("done", number)
        return 2 * number

    return broker, double


def work(_name, log):
    async def run():
        broker, _ = make_broker(log)
        await broker.startup()
        await run_receiver_task(broker, sync_workers=1, max_async_tasks=1)

    asyncio.run(run())


def blocked(client):
    return client.info("clients")["blocked_clients"]


async def send(double, numbers):
    return {number: await double.kiq(number) for number in numbers}


async def results(tasks):
    """The results that are there; None where there is none."""
    found = {}
    for number, task in tasks.items():
        found[number] = await task.get_result() if await task.is_ready() else None
    return found


def all_idle(client):
    return client.llen("taskiq") == 0 and blocked(client) == len(NAMES)


def rest(client):
    wait_until(
        lambda: f"taskiq: {client.llen('taskiq')} queued, {blocked(client)} workers wait",
        lambda: all_idle(client),
    )


async def kill_while_working(client, crew, double):
    sent = await send(double, range(TASKS))
    for kill in range(KILLS):
        wait_until(lambda: "taskiq", lambda: len(crew.log.about("done")) > TASKS * kill // (KILLS + 2))
        name = NAMES[kill % len(NAMES)]
        crew.kill(name)
        crew.start(name)
    rest(client)
    lost = [number for number, result in (await results(sent)).items() if result is None]
    assert len(lost) <= KILLS, f"{KILLS} kills cost {lost}"
    sent |= await send(double, lost)
    rest(client)
    return sent, lost


async def kill_while_waiting(client, crew, double, first):
    """Between the kill and the next message nobody waits but those who are alive."""
    sent = {}
    for number in range(IDLE_ROUNDS):
        rest(client)
        name = NAMES[number % len(NAMES)]
        crew.kill(name)
        sent |= await send(double, range(first + 10 * number, first + 10 * (number + 1)))
        crew.start(name)
    rest(client)
    return sent


async def main():
    client = redis.Redis(port=PORT)
    client.flushall()
    with workers(work) as crew:
        broker, double = make_broker(crew.log)
        for name in NAMES:
            crew.start(name)
        busy, lost = await kill_while_working(client, crew, double)
        idle = await kill_while_waiting(client, crew, double, TASKS)
        found = await results(busy | idle)
        crew.kill_all()
        done = [int(number) for number in crew.log.about("done")]
        await broker.shutdown()
    once = [number for number in done if number not in lost]
    assert_once_each("taskiq's list broker", set(range(TASKS + 10 * IDLE_ROUNDS)) - set(lost), once)
    assert all(1 <= done.count(number) <= 2 for number in lost), (lost, done)
    wrong = {n: r for n, r in found.items() if r is None or r.is_err or r.return_value != 2 * n}
    assert not wrong, f"results: {wrong}"
    kills = KILLS + IDLE_ROUNDS
    print(f"taskiq's list broker: passed, {len(found)} tasks, {kills} kills, {len(lost)} sent again")


asyncio.run(main())
