//! Who has joined what: a many-to-many relation that is walked and undone from both ends.
//!
//! Blocked clients wait on keys, subscribers listen to channels, WATCH guards keys: three times the
//! same relation between a *name* (bytes) and a *member* (a client). Each pair is one **edge**, and
//! every edge hangs in two lists at once:
//!
//! ```text
//!              name "jobs" ──► edge 0 ◄──► edge 4 ◄──► edge 5      members, in joining order
//!              name "mail" ──► edge 1 ◄──► edge 3
//!                                │
//!   member 7 ──► edge 0 ◄──► edge 1                                names, in joining order
//! ```
//!
//! So a member leaves everything at a cost that depends on its own edges alone, however many others
//! wait beside it, and a name's members are visited in the order in which they joined.

use crate::text::keyed_hash::{KeyedState, NumberState};
use squint_sys::Token;
use std::collections::HashMap;
use std::rc::Rc;

/// No edge, no name.
const NONE: u32 = u32::MAX;

/// First and last of a list of edges, and how many there are.
#[derive(Clone, Copy, Debug)]
struct Ends {
    first: u32,
    last: u32,
    count: u32,
}

impl Default for Ends {
    fn default() -> Self {
        Self { first: NONE, last: NONE, count: 0 }
    }
}

/// Neighbours of an edge in one of its two lists.
#[derive(Clone, Copy, Debug)]
struct Link {
    previous: u32,
    next: u32,
}

/// One member of one name.
#[derive(Clone, Copy, Debug)]
struct Edge {
    name: u32,
    member: Token,
    in_name: Link,
    in_member: Link,
}

/// A name that at least one member has joined.
#[derive(Clone, Debug)]
struct Name {
    bytes: Rc<[u8]>,
    members: Ends,
}

/// A place in a name's queue; see [`Membership::first`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Place(u32);

/// The relation; see the module's drawing.
#[derive(Debug)]
pub struct Membership {
    name_numbers: HashMap<Rc<[u8]>, u32, KeyedState>,
    names: Vec<Option<Name>>,
    names_free: Vec<u32>,
    edges: Vec<Option<Edge>>,
    edges_free: Vec<u32>,
    edge_numbers: HashMap<(u32, Token), u32, NumberState>,
    members: HashMap<Token, Ends, NumberState>,
}

/// Which of an edge's two lists is meant.
#[derive(Clone, Copy)]
enum Side {
    Name,
    Member,
}

impl Membership {
    /// An empty relation, hashed with `state`.
    #[must_use]
    pub fn new(state: KeyedState) -> Self {
        Self {
            name_numbers: HashMap::with_hasher(state),
            names: Vec::new(),
            names_free: Vec::new(),
            edges: Vec::new(),
            edges_free: Vec::new(),
            edge_numbers: HashMap::with_hasher(state.for_numbers()),
            members: HashMap::with_hasher(state.for_numbers()),
        }
    }

