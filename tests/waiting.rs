//! Those who wait for lists, against a plain queue: a million random commands by a few clients,
//! with EXEC, timeouts, CLIENT UNBLOCK, CLIENT KILL and clients that leave, on the command layer
//! alone. Every reply is compared, who got it, and in which order.
//!
//! What it costs to serve somebody is counted, not timed: how many waiters were asked.

mod waiting_support {
    pub mod command;
    pub mod model;
}

use squint::command::dispatcher::{Turn, resolve};
use squint::command::effects::Unblock;
use squint::command::steps::{Step, Steps};
use squint::command::{ConnectionFigures, Engine, Facts, Host, Now, PoolFigures, Request};
use squint::config::{Config, Settings, Startup};
use squint::event_loop::connection::Connection;
use squint::event_loop::slab::Slab;
use squint::event_loop::timer_wheel::SlotFigures;
use squint::reply_buffer::ReplyBuffer;
use squint::resp::request::Span;
use squint_sys::{Address, Process, SyscallCounts, Token};
use squint_testing::random::{self, Random};

use waiting_support::command::{Command, KEYS};
use waiting_support::model::{Model, Value};

/// There are no files, and no connections.
struct Nowhere;

impl Host for Nowhere {
    fn figures(&self, _: Token) -> ConnectionFigures {
        ConnectionFigures::default()
    }

    fn local_address(&mut self, _: Token) -> Option<Address> {
        None
    }

    fn process(&mut self) -> Process {
        unreachable!("no command of these tests asks for it")
    }

    fn move_listeners(&mut self, _: &Settings) -> Result<(), String> {
        unreachable!("no command of these tests wants it")
    }

    fn change_directory(&mut self, _: &Settings) -> Result<(), String> {
        unreachable!("no command of these tests wants it")
    }

    fn port(&self) -> u16 {
        0
    }

    fn syscalls(&self) -> SyscallCounts {
        unreachable!("no command of these tests asks for it")
    }

    fn connections(&self) -> &Slab<Connection> {
        unreachable!("no command of these tests asks for them")
    }

    fn pools(&self) -> PoolFigures {
        unreachable!("no command of these tests asks for them")
    }

    fn timers(&mut self) -> Vec<SlotFigures> {
        unreachable!("no command of these tests asks for them")
    }
}

/// The command layer with clients, and without a server around it.
struct Layer {
    engine: Engine,
    clients: Vec<Token>,
}

const NOW: Now = Now { wall_us: 1_700_000_000_000_000, monotonic_ms: 1_000 };

impl Layer {
    fn new(clients: usize) -> Self {
        let startup = Config::from_arguments(&[], &mut ()).expect("no arguments");
        let Startup::Run(config) = startup else { panic!("arguments of a server") };
        let facts = Facts {
            run_id: String::new(),
            process_id: 1,
            poller_name: "none",
            executable: String::new(),
            config_file: String::new(),
            started_us: 0,
        };
        let mut layer = Self { engine: Engine::new(*config, facts, [7; 16]), clients: Vec::new() };
        for index in 0..clients {
            let token = Token { index: index as u32, generation: 0 };
            layer.clients.push(token);
            layer.connect(token);
        }
        layer
    }

    fn connect(&mut self, token: Token) {
        self.engine.connect(token, Address::Unix("nowhere".into()), NOW);
    }

    /// Executes a request; what its client is told at once.
    fn ask(&mut self, client: usize, words: &[String]) -> String {
        let mut spans = Vec::new();
        let mut bytes = Vec::new();
        for word in words {
            spans.push(Span { start: bytes.len() as u32, len: word.len() as u32 });
            bytes.extend_from_slice(word.as_bytes());
        }
        let request = Request::new(&bytes, &spans, &[]);
        let mut reply = ReplyBuffer::default();
        let turn =
            Turn { client: self.clients[client], reply: &mut reply, now: NOW, may_wait: false };
        let (command, length) = (resolve(request), bytes.len());
        let step = Step { command, length, arguments: spans.len() as u32, keys: 0 };
        let mut steps =
            Steps { steps: &[step], spans: &spans, layout: &[], bulks: &[], hashes: &[] };
        self.engine.execute(turn, &mut steps, &mut bytes.as_slice(), &mut Nowhere);
        String::from_utf8(reply.to_vec()).expect("all elements are text")
    }

