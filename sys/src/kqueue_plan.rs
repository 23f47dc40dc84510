//! The pure half of kqueue: what the kernel has to be told, and what its answers mean. No call is
//! made here, so it is tested on every system.
//!
//! epoll has one entry per descriptor; kqueue has one *filter* per direction, and each filter is an
//! event of its own. The plan keeps what kqueue cannot tell (which token, which interest) in a
//! table by descriptor number, and joins the two:
//!
//! ```text
//!   interest                 read filter     write filter
//!   readable                 any bytes
//!   readable, writable       any bytes       armed
//!   neither (hangup or not)  only the end                    a low-water mark no buffer reaches
//!
//!   the kernel says          means
//!   read                     readable, if that is of interest
//!   read  + EOF              the peer sends no more: readable or hangup, whichever is of interest
//!   write                    writable
//!   any   + EOF + errno      broken: readable, writable, hangup (P4)
//!   write + EOF              broken
//! ```
//!
//! Two traps. Apple's kernel lowers the mark to the size of the buffer, so a read filter for "only
//! the end" fires when the buffer is full; and a half-close that nobody asked for would be told at
//! every wait. Both are answered by taking the filter off until interest is set anew
//! ([`Verdict::Mute`]): the alternative is a loop that spins. The price, on kqueue only: such a
//! client's reset is noticed when it is next read or written.

use crate::{Event, Events, Fd, Interest, Token};
use arrayvec::ArrayVec;

/// The direction that a filter watches.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Filter {
    /// EVFILT_READ
    Read,
    /// EVFILT_WRITE
    Write,
}

/// What to do with a filter. Arming one that is armed changes it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Action {
    /// EV_ADD
    Arm,
    /// EV_ADD with NOTE_LOWAT as high as it goes.
    ArmForEndOnly,
    /// EV_DELETE
    Disarm,
}

/// One entry of a change list.
pub type Change = (Filter, Action);

/// At most one change per filter.
pub type Changes = ArrayVec<Change, 2>;

/// One entry of the kernel's event list.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Raw {
    /// The descriptor.
    pub fd: Fd,
    /// Which filter fired.
    pub filter: Filter,
    /// EV_EOF
    pub end: bool,
    /// The flags of the filter hold an errno.
    pub error: bool,
}

/// What one raw event means.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Verdict {
    /// Of interest.
    Tell { readable: bool, writable: bool, hangup: bool },
    /// Nobody asked, and it would be told for ever: take the filter off.
    Mute,
}

const BROKEN: Verdict = Verdict::Tell { readable: true, writable: true, hangup: true };

/// What is known of one descriptor.
#[derive(Clone, Copy, Debug)]
struct Watched {
    token: Token,
    interest: Interest,
    /// The read filter has been taken off by [`Verdict::Mute`].
    muted: bool,
    /// The batch that told of it last, and its place there.
    batch: u64,
    place: usize,
}

/// The table by descriptor number, and the number of the batch at hand.
#[derive(Default)]
pub struct Plan {
    watched: Vec<Option<Watched>>,
    batch: u64,
}

impl Plan {
    /// Starts from nothing, whatever the table says: what it says is of a descriptor that was
    /// closed.
    pub fn add(&mut self, fd: Fd, token: Token, interest: Interest) -> Changes {
        let index = index_of(fd);
        if index >= self.watched.len() {
            self.watched.resize(index + 1, None);
        }
        self.watched[index] = Some(Watched { token, interest, muted: false, batch: 0, place: 0 });
        let mut changes = Changes::new();
        changes.push((Filter::Read, read_action(interest)));
        if interest.writable {
            changes.push((Filter::Write, Action::Arm));
        }
        changes
    }

    /// The changes from what is to what shall be (P7); `None` if nobody added it.
    pub fn set(&mut self, fd: Fd, token: Token, interest: Interest) -> Option<Changes> {
        let watched = self.watched.get_mut(index_of(fd))?.as_mut()?;
        let before = watched.interest;
        let read_changes = watched.muted || read_action(before) != read_action(interest);
        *watched = Watched { token, interest, muted: false, ..*watched };
        let mut changes = Changes::new();
        if read_changes {
            changes.push((Filter::Read, read_action(interest)));
        }
        match (before.writable, interest.writable) {
            (false, true) => changes.push((Filter::Write, Action::Arm)),
            (true, false) => changes.push((Filter::Write, Action::Disarm)),
            _ => {}
        }
        Some(changes)
    }

