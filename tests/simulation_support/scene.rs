//! A scene: one server, some clients, and a script that says what happens when.

use squint::config::{Config, Startup};
use squint::server::{Server, StartError};
use squint_sys::simulated::{Peer, PeerState, Simulated, World};
use squint_sys::{Address, Signal};
use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

/// Names a client of the scene.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ClientName(usize);

/// What one client has been sent, and when.
#[derive(Default)]
struct Record {
    peer: Option<Peer>,
    bytes: Vec<u8>,
    at_ms: Vec<i64>,
    probes: Vec<PeerState>,
    reads: bool,
}

type Records = Rc<RefCell<Vec<Record>>>;

/// A server on a simulated machine that has not begun to turn.
pub struct Scene {
    world: World,
    server: Option<Server<Simulated>>,
    records: Records,
}

/// Where the server listens unless the scene says otherwise.
const ADDRESS: &str = "127.0.0.1:6379";

impl Scene {
    /// A server with these arguments; it listens, and time stands still.
    pub fn start(arguments: &[&str]) -> Self {
        Self::try_start(arguments).expect("the server starts")
    }

    /// The same, where it may refuse.
    pub fn try_start(arguments: &[&str]) -> Result<Self, StartError> {
        let bytes: Vec<Vec<u8>> = arguments.iter().map(|word| word.as_bytes().to_vec()).collect();
        let startup = Config::from_arguments(&bytes, &mut ()).expect("good arguments");
        let Startup::Run(config) = startup else { panic!("arguments of a server") };
        let system = Simulated::new(7);
        let world = system.world();
        let server = Server::start(system, *config, String::new())?;
        Ok(Self { world, server: Some(server), records: Records::default() })
    }

    pub fn world(&self) -> &World {
        &self.world
    }

    /// Connects a client before the first tick.
    pub fn connect(&mut self) -> ClientName {
        let name = self.record();
        knock(&self.world, &self.records, name);
        name
    }

    /// Connects two clients in either order.
    pub fn connect_pair(&mut self, in_order: bool) -> (ClientName, ClientName) {
        let (one, other) = (self.connect(), self.connect());
        if in_order { (one, other) } else { (other, one) }
    }

    /// Connects a client later.
    pub fn connect_at(&mut self, at_ms: u64) -> ClientName {
        let name = self.record();
        let records = Rc::clone(&self.records);
        self.at(at_ms, move |world| knock(world, &records, name));
        name
    }

    fn record(&mut self) -> ClientName {
        let mut records = self.records.borrow_mut();
        records.push(Record { reads: true, ..Record::default() });
        ClientName(records.len() - 1)
    }

    /// Does anything at a moment.
    pub fn at(&mut self, at_ms: u64, action: impl FnOnce(&World) + 'static) {
        self.world.after(Duration::from_millis(at_ms), action);
    }

    fn with_peer_at(&mut self, at_ms: u64, name: ClientName, act: impl FnOnce(&Peer) + 'static) {
        let records = Rc::clone(&self.records);
        self.at(at_ms, move |_| {
            let peer = records.borrow()[name.0].peer.clone().expect("connected by now");
            act(&peer);
        });
    }

    pub fn send_at(&mut self, at_ms: u64, name: ClientName, bytes: &[u8]) {
        let bytes = bytes.to_vec();
        self.with_peer_at(at_ms, name, move |peer| assert_eq!(peer.send(&bytes), bytes.len()));
    }

    /// Sends if the server has not closed meanwhile.
    pub fn send_if_open_at(&mut self, at_ms: u64, name: ClientName, bytes: &[u8]) {
        let bytes = bytes.to_vec();
        self.with_peer_at(at_ms, name, move |peer| {
            if peer.state() == PeerState::Open {
                peer.send(&bytes);
            }
        });
    }

