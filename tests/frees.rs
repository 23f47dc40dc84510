//! W14 and M31 by counting: however a value of ten million elements goes, its memory is freed a
//! bounded number of pieces at a time, neither in the command nor in any turn of the loop more.
//!
//! An allocator that counts what is given back stands below, so what is counted is what happens and
//! not what the store says of itself.

use squint::data_store::keyspace::Expiry;
use squint::data_store::{Hasher, Key, Keyspace, List, Value};
use squint::limits::FREES_PER_TICK_MAX;
use squint_sys::counting::{self, CountingAllocator};

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

const ELEMENTS: usize = 10_000_000;
/// What may go at once beside the pieces: rows of the tree of nodes, what held the value.
const OTHERS_MAX: u64 = 200;

fn key() -> Key<'static> {
    Hasher::new([1; 16]).key(b"k")
}

/// A keyspace with one list, built as commands build it.
fn filled() -> Keyspace {
    let mut keyspace = Keyspace::new(Hasher::new([1; 16]));
    let push_all = |list: &mut List| {
        (0..ELEMENTS).for_each(|_| list.push_back(b"sixteen bytes..."));
    };
    keyspace.change_list_or_new(key(), 0, push_all).expect("nothing is there");
    keyspace
}

/// A way for a list to go.
type Way = fn(&mut Keyspace);

const WAYS: [(&str, Way); 6] = [
    ("deleted", |keyspace| assert!(keyspace.remove(key(), 0))),
    ("overwritten by a string", |keyspace| keyspace.set_string(key(), b"x", Expiry::Never, 0)),
    ("overwritten by a list", |keyspace| {
        keyspace.insert(key(), Value::List(List::new()));
    }),
    ("expired", |keyspace| {
        keyspace.set_expiry(key(), 5);
        assert!(keyspace.expire_due(5, 100) < 100);
        assert_eq!(keyspace.take_findings().len(), 1);
    }),
    ("flushed", Keyspace::clear),
    ("trimmed", |keyspace| {
        let trim = |list: &mut List| list.trim_off(ELEMENTS / 3, ELEMENTS / 3 + 9);
        let cut = keyspace.change_list(key(), 0, trim).expect("a list").expect("it is there");
        cut.into_iter().for_each(|piece| keyspace.free_later(Value::List(piece)));
    }),
];

fn frees_of(work: impl FnOnce()) -> u64 {
    let before = counting::frees();
    work();
    counting::frees() - before
}

#[test]
fn w14_m31_ten_million_elements_go_in_bounded_steps() {
    counting::count_this_thread();
    for (name, way) in WAYS {
        let mut keyspace = filled();
        let at_once = frees_of(|| way(&mut keyspace));
        assert!(at_once <= OTHERS_MAX, "{name}: {at_once} frees in the command");
        let (mut turns, mut most, mut freed) = (0, 0, 0);
        while keyspace.has_garbage() {
            let frees = frees_of(|| {
                keyspace.free_some(FREES_PER_TICK_MAX);
            });
            (turns, most, freed) = (turns + 1, frees.max(most), freed + frees);
        }
        println!("{name}: {at_once} frees in the command, {most} at most in one of {turns} turns");
        assert!(most <= FREES_PER_TICK_MAX as u64 + OTHERS_MAX, "{name}: {most} frees in a turn");
        assert!(freed > ELEMENTS as u64 / 300, "{name}: {freed} frees, and there are more nodes");
    }
}