    /// Takes both filters off; nothing for what is absent (P9).
    pub fn remove(&mut self, fd: Fd) -> Changes {
        let mut changes = Changes::new();
        let known = self.watched.get_mut(index_of(fd)).and_then(Option::take);
        let Some(watched) = known else { return changes };
        if !watched.muted {
            changes.push((Filter::Read, Action::Disarm));
        }
        if watched.interest.writable {
            changes.push((Filter::Write, Action::Disarm));
        }
        changes
    }

    /// A wait has come back; its raw events follow.
    pub fn batch_begin(&mut self) {
        self.batch += 1;
    }

    /// Adds one raw event to `events`, joining it with the other filter's (P3). Answers a change
    /// that has to be made, if any.
    pub fn tell(&mut self, raw: Raw, events: &mut Events) -> Option<Change> {
        // Without an entry it was removed after the kernel had filled the batch.
        let watched = self.watched.get_mut(index_of(raw.fd))?.as_mut()?;
        let Verdict::Tell { readable, writable, hangup } = verdict_of(raw, watched.interest) else {
            watched.muted = true;
            return Some((Filter::Read, Action::Disarm));
        };
        if watched.batch != self.batch {
            watched.batch = self.batch;
            watched.place = events.len();
            let token = watched.token;
            events.push(Event { token, readable: false, writable: false, hangup: false });
        }
        let event = &mut events[watched.place];
        assert_eq!(event.token, watched.token, "the place is of this batch");
        event.readable |= readable;
        event.writable |= writable;
        event.hangup |= hangup;
        None
    }
}

fn index_of(fd: Fd) -> usize {
    usize::try_from(fd.0).expect("a descriptor that was never handed out")
}

fn read_action(interest: Interest) -> Action {
    if interest.readable { Action::Arm } else { Action::ArmForEndOnly }
}