    /// Sends `bytes` every millisecond, as far as there is room; counts what was taken.
    pub fn flood_at(
        &mut self,
        at_ms: u64,
        name: ClientName,
        bytes: &[u8],
        for_ms: u64,
    ) -> Rc<RefCell<usize>> {
        let taken = Rc::new(RefCell::new(0));
        let stream: Rc<Vec<u8>> = Rc::new(bytes.to_vec());
        for now_ms in at_ms..at_ms + for_ms {
            let (taken, stream) = (Rc::clone(&taken), Rc::clone(&stream));
            self.with_peer_at(now_ms, name, move |peer| {
                let start = *taken.borrow() % stream.len();
                *taken.borrow_mut() += peer.send(&stream[start..]);
            });
        }
        taken
    }

    pub fn finish_at(&mut self, at_ms: u64, name: ClientName) {
        self.with_peer_at(at_ms, name, Peer::finish);
    }

    pub fn close_at(&mut self, at_ms: u64, name: ClientName) {
        self.with_peer_at(at_ms, name, Peer::close);
    }

    pub fn reset_at(&mut self, at_ms: u64, name: ClientName) {
        self.with_peer_at(at_ms, name, Peer::reset);
    }

    /// Only so many bytes fit on the way to the client at once.
    pub fn limit_capacity(&mut self, name: ClientName, capacity_bytes: usize) {
        let records = self.records.borrow();
        let peer = records[name.0].peer.as_ref().expect("connected");
        peer.capacities_set(1 << 20, capacity_bytes);
    }

    /// The client never reads, and only so many bytes fit on the way to it.
    pub fn stop_reading(&mut self, name: ClientName, capacity_bytes: usize) {
        let mut records = self.records.borrow_mut();
        records[name.0].reads = false;
        let peer = records[name.0].peer.as_ref().expect("connected");
        peer.capacities_set(1 << 20, capacity_bytes);
    }

    /// Notes at a moment how the server has left a client; see [`Scene::probes`].
    pub fn probe_state_at(&mut self, at_ms: u64, name: ClientName) {
        let records = Rc::clone(&self.records);
        self.at(at_ms, move |_| {
            let record = &mut records.borrow_mut()[name.0];
            let state = record.peer.as_ref().expect("connected").state();
            record.probes.push(state);
        });
    }

    /// Lets the server run for so long, then ends it; clients read every millisecond while anything
    /// is scripted nearby, and at the end.
    pub fn run_ms(&mut self, for_ms: u64) {
        let reading_ms = for_ms.min(2_500);
        for at_ms in (0..=reading_ms).chain([for_ms]) {
            let records = Rc::clone(&self.records);
            self.at(at_ms, move |world| collect(world, &records));
        }
        self.at(for_ms + 1, |world| world.signal_raise(Signal::Terminate));
        let server = self.server.take().expect("a scene runs once");
        assert_eq!(server.run(), Ok(0));
        collect(&self.world, &self.records);
    }

    pub fn received(&self, name: ClientName) -> Vec<u8> {
        self.records.borrow()[name.0].bytes.clone()
    }

    /// When anything was received, milliseconds from the start.
    pub fn received_at_ms(&self, name: ClientName) -> Vec<i64> {
        self.records.borrow()[name.0].at_ms.clone()
    }

    pub fn probes(&self, name: ClientName) -> Vec<PeerState> {
        self.records.borrow()[name.0].probes.clone()
    }

    pub fn state(&self, name: ClientName) -> PeerState {
        self.records.borrow()[name.0].peer.as_ref().expect("connected").state()
    }
}

fn knock(world: &World, records: &Records, name: ClientName) {
    let address = Address::Tcp(ADDRESS.parse().expect("an address"));
    let peer = world.connect(&address).expect("somebody listens");
    records.borrow_mut()[name.0].peer = Some(peer);
}

/// Every client that reads takes what has arrived.
fn collect(world: &World, records: &Records) {
    let now_ms = i64::try_from(world.now_ns() / 1_000_000).expect("minutes");
    for record in records.borrow_mut().iter_mut().filter(|record| record.reads) {
        let Some(peer) = &record.peer else { continue };
        let bytes = peer.receive();
        if !bytes.is_empty() {
            record.bytes.extend_from_slice(&bytes);
            record.at_ms.push(now_ms);
        }
    }
}
