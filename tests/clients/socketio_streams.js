// Socket.IO's streams adapter, one of whose servers is killed. Usage: socketio_streams.js PORT
//
// Three servers, each a process, send numbered messages to everybody while one of them is killed by
// SIGKILL and another comes in its place. A client of the others hears all that the killed one had in
// the stream, and nothing twice; one that loses its connection and comes back to another server hears
// what it missed.

const assert = require("node:assert");
const { fork } = require("node:child_process");
const { createServer } = require("node:http");
const { once } = require("node:events");
const { Server } = require("socket.io");
const { io: connect } = require("socket.io-client");
const { createAdapter } = require("@socket.io/redis-streams-adapter");
const { createClient } = require("redis");
const Redis = require("ioredis");

const port = Number(process.argv[2]);
const CLIENTS_EACH = 2;
const CHANNEL = "socket.io#/#"; // where the adapter asks all servers
const MESSAGES = 400;
const TIME_MAX_MS = 20_000;

const nodeRedis = () => createClient({ url: `redis://127.0.0.1:${port}` }).connect();
const ioredis = async () => new Redis(port);
const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

// A server: does what its parent says, and goes when its parent goes.
async function serve(name, open) {
  const http = createServer().listen(0, "127.0.0.1");
  await once(http, "listening");
  const io = new Server(http, { adapter: createAdapter(await open()), connectionStateRecovery: {} });
  const orders = {
    probe: () => io.emit("probe", name),
    send: async (first, end) => {
      for (let number = first; number < end; number++) {
        io.emit("number", name, number);
        if (number % 5 === 0) await pause(1);
      }
    },
    sockets: async () => (await io.fetchSockets()).length,
  };
  process.on("message", async ({ id, order, values }) => {
    process.send({ id, answer: await orders[order](...values) });
  });
  process.on("disconnect", () => process.exit());
  process.send({ url: `http://127.0.0.1:${http.address().port}` });
}

const children = [];

async function startServer(name, library) {
  const child = fork(__filename, [port, name, library]);
  children.push(child);
  const waiting = [];
  const [{ url }] = await once(child, "message");
  child.on("message", ({ id, answer }) => waiting[id]?.(answer));
  const tell = (order, ...values) =>
    new Promise((resolve) => {
      child.send({ id: waiting.push(resolve) - 1, order, values });
    });
  return { name, child, url, tell, clients: [await startClient(url), await startClient(url)] };
}

async function startClient(url) {
  const socket = connect(url, { transports: ["websocket"], reconnection: false, forceNew: true });
  const client = { socket, heard: {}, probes: new Set() };
  socket.on("number", (from, number) => (client.heard[from] ??= []).push(number));
  socket.on("probe", (from) => client.probes.add(from));
  await once(socket, "connect");
  return client;
}

async function until(what, isTrue) {
  const deadline = Date.now() + TIME_MAX_MS;
  while (!(await isTrue())) {
    assert(Date.now() < deadline, `${what}: waited too long`);
    await pause(5);
  }
}

// Before its first message the adapter asks for what comes after "now", time and again, and what
// comes in between is not for it; from then on it knows where it is.
async function meet(servers) {
  await until("servers hear each other", async () => {
    await Promise.all(servers.map(({ tell }) => tell("probe")));
    await pause(20);
    return servers.every(({ clients }) => clients.every(({ probes }) => probes.size >= servers.length));
  });
  for (const { clients } of servers) for (const { probes } of clients) probes.clear();
}

const count = (client, { name }) => client.heard[name]?.length ?? 0;

// All numbers below `end`, once and in order.
function assertHeard(what, client, { name }, end) {
  const numbers = client.heard[name] ?? [];
  const lost = [...Array(end).keys()].filter((number) => !numbers.includes(number));
  const twice = numbers.filter((number, index) => numbers.indexOf(number) !== index);
  assert.deepEqual({ lost, twice }, { lost: [], twice: [] }, `${what}, from ${name}`);
  assert.deepEqual(numbers, [...Array(end).keys()], `${what}, from ${name}: out of order`);
}