    /// Nobody has joined anything.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.edge_numbers.is_empty()
    }

    /// How many names have members.
    #[must_use]
    pub fn name_count(&self) -> usize {
        self.name_numbers.len()
    }

    /// How many members have joined anything.
    #[must_use]
    pub fn member_count(&self) -> usize {
        self.members.len()
    }

    /// Puts `member` at the end of the queue of `name`. `false` if it is in it already.
    pub fn join(&mut self, name: &[u8], member: Token) -> bool {
        let number = self.name_number(name);
        if self.edge_numbers.contains_key(&(number, member)) {
            return false;
        }
        let loose = Link { previous: NONE, next: NONE };
        let edge = Edge { name: number, member, in_name: loose, in_member: loose };
        let index = store(&mut self.edges, &mut self.edges_free, edge);
        self.edge_numbers.insert((number, member), index);
        let mut queue = self.name_at(number).members;
        self.append(Side::Name, &mut queue, index);
        self.name_at(number).members = queue;
        let mut joined = self.members.get(&member).copied().unwrap_or_default();
        self.append(Side::Member, &mut joined, index);
        self.members.insert(member, joined);
        true
    }

    /// Takes `member` out of the queue of `name`. `false` if it was not in it.
    pub fn leave(&mut self, name: &[u8], member: Token) -> bool {
        let edge = self
            .name_numbers
            .get(name)
            .and_then(|&number| self.edge_numbers.get(&(number, member)).copied());
        edge.map(|edge| self.drop_edge(edge)).is_some()
    }

    /// Takes `member` out of every queue; costs as much as it had joined.
    pub fn leave_all(&mut self, member: Token) {
        while let Some(ends) = self.members.get(&member) {
            let first = ends.first;
            self.drop_edge(first);
        }
    }

    /// Has `member` joined `name`?
    #[must_use]
    pub fn contains(&self, name: &[u8], member: Token) -> bool {
        self.name_numbers
            .get(name)
            .is_some_and(|&number| self.edge_numbers.contains_key(&(number, member)))
    }

    /// How many members `name` has.
    #[must_use]
    pub fn members_of(&self, name: &[u8]) -> usize {
        self.name_numbers
            .get(name)
            .map_or(0, |&number| self.name_ref(number).members.count as usize)
    }

    /// How many names `member` has joined.
    #[must_use]
    pub fn names_of(&self, member: Token) -> usize {
        self.members.get(&member).map_or(0, |ends| ends.count as usize)
    }

    /// The front of the queue of `name`. Read the next place before the member at this one leaves.
    #[must_use]
    pub fn first(&self, name: &[u8]) -> Option<Place> {
        let number = *self.name_numbers.get(name)?;
        Some(Place(self.name_ref(number).members.first))
    }

    /// Who stands at a place, and the place behind it.
    #[must_use]
    pub fn at(&self, place: Place) -> (Token, Option<Place>) {
        let edge = self.edge(place.0);
        (edge.member, some(edge.in_name.next).map(Place))
    }

    /// The members of `name`, in joining order.
    pub fn members(&self, name: &[u8]) -> impl Iterator<Item = Token> + '_ {
        let mut place = self.first(name);
        std::iter::from_fn(move || {
            let (member, next) = self.at(place?);
            place = next;
            Some(member)
        })
    }

    /// The names that `member` has joined, in joining order.
    pub fn names(&self, member: Token) -> impl Iterator<Item = &Rc<[u8]>> + '_ {
        let mut edge = self.members.get(&member).map_or(NONE, |ends| ends.first);
        std::iter::from_fn(move || {
            let current = self.edge(some(edge)?);
            edge = current.in_member.next;
            Some(&self.name_ref(current.name).bytes)
        })
    }

    /// Everybody who has joined anything, each once.
    pub fn members_iter(&self) -> impl Iterator<Item = Token> + '_ {
        self.members.keys().copied()
    }

    /// Every name that has members, in no order that means anything but always in the same one.
    pub fn all_names(&self) -> impl Iterator<Item = &Rc<[u8]>> + '_ {
        self.names.iter().flatten().map(|name| &name.bytes)
    }

    /// The number of `name`, made if it has none.
    fn name_number(&mut self, name: &[u8]) -> u32 {
        if let Some(&number) = self.name_numbers.get(name) {
            return number;
        }
        let bytes: Rc<[u8]> = name.into();
        let entry = Name { bytes: Rc::clone(&bytes), members: Ends::default() };
        let number = store(&mut self.names, &mut self.names_free, entry);
        self.name_numbers.insert(bytes, number);
        number
    }

    /// Unlinks an edge from both its lists; a name or a member without edges is forgotten.
    fn drop_edge(&mut self, index: u32) {
        let edge = *self.edge(index);
        let mut queue = self.name_at(edge.name).members;
        self.unlink(Side::Name, &mut queue, index);
        self.name_at(edge.name).members = queue;
        if queue.count == 0 {
            self.forget_name(edge.name);
        }
        let mut joined = self.members.get(&edge.member).copied().unwrap_or_default();
        self.unlink(Side::Member, &mut joined, index);
        if joined.count == 0 {
            self.members.remove(&edge.member);
        } else {
            self.members.insert(edge.member, joined);
        }
        self.edge_numbers.remove(&(edge.name, edge.member));
        self.edges[index as usize] = None;
        self.edges_free.push(index);
    }

    fn forget_name(&mut self, number: u32) {
        let name = self.names[number as usize].take().expect("an edge names a live name");
        self.name_numbers.remove(&name.bytes);
        self.names_free.push(number);
    }

    fn append(&mut self, side: Side, ends: &mut Ends, index: u32) {
        *self.link(side, index) = Link { previous: ends.last, next: NONE };
        match some(ends.last) {
            Some(last) => self.link(side, last).next = index,
            None => ends.first = index,
        }
        ends.last = index;
        ends.count += 1;
    }

    fn unlink(&mut self, side: Side, ends: &mut Ends, index: u32) {
        let Link { previous, next } = *self.link(side, index);
        match some(previous) {
            Some(previous) => self.link(side, previous).next = next,
            None => ends.first = next,
        }
        match some(next) {
            Some(next) => self.link(side, next).previous = previous,
            None => ends.last = previous,
        }
        ends.count -= 1;
    }

    fn link(&mut self, side: Side, index: u32) -> &mut Link {
        let edge = self.edges[index as usize].as_mut().expect("links name live edges");
        match side {
            Side::Name => &mut edge.in_name,
            Side::Member => &mut edge.in_member,
        }
    }

    fn edge(&self, index: u32) -> &Edge {
        self.edges[index as usize].as_ref().expect("lists name live edges")
    }

    fn name_ref(&self, number: u32) -> &Name {
        self.names[number as usize].as_ref().expect("the map names live names")
    }

    fn name_at(&mut self, number: u32) -> &mut Name {
        self.names[number as usize].as_mut().expect("edges name live names")
    }
}