    fn ask_line(&mut self, client: usize, line: &str) -> String {
        let words: Vec<String> = line.split(' ').map(str::to_owned).collect();
        self.ask(client, &words)
    }

    /// What others were told since the last time, in order.
    fn told(&mut self) -> Vec<(usize, String)> {
        let mut told = Vec::new();
        self.engine.effects.outbox.deliver(|client, append| {
            let mut output = ReplyBuffer::default();
            append(&mut output);
            let text = String::from_utf8(output.to_vec()).expect("all elements are text");
            told.push((client.index as usize, text));
        });
        self.engine.effects.blocked.clear();
        self.engine.effects.unblocked.clear();
        told
    }

    /// A client's connection ends, and another one begins in its slot.
    fn replace(&mut self, client: usize) {
        let former = self.clients[client];
        self.engine.disconnect(former);
        let token = Token { index: former.index, generation: former.generation + 1 };
        self.clients[client] = token;
        self.connect(token);
    }

    fn number(&mut self, client: usize) -> u64 {
        self.engine.clients.get_mut(self.clients[client]).number
    }
}

/// The layer beside its twin.
struct Pair {
    layer: Layer,
    model: Model,
    random: Random,
    clients: usize,
    killed: u64,
}

impl Pair {
    fn new(seed: u64, clients: usize) -> Self {
        let (layer, model) = (Layer::new(clients), Model::default());
        Self { layer, model, random: Random::new(seed), clients, killed: 0 }
    }

    /// A client that does not wait; the last one never does.
    fn idle_client(&mut self) -> usize {
        let client = self.random.below(self.clients);
        if self.model.is_waiting(client) { self.clients - 1 } else { client }
    }

    fn is_last(&self, client: usize) -> bool {
        client == self.clients - 1
    }

    fn step(&mut self) {
        match self.random.below(100) {
            0 => self.leave(),
            1 => self.end_waiting(),
            2 | 3 => self.time_out(),
            4..20 => self.transaction(),
            _ => self.command(),
        }
        assert_eq!(self.layer.told(), std::mem::take(&mut self.model.told));
    }

    fn command(&mut self) {
        let client = self.idle_client();
        let command = Command::random(&mut self.random);
        if self.is_last(client) && command.waits() {
            return;
        }
        let reply = self.layer.ask(client, &command.words());
        let expected = self.model.run(client, &command).unwrap_or_default();
        assert_eq!(reply, expected, "{command:?}");
    }

    fn transaction(&mut self) {
        let client = self.idle_client();
        let commands: Vec<Command> =
            (0..=self.random.below(5)).map(|_| Command::random(&mut self.random)).collect();
        self.layer.ask_line(client, "MULTI");
        for command in &commands {
            self.layer.ask(client, &command.words());
        }
        let victim = self.random.below(self.clients - 1);
        let is_freed = victim != client && self.random.one_in(4);
        if is_freed {
            let number = self.layer.number(victim);
            self.layer.ask_line(client, &format!("CLIENT UNBLOCK {number}"));
        }
        let reply = self.layer.ask_line(client, "EXEC");
        // CLIENT UNBLOCK stands last: what came before it was not served yet.
        let unblocked = is_freed && self.model.is_waiting(victim);
        if unblocked {
            self.model.release(victim, "*-1\r\n");
        }
        let mut expected = self.model.run_all(&commands);
        if is_freed {
            let count = commands.len();
            expected = expected.replacen(&format!("*{count}"), &format!("*{}", count + 1), 1);
            expected.push_str(if unblocked { ":1\r\n" } else { ":0\r\n" });
        }
        assert_eq!(reply, expected, "{commands:?}");
    }

    fn time_out(&mut self) {
        let client = self.random.below(self.clients);
        let token = self.layer.clients[client];
        let was_waiting = self.layer.engine.unblock(token, Unblock::Timeout);
        assert_eq!(was_waiting, self.model.is_waiting(client));
        self.model.release(client, "*-1\r\n");
    }

