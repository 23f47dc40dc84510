// node-redis and ioredis with their defaults, doing ordinary things. Usage: node_clients.js PORT

const assert = require("node:assert");
const { createClient } = require("redis");
const Redis = require("ioredis");

const port = Number(process.argv[2]);

async function nodeRedis() {
  const client = await createClient({ url: `redis://127.0.0.1:${port}` }).connect();
  const other = await client.duplicate().connect();
  await client.flushAll();

  assert.equal(await client.set("k", "v"), "OK");
  assert.equal(await client.get("k"), "v");
  assert.equal(await client.get("missing"), null);
  assert.equal(await client.set("k", "w", { EX: 100, GET: true }), "v");
  assert.equal(await client.incrBy("n", 5), 5);
  assert.deepEqual(await client.mGet(["k", "missing"]), ["w", null]);
  await assert.rejects(client.lPush("k", "x"), /WRONGTYPE/);

  assert.equal(await client.rPush("l", ["a", "b", "c"]), 3);
  assert.deepEqual(await client.lRange("l", 0, -1), ["a", "b", "c"]);
  assert.deepEqual(await client.lPopCount("l", 5), ["a", "b", "c"]);

  const waited = other.blPop("w", 10);
  await client.rPush("w", "x");
  assert.deepEqual({ ...(await waited) }, { key: "w", element: "x" });
  assert.equal(await other.blPop("nothing", 0.05), null);

  const id = await client.xAdd("s", "*", { f: "v" });
  assert.equal((await client.xRange("s", "-", "+"))[0].id, id);
  const read = await client.xRead({ key: "s", id: "0" }, { COUNT: 1, BLOCK: 10 });
  assert.equal(read[0].messages[0].message.f, "v");

  const subscriber = await client.duplicate().connect();
  const heard = new Promise((resolve) => subscriber.subscribe("news", resolve));
  while ((await client.pubSubNumSub(["news"])).news === 0) {}
  assert.equal(await client.publish("news", "hello"), 1);
  assert.equal(await heard, "hello");
  await subscriber.unsubscribe("news");

  assert.deepEqual(await client.multi().set("t", "1").incr("t").get("t").exec(), ["OK", 2, "2"]);
  await other.watch("t");
  await client.set("t", "5");
  await assert.rejects(other.multi().incr("t").exec(), /watched/i);

  for (const open of [client, other, subscriber]) await open.close();
  console.log("node-redis: passed");
}

async function ioredis() {
  const client = new Redis(port);
  const other = client.duplicate();
  await client.flushall();

  assert.equal(await client.set("k", "v", "EX", 100), "OK");
  assert.equal(await client.get("k"), "v");
  assert.deepEqual(await client.mget("k", "missing"), ["v", null]);
  await assert.rejects(client.lpush("k", "x"), /WRONGTYPE/);
  assert.equal(await client.rpush("l", "a", "b"), 2);
  assert.deepEqual(await client.lrange("l", 0, -1), ["a", "b"]);

  const waited = other.blpop("w", 10);
  await client.rpush("w", "x");
  assert.deepEqual(await waited, ["w", "x"]);
  assert.equal(await other.blpop("nothing", 0.05), null);

  const id = await client.xadd("s", "*", "f", "v");
  assert.deepEqual(await client.xrange("s", "-", "+"), [[id, ["f", "v"]]]);
  const read = await client.xread("COUNT", 1, "BLOCK", 10, "STREAMS", "s", "0");
  assert.match(JSON.stringify(read), new RegExp(id));

  const subscriber = client.duplicate();
  const heard = new Promise((resolve) => subscriber.on("message", (_, text) => resolve(text)));
  await subscriber.subscribe("news");
  assert.equal(await client.publish("news", "hello"), 1);
  assert.equal(await heard, "hello");

  const replies = await client.multi().set("t", "1").incr("t").exec();
  assert.deepEqual(replies, [[null, "OK"], [null, 2]]);
  await other.watch("t");
  await client.set("t", "5");
  assert.equal(await other.multi().incr("t").exec(), null);

  const many = client.pipeline();
  for (let number = 0; number < 1000; number++) many.set(`many:${number}`, number);
  assert.ok((await many.exec()).every(([error]) => error === null));

  for (const open of [client, other, subscriber]) await open.quit();
  console.log("ioredis: passed");
}

nodeRedis()
  .then(ioredis)
  .catch((error) => {
    console.error(error);
    process.exit(1);
  });