// What the stream says that each server has sent.
async function sent(redis) {
  const numbers = {};
  for (const { message } of await redis.xRange("socket.io", "-", "+")) {
    const [event, from, number] = message.data ? (JSON.parse(message.data).packet?.data ?? []) : [];
    if (event === "number") (numbers[from] ??= []).push(number);
  }
  return numbers;
}

async function killWhileSending(redis, stay, victim) {
  const sending = stay.map(({ tell }) => tell("send", 0, MESSAGES));
  victim.tell("send", 0, MESSAGES);
  await until("the victim sends", () => count(victim.clients[0], victim) > MESSAGES / 3);
  victim.child.kill("SIGKILL");
  await once(victim.child, "exit");
  await until("its clients notice", () => victim.clients.every(({ socket }) => !socket.connected));
  // Who asks everybody waits for as many answers as there are subscribers.
  const isGone = async () => Object.values(await redis.pubSubNumSub(CHANNEL))[0] === stay.length;
  await until("the subscription ends", isGone);
  const sockets = await stay[0].tell("sockets");
  assert.equal(sockets, stay.length * CLIENTS_EACH, "sockets of those who are left");
  const heir = await startServer("heir", "node-redis");
  await meet([...stay, heir]);
  await Promise.all([...sending, heir.tell("send", 0, MESSAGES)]);
  return heir;
}

async function check(redis, stay, victim, heir) {
  const everybody = [...stay, heir].flatMap(({ clients }) => clients);
  await until("messages", () => everybody.every((client) => count(client, heir) >= MESSAGES));
  await pause(100); // what comes twice would come now
  const entries = await sent(redis);
  for (const { clients } of stay) {
    for (const client of clients) {
      for (const from of [...stay, heir]) assertHeard("to one who stayed", client, from, MESSAGES);
      assertHeard("to one who stayed", client, victim, entries.victim.length);
    }
  }
  for (const client of heir.clients) assertHeard("to a newcomer", client, heir, MESSAGES);
  for (const client of victim.clients) {
    for (const from of [...stay, victim]) {
      assert(count(client, from) <= entries[from.name].length, "heard by none but the dead");
      assertHeard("to one who was cut off", client, from, count(client, from));
    }
  }
}

async function comeBackElsewhere(redis, [from, to]) {
  const [client] = from.clients;
  client.socket.io.engine.close();
  await until("session is kept", async () => (await redis.keys("sio:session:*")).length > 0);
  await Promise.all([from, to].map(({ tell }) => tell("send", MESSAGES, MESSAGES + 50)));
  client.socket.io.uri = to.url;
  client.socket.connect();
  await once(client.socket, "connect");
  assert(client.socket.recovered, "the session was not found");
  await Promise.all([from, to].map(({ tell }) => tell("send", MESSAGES + 50, MESSAGES + 100)));
  const end = MESSAGES + 100;
  await until("missed messages", () => [from, to].every((server) => count(client, server) >= end));
  await pause(100);
  for (const server of [from, to]) assertHeard("to one who came back", client, server, end);
}

async function play() {
  const redis = await nodeRedis();
  await redis.flushAll();
  const stay = [await startServer("first", "node-redis"), await startServer("second", "ioredis")];
  const victim = await startServer("victim", "ioredis");
  await meet([...stay, victim]);
  const heir = await killWhileSending(redis, stay, victim);
  await check(redis, stay, victim, heir);
  await comeBackElsewhere(redis, stay);
  const clients = [...stay, heir, victim].flatMap((server) => server.clients);
  const heard = clients.flatMap((client) => Object.values(client.heard)).flat().length;
  console.log(`Socket.IO streams adapter: passed, ${heard} messages, one server killed`);
}

if (process.argv.length > 3) {
  serve(process.argv[3], process.argv[4] === "ioredis" ? ioredis : nodeRedis);
} else {
  Promise.race([play(), pause(2 * TIME_MAX_MS).then(() => assert.fail("took too long"))])
    .catch((error) => {
      console.error(error);
      process.exitCode = 1;
    })
    .finally(() => {
      for (const child of children) child.kill("SIGKILL");
      process.exit();
    });
}