    fn end_waiting(&mut self) {
        let client = self.random.below(self.clients - 1);
        let number = self.layer.number(client);
        let by = self.clients - 1;
        let is_waiting = usize::from(self.model.is_waiting(client));
        let reply = self.layer.ask_line(by, &format!("CLIENT UNBLOCK {number} ERROR"));
        assert_eq!(reply, format!(":{is_waiting}\r\n"));
        self.model.release(client, "-UNBLOCKED client unblocked via CLIENT UNBLOCK\r\n");
    }

    /// A client leaves, or is killed and leaves at the end of the tick, after a push.
    fn leave(&mut self) {
        let client = self.random.below(self.clients - 1);
        if self.random.one_in(2) {
            let number = self.layer.number(client);
            let by = self.clients - 1;
            let reply = self.layer.ask_line(by, &format!("CLIENT KILL ID {number}"));
            assert_eq!(reply, ":1\r\n");
            self.killed += u64::from(self.model.forget(client));
            for _ in 0..3 {
                let command = Command::random(&mut self.random);
                if !command.waits() {
                    let reply = self.layer.ask(by, &command.words());
                    assert_eq!(Some(reply), self.model.run(by, &command));
                }
            }
            assert_eq!(self.layer.engine.effects.kills.pop(), Some(self.layer.clients[client]));
        }
        self.layer.replace(client);
        self.model.forget(client);
    }

    fn check(&mut self) {
        assert_eq!(self.layer.engine.blocking.client_count(), self.model.waiters());
        assert_eq!(self.layer.engine.blocking.key_count(), self.model.keys_waited_on());
        let asked = self.layer.engine.stats.waiters_asked;
        assert!((self.model.asked..=self.model.asked + self.killed).contains(&asked));
        for key in 0..KEYS {
            let reply = self.layer.ask_line(self.clients - 1, &format!("LRANGE k{key} 0 -1"));
            let expected = match &self.model.keys[key] {
                Value::Nothing => "*0\r\n".to_owned(),
                Value::Text => waiting_support::model::WRONG_TYPE.to_owned(),
                Value::List(list) => {
                    let elements = list.iter().map(|element| waiting_support::model::bulk(element));
                    format!("*{}\r\n{}", list.len(), elements.collect::<String>())
                }
            };
            assert_eq!(reply, expected);
        }
    }
}

/// The seed is printed; with `SQUINT_SEED` in the environment it is that one.
#[test]
fn a_million_commands_agree_with_a_queue() {
    let seed = random::seed();
    for (turn, clients) in [4, 12, 40].into_iter().enumerate() {
        let mut pair = Pair::new(seed.wrapping_add(turn as u64), clients);
        for number in 0..333_334 {
            pair.step();
            if number % 100 == 0 {
                pair.check();
            }
        }
        println!("{clients} clients: {} times asked", pair.model.asked);
        assert!(pair.model.asked > 10_000, "hardly anybody waits");
    }
}

/// As many as fit below a limit of 20,000 descriptors.
const CROWD: usize = 19_000;

/// The work of a wake-up does not grow with the number of those who wait behind: counted.
#[test]
fn nineteen_thousand_waiters_are_served_first_come_first_served_each_asked_once() {
    let mut layer = Layer::new(CROWD + 1);
    for client in 0..CROWD {
        assert_eq!(layer.ask_line(client, "BLPOP k 0"), "");
    }
    for client in 0..1_000 {
        assert_eq!(layer.ask_line(CROWD, &format!("RPUSH k {client}")), ":1\r\n");
        let element = waiting_support::model::bulk(&client.to_string());
        assert_eq!(layer.told(), [(client, format!("*2\r\n$1\r\nk\r\n{element}"))]);
        assert_eq!(layer.engine.stats.waiters_asked, client as u64 + 1);
    }
    let rest: Vec<String> = (1_000..CROWD).map(|client| client.to_string()).collect();
    layer.ask_line(CROWD, &format!("RPUSH k {}", rest.join(" ")));
    let order: Vec<usize> = layer.told().iter().map(|(client, _)| *client).collect();
    assert!(order.iter().copied().eq(1_000..CROWD));
    assert_eq!(layer.engine.stats.waiters_asked, CROWD as u64);
    assert_eq!(layer.engine.blocking.client_count(), 0);
}

