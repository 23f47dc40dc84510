"""python-socketio's Redis manager and channels_redis's pub/sub layer. Usage: pubsub_layers.py PORT

Both spread messages over processes by Redis's pub/sub. Here the processes are objects with
connections of their own; each listener counts: none lost, none twice, none out of order.
"""

import asyncio
import sys

import socketio
from channels_redis.pubsub import RedisPubSubChannelLayer

URL = f"redis://127.0.0.1:{int(sys.argv[1])}"
MESSAGES = 300
TIME_MAX_S = 20


async def until(what, is_true):
    deadline = asyncio.get_running_loop().time() + TIME_MAX_S
    while not is_true():
        assert asyncio.get_running_loop().time() < deadline, f"{what}: waited too long"
        await asyncio.sleep(0.005)


class Manager(socketio.AsyncRedisManager):
    """Notes what other servers publish, before it goes to the sockets of this one."""

    def __init__(self):
        super().__init__(URL)
        self.heard = []

    async def _handle_emit(self, message):
        self.heard.append((message["event"], *message["data"]))
        await super()._handle_emit(message)


async def socketio_manager():
    managers = [Manager() for _ in range(3)]
    servers = [socketio.AsyncServer(client_manager=manager) for manager in managers]
    for server in servers:
        # What the first connection of a client would do.
        server.manager.initialize()
        server.manager_initialized = True
    publishers = [*servers, socketio.AsyncRedisManager(URL, write_only=True)]

    def all_heard(event, count):
        return all(sum(name == event for name, _ in m.heard) >= count for m in managers)

    for attempt in range(TIME_MAX_S * 20):  # until everybody is subscribed
        await publishers[-1].emit("probe", attempt)
        await asyncio.sleep(0.05)
        if all_heard("probe", 1):
            break
    for number in range(MESSAGES):
        for which, publisher in enumerate(publishers):
            await publisher.emit(f"from-{which}", number)
    for which in range(len(publishers)):
        await until("python-socketio", lambda: all_heard(f"from-{which}", MESSAGES))
    await asyncio.sleep(0.1)  # what comes twice would come now
    for manager in managers:
        for which in range(len(publishers)):
            numbers = [data for name, data in manager.heard if name == f"from-{which}"]
            assert numbers == list(range(MESSAGES)), (which, numbers)
    count = len(managers) * len(publishers) * MESSAGES
    print(f"python-socketio's Redis manager: passed, {count} messages")


async def channels_layer():
    layers = [RedisPubSubChannelLayer(hosts=[URL]) for _ in range(3)]
    members = []
    for layer in layers:
        for _ in range(2):
            channel = await layer.new_channel()
            await layer.group_add("everybody", channel)
            members.append((layer, channel))
    outsider = await layers[0].new_channel()

    async def hear(layer, channel, count):
        return [await layer.receive(channel) for _ in range(count)]

    expected = MESSAGES * len(layers)
    listening = [asyncio.create_task(hear(layer, channel, expected)) for layer, channel in members]
    for number in range(MESSAGES):
        for which, layer in enumerate(layers):
            await layer.group_send("everybody", {"type": "number", "from": which, "n": number})
    for heard in await asyncio.wait_for(asyncio.gather(*listening), TIME_MAX_S):
        for which in range(len(layers)):
            numbers = [message["n"] for message in heard if message["from"] == which]
            assert numbers == list(range(MESSAGES)), (which, numbers)

    # To one channel, from another process; and who has left the group hears no more.
    await layers[1].send(outsider, {"type": "direct"})
    assert (await asyncio.wait_for(layers[0].receive(outsider), TIME_MAX_S))["type"] == "direct"
    (layer, channel), *rest = members
    await layer.group_discard("everybody", channel)
    await layers[1].group_send("everybody", {"type": "last"})
    for other, name in rest:
        message = await asyncio.wait_for(other.receive(name), TIME_MAX_S)
        assert message["type"] == "last", message
    waiting = asyncio.create_task(layer.receive(channel))
    await asyncio.sleep(0.1)
    assert not waiting.done(), "who has left still hears"
    waiting.cancel()
    for layer in layers:
        await layer.flush()
    print(f"channels_redis's pub/sub layer: passed, {expected * len(members)} messages")


asyncio.run(socketio_manager())
asyncio.run(channels_layer())
