// Two Socket.IO servers, joined by the Redis adapter only. Usage: socketio_adapter.js PORT
//
// Each server sends numbered messages to everybody and to a room; each client, whichever server it
// hangs on, counts them: none lost, none twice, none out of order.

const assert = require("node:assert");
const { createServer } = require("node:http");
const { once } = require("node:events");
const { Server } = require("socket.io");
const { io: connect } = require("socket.io-client");
const { createAdapter, createShardedAdapter } = require("@socket.io/redis-adapter");
const { createClient } = require("redis");
const Redis = require("ioredis");

const port = Number(process.argv[2]);
const SERVERS = 2;
const CLIENTS_EACH = 3;
const MESSAGES = 200;

const nodeRedis = () => createClient({ url: `redis://127.0.0.1:${port}` }).connect();
const ioredis = async () => new Redis(port);

async function startServer(open, makeAdapter) {
  const redis = [await open(), await open()];
  const http = createServer().listen(0, "127.0.0.1");
  await once(http, "listening");
  const io = new Server(http, { adapter: makeAdapter(...redis) });
  io.on("connection", (socket) => socket.on("join", (room, done) => done(socket.join(room))));
  return { io, redis, url: `http://127.0.0.1:${http.address().port}` };
}

async function startClient(url, room) {
  const socket = connect(url, { transports: ["websocket"] });
  const heard = [];
  socket.on("number", (from, number) => heard.push([from, number]));
  await once(socket, "connect");
  await socket.emitWithAck("join", room);
  return { socket, room, heard };
}

async function until(what, isTrue) {
  const deadline = Date.now() + 20_000;
  while (!(await isTrue())) {
    assert(Date.now() < deadline, `${what}: waited too long`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

async function play(name, open, makeAdapter) {
  const servers = [];
  for (let number = 0; number < SERVERS; number++) {
    servers.push(await startServer(open, makeAdapter));
  }
  const clients = [];
  for (const [number, { url }] of servers.entries()) {
    for (let which = 0; which < CLIENTS_EACH; which++) {
      clients.push(await startClient(url, `room-${(number + which) % 2}`));
    }
  }
  // Asking all servers for their sockets is a request and its answers over pub/sub.
  const everybody = SERVERS * CLIENTS_EACH;
  await until(`${name}: servers see each other`, async () => {
    const seen = await Promise.all(servers.map(({ io }) => io.fetchSockets()));
    return seen.every((sockets) => sockets.length === everybody);
  });

  for (let number = 0; number < MESSAGES; number++) {
    for (const [from, { io }] of servers.entries()) {
      io.emit("number", `all-${from}`, number);
      io.to("room-1").emit("number", `room-${from}`, number);
    }
  }
  const expected = ({ room }) => MESSAGES * SERVERS * (room === "room-1" ? 2 : 1);
  await until(`${name}: messages`, () => clients.every((c) => c.heard.length >= expected(c)));
  await new Promise((resolve) => setTimeout(resolve, 100)); // what comes twice would come now
  for (const client of clients) {
    assert.equal(client.heard.length, expected(client), `${name}: lost or twice`);
    for (const from of new Set(client.heard.map(([from]) => from))) {
      const numbers = client.heard.filter((message) => message[0] === from).map(([, n]) => n);
      assert.deepEqual(numbers, [...Array(MESSAGES).keys()], `${name}: ${from} out of order`);
    }
  }

  for (const { socket } of clients) socket.close();
  for (const { io, redis } of servers) {
    await io.close();
    for (const connection of redis) await connection.quit();
  }
  const count = clients.reduce((sum, { heard }) => sum + heard.length, 0);
  console.log(`Socket.IO adapter, ${name}: passed, ${count} messages`);
}

(async () => {
  await play("node-redis", nodeRedis, createAdapter);
  await play("ioredis", ioredis, createAdapter);
  await play("sharded, node-redis", nodeRedis, createShardedAdapter);
  process.exit(0);
})().catch((error) => {
  console.error(error);
  process.exit(1);
});