fn verdict_of(raw: Raw, interest: Interest) -> Verdict {
    match raw.filter {
        _ if raw.end && raw.error => BROKEN,
        Filter::Write if raw.end => BROKEN,
        Filter::Write => Verdict::Tell { readable: false, writable: true, hangup: false },
        Filter::Read if raw.end && interest.hangup => {
            Verdict::Tell { readable: true, writable: false, hangup: true }
        }
        Filter::Read if interest.readable => {
            Verdict::Tell { readable: true, writable: false, hangup: false }
        }
        Filter::Read => Verdict::Mute,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    const FD: Fd = Fd(4);
    const TOKEN: Token = Token { index: 1, generation: 2 };

    fn raw(filter: Filter) -> Raw {
        Raw { fd: FD, filter, end: false, error: false }
    }

    fn told(interest: Interest, batch: &[Raw]) -> (Events, Vec<Change>) {
        let mut plan = Plan::default();
        plan.add(FD, TOKEN, interest);
        plan.batch_begin();
        let mut events = Events::new();
        let changes = batch.iter().filter_map(|raw| plan.tell(*raw, &mut events)).collect();
        (events, changes)
    }

    fn event(readable: bool, writable: bool, hangup: bool) -> Event {
        Event { token: TOKEN, readable, writable, hangup }
    }

    #[test]
    fn p3_two_filters_become_one_event() {
        let batch = [raw(Filter::Write), raw(Filter::Read)];
        assert_eq!(told(Interest::READ_WRITE, &batch).0, [event(true, true, false)]);
    }

    #[test]
    fn p3_filters_far_apart_in_a_batch_are_joined_and_the_next_batch_is_new() {
        let mut plan = Plan::default();
        let other = Token { index: 8, generation: 8 };
        plan.add(FD, TOKEN, Interest::READ_WRITE);
        plan.add(Fd(9), other, Interest::READ);
        for _ in 0..2 {
            plan.batch_begin();
            let mut events = Events::new();
            plan.tell(raw(Filter::Read), &mut events);
            plan.tell(Raw { fd: Fd(9), ..raw(Filter::Read) }, &mut events);
            plan.tell(raw(Filter::Write), &mut events);
            let second = Event { token: other, ..event(true, false, false) };
            assert_eq!(events, [event(true, true, false), second]);
        }
    }

    #[test]
    fn p4_broken_shows_as_everything_whatever_the_interest() {
        for interest in [Interest::READ, Interest::HANGUP, Interest::default()] {
            let reset = Raw { end: true, error: true, ..raw(Filter::Read) };
            assert_eq!(told(interest, &[reset]).0, [event(true, true, true)]);
        }
        let gone = Raw { end: true, ..raw(Filter::Write) };
        assert_eq!(told(Interest::READ_WRITE, &[gone]).0, [event(true, true, true)]);
    }

    #[test]
    fn d18_a_half_close_is_not_a_broken_connection() {
        let half = Raw { end: true, ..raw(Filter::Read) };
        assert_eq!(told(Interest::READ, &[half]).0, [event(true, false, false)]);
        assert_eq!(told(Interest::HANGUP, &[half]).0, [event(true, false, true)]);
        let both = Interest { hangup: true, ..Interest::READ };
        assert_eq!(told(both, &[half]).0, [event(true, false, true)]);
    }

    #[test]
    fn what_nobody_asked_for_is_muted_until_interest_is_set_anew() {
        let mut plan = Plan::default();
        plan.add(FD, TOKEN, Interest::HANGUP);
        plan.batch_begin();
        let mut events = Events::new();
        let change = plan.tell(raw(Filter::Read), &mut events);
        assert_eq!(change, Some((Filter::Read, Action::Disarm)));
        assert_eq!(events, []);
        let changes = plan.set(FD, TOKEN, Interest::HANGUP).unwrap();
        assert_eq!(changes[..], [(Filter::Read, Action::ArmForEndOnly)]);
    }

    #[test]
    fn p8_what_was_removed_is_told_no_more() {
        let mut plan = Plan::default();
        plan.add(FD, TOKEN, Interest::READ_WRITE);
        assert_eq!(plan.remove(FD).len(), 2);
        plan.batch_begin();
        let mut events = Events::new();
        assert_eq!(plan.tell(raw(Filter::Read), &mut events), None);
        assert_eq!(events, []);
    }

    #[test]
    fn p9_removing_what_is_absent_changes_nothing() {
        let mut plan = Plan::default();
        assert!(plan.remove(FD).is_empty());
        plan.add(FD, TOKEN, Interest::READ);
        assert_eq!(plan.remove(FD).len(), 1);
        assert!(plan.remove(FD).is_empty());
        assert_eq!(plan.set(FD, TOKEN, Interest::READ), None);
    }

    /// A kernel that knows two filters, and refuses to disarm what is not armed.
    fn apply(kernel: &mut BTreeMap<Filter, Action>, changes: &[Change]) {
        for (filter, action) in changes {
            match action {
                Action::Disarm => assert!(kernel.remove(filter).is_some(), "was not armed"),
                armed => assert_ne!(kernel.insert(*filter, *armed), Some(*armed), "for nothing"),
            }
        }
    }

    #[test]
    fn p7_every_path_ends_in_the_wanted_state() {
        arbtest::arbtest(|source| {
            let (mut plan, mut kernel) = (Plan::default(), BTreeMap::new());
            apply(&mut kernel, &plan.add(FD, TOKEN, Interest::READ));
            while !source.is_empty() {
                let (readable, writable, hangup) = source.arbitrary()?;
                let interest = Interest { readable, writable, hangup };
                let changes = plan.set(FD, TOKEN, interest).expect("was added");
                apply(&mut kernel, &changes);
                assert_eq!(kernel.get(&Filter::Read), Some(&read_action(interest)));
                assert_eq!(kernel.contains_key(&Filter::Write), writable);
                if source.arbitrary()? && !readable {
                    let mute = plan.tell(raw(Filter::Read), &mut Events::new());
                    apply(&mut kernel, &[mute.expect("nobody asked for bytes")]);
                }
            }
            apply(&mut kernel, &plan.remove(FD));
            assert!(kernel.is_empty());
            Ok(())
        });
    }
}