/// An index, or nothing.
fn some(index: u32) -> Option<u32> {
    (index != NONE).then_some(index)
}

/// Puts `value` into a free place, or at the end.
fn store<T>(places: &mut Vec<Option<T>>, free: &mut Vec<u32>, value: T) -> u32 {
    if let Some(index) = free.pop() {
        places[index as usize] = Some(value);
        return index;
    }
    places.push(Some(value));
    u32::try_from(places.len() - 1).expect("fewer than 2^32 edges fit into memory")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The obvious twin: a list of pairs in joining order.
    #[derive(Default)]
    struct Twin(Vec<(Vec<u8>, Token)>);

    fn token(index: u32) -> Token {
        Token { index, generation: 0 }
    }

    fn relation() -> Membership {
        Membership::new(KeyedState::new([7; 16]))
    }

    #[test]
    fn members_come_in_joining_order() {
        let mut relation = relation();
        for index in [3, 1, 2] {
            assert!(relation.join(b"k", token(index)));
        }
        assert!(!relation.join(b"k", token(1)), "twice is once");
        let order: Vec<u32> = relation.members(b"k").map(|member| member.index).collect();
        assert_eq!(order, [3, 1, 2]);
    }

    #[test]
    fn leaving_everything_forgets_names() {
        let mut relation = relation();
        for name in [b"a", b"b", b"c"] {
            relation.join(name, token(9));
        }
        relation.join(b"b", token(8));
        relation.leave_all(token(9));
        assert_eq!(relation.name_count(), 1);
        assert_eq!(relation.members_of(b"b"), 1);
        assert_eq!(relation.names_of(token(9)), 0);
    }

    #[test]
    fn random_operations_agree_with_a_list_of_pairs() {
        arbtest::arbtest(|u| {
            let mut relation = relation();
            let mut twin = Twin::default();
            for _ in 0..u.arbitrary_len::<u32>()?.min(400) {
                let member = token(u.int_in_range(0..=4)?);
                let name = vec![u.int_in_range(b'a'..=b'f')?];
                match u.int_in_range(0..=4)? {
                    0..=2 => {
                        let new = !twin.0.contains(&(name.clone(), member));
                        assert_eq!(relation.join(&name, member), new);
                        if new {
                            twin.0.push((name, member));
                        }
                    }
                    3 => {
                        let had = twin.0.contains(&(name.clone(), member));
                        twin.0.retain(|pair| *pair != (name.clone(), member));
                        assert_eq!(relation.leave(&name, member), had);
                    }
                    _ => {
                        twin.0.retain(|pair| pair.1 != member);
                        relation.leave_all(member);
                    }
                }
                agree(&relation, &twin);
            }
            Ok(())
        });
    }

    fn agree(relation: &Membership, twin: &Twin) {
        for letter in b'a'..=b'f' {
            let expected: Vec<Token> =
                twin.0.iter().filter(|pair| pair.0 == [letter]).map(|pair| pair.1).collect();
            assert_eq!(relation.members(&[letter]).collect::<Vec<_>>(), expected);
            assert_eq!(relation.members_of(&[letter]), expected.len());
        }
        for index in 0..=4 {
            let expected: Vec<&[u8]> =
                twin.0.iter().filter(|pair| pair.1 == token(index)).map(|pair| &*pair.0).collect();
            let names: Vec<&[u8]> = relation.names(token(index)).map(|name| &**name).collect();
            assert_eq!(names, expected);
        }
        assert_eq!(relation.is_empty(), twin.0.is_empty());
    }
}
