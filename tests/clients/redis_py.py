"""redis-py with its defaults, doing ordinary things. Usage: redis_py.py PORT"""

import sys
import threading
import time

import redis

PORT = int(sys.argv[1])


def connect(**options):
    return redis.Redis(port=PORT, decode_responses=True, **options)


def strings(client):
    assert client.set("k", "v") is True
    assert client.get("k") == "v"
    assert client.get("missing") is None
    assert client.set("k", "w", nx=True) is None
    assert client.set("k", "w", ex=100, get=True) == "v"
    assert 0 < client.ttl("k") <= 100
    assert client.incrby("n", 5) == 5
    assert client.append("k", "x") == 2
    assert client.mset({"a": 1, "b": 2}) is True
    assert client.mget("a", "missing", "b") == ["1", None, "2"]
    assert client.getdel("a") == "1"
    assert sorted(client.scan_iter(match="*")) == ["b", "k", "n"]
    raw = redis.Redis(port=PORT)
    raw.set(b"\x00\r\n", b"\xff\x00")
    assert raw.get(b"\x00\r\n") == b"\xff\x00"


def lists(client):
    assert client.rpush("l", "a", "b", "c") == 3
    assert client.lrange("l", 0, -1) == ["a", "b", "c"]
    assert client.lpop("l") == "a"
    assert client.lpop("l", 5) == ["b", "c"]
    assert client.lpop("l", 5) is None
    try:
        client.set("s", "v")
        client.lpush("s", "x")
        raise SystemExit("LPUSH on a string raised nothing")
    except redis.ResponseError as error:
        assert "WRONGTYPE" in str(error) or "wrong kind" in str(error), error


def waiting(client):
    answers = []
    waiter = threading.Thread(target=lambda: answers.append(connect().blpop(["w", "other"], 10)))
    waiter.start()
    while client.info("clients")["blocked_clients"] == 0:
        time.sleep(0.001)
    client.rpush("w", "x")
    waiter.join()
    assert [list(answer) for answer in answers] == [["w", "x"]], answers
    assert client.blpop("nothing", 0.05) is None


def streams(client):
    first = client.xadd("s1", {"f": "v"})
    client.xadd("s1", {"f": "w"}, id="9999999999999-1")
    assert client.xlen("s1") == 2
    assert client.xrange("s1") == [(first, {"f": "v"}), ("9999999999999-1", {"f": "w"})]
    found = client.xread({"s1": first}, count=1, block=10)
    assert "9999999999999-1" in repr(found), found
    assert not client.xread({"s1": "$"}, block=10)
    assert client.xtrim("s1", maxlen=1, approximate=False) == 1


def publishing(client):
    listener = connect().pubsub()
    listener.subscribe("news")
    listener.psubscribe("n*")
    kinds = [listener.get_message(timeout=5)["type"] for _ in range(2)]
    assert kinds == ["subscribe", "psubscribe"], kinds
    assert client.publish("news", "hello") == 2
    messages = [listener.get_message(timeout=5) for _ in range(2)]
    assert sorted(message["type"] for message in messages) == ["message", "pmessage"], messages
    assert all(message["data"] == "hello" for message in messages)
    listener.close()


def transactions(client):
    with client.pipeline() as pipeline:
        pipeline.set("t", 1).incr("t").get("t")
        assert pipeline.execute() == [True, 2, "2"]
    with client.pipeline() as pipeline:
        pipeline.watch("t")
        client.set("t", 10)
        pipeline.multi()
        pipeline.incr("t")
        try:
            pipeline.execute()
            raise SystemExit("WATCH noticed nothing")
        except redis.WatchError:
            pass
    with client.pipeline(transaction=False) as pipeline:
        for number in range(1000):
            pipeline.set(f"many:{number}", number)
        assert all(pipeline.execute())


def server(client):
    assert client.ping() is True
    assert client.info()["redis_version"].startswith("7.")
    assert client.config_get("maxclients") == {"maxclients": "10000"}
    assert client.client_setname("me") is True
    assert client.client_getname() == "me"
    assert client.dbsize() == 0
    assert len(client.time()) == 2
    assert "get" in client.command()
    assert len(client.client_list()) >= 1


def main():
    for options in ({}, {"protocol": 2}, {"protocol": 3}):
        client = connect(**options)
        for part in (strings, lists, waiting, streams, publishing, transactions, server):
            client.flushall()
            part(client)
    print(f"redis-py {redis.__version__}: passed")


main()