/// Whoever was killed stands in the queue until the end of the tick, and is passed once at most.
#[test]
fn the_killed_are_passed_once() {
    let mut layer = Layer::new(CROWD + 1);
    for client in 0..CROWD {
        layer.ask_line(client, "BLPOP k 0");
    }
    for client in 0..CROWD / 2 {
        let number = layer.number(client);
        layer.ask_line(CROWD, &format!("CLIENT KILL ID {number}"));
    }
    layer.ask_line(CROWD, "RPUSH k x");
    assert_eq!(layer.told()[0].0, CROWD / 2);
    assert_eq!(layer.engine.blocking.client_count(), CROWD / 2 - 1);
    layer.ask_line(CROWD, "RPUSH k x");
    assert_eq!(layer.engine.stats.waiters_asked, CROWD as u64 / 2 + 2);
}

/// A chain of moves from key to key is served to its end, each link asked once.
#[test]
fn a_long_chain_and_a_long_circle_end() {
    for last in ["end", "k0"] {
        let mut layer = Layer::new(1_001);
        for client in 0..1_000 {
            let to = if client == 999 { last.to_owned() } else { format!("k{}", client + 1) };
            layer.ask_line(client, &format!("BLMOVE k{client} {to} LEFT RIGHT 0"));
        }
        layer.ask_line(1_000, "RPUSH k0 x");
        assert!(layer.told().iter().map(|(client, _)| *client).eq(0..1_000));
        assert_eq!(layer.engine.stats.waiters_asked, 1_000);
        assert_eq!(layer.ask_line(1_000, &format!("LLEN {last}")), ":1\r\n");
    }
}

/// Behind one who finds nothing in a group nobody of the group is asked: counted.
#[test]
fn waiters_of_a_group_are_asked_as_long_as_there_is_anything() {
    let mut layer = Layer::new(4_003);
    let server = 4_002;
    layer.ask_line(4_001, "BLPOP s 0");
    for group in ["g", "h"] {
        layer.ask_line(server, &format!("XGROUP CREATE s {group} 0 MKSTREAM"));
    }
    for client in 0..4_000 {
        let group = if client % 2 == 0 { "g" } else { "h" };
        let line = format!("XREADGROUP GROUP {group} c{client} COUNT 1 BLOCK 0 STREAMS s >");
        assert_eq!(layer.ask_line(client, &line), "");
    }
    layer.ask_line(4_000, "XREADGROUP GROUP g claims COUNT 1 BLOCK 0 CLAIM 0 STREAMS s >");
    layer.told();
    let mut asked = layer.engine.stats.waiters_asked;
    for number in 1..=10 {
        layer.ask_line(server, &format!("XADD s {number}-0 a 1"));
        let order: Vec<usize> = layer.told().into_iter().map(|(client, _)| client).collect();
        // The first CLAIM 0 finds what was handed out just before.
        let claims = (number == 1).then_some(4_000);
        let first = 2 * (number - 1);
        assert!(
            order.iter().copied().eq([first, first + 1].into_iter().chain(claims)),
            "{order:?}"
        );
        // One of each group is served and one finds nothing; one waits for a list.
        asked += 5 + u64::from(claims.is_some());
        assert_eq!(layer.engine.stats.waiters_asked, asked);
    }
    layer.ask_line(server, "XGROUP DESTROY s h");
    let order = layer.told().into_iter().map(|(client, _)| client);
    assert!(order.eq((21..4_000).step_by(2)), "all are told that their group is gone");
    layer.ask_line(server, "DEL s");
    let order = layer.told().into_iter().map(|(client, _)| client);
    assert!(order.eq((20..4_000).step_by(2)));
    assert_eq!(layer.engine.blocking.client_count(), 1);
}
