//! What `notify-keyspace-events` asks for: which events of keys are published, and where.
//!
//! A set of letters; each is a bit here. `K` and `E` say where: on a channel named for the key,
//! on one named for the event. The others say what, and without one of these two they say nothing.

use static_assertions::const_assert;

/// Every letter there is, each at the place of its bit. `A` stands for the first [`IN_ALL`].
const LETTERS: &[u8] = b"g$lshzxetdmnKE";
const IN_ALL: usize = 10;
const_assert!(LETTERS.len() <= u16::BITS as usize);

const KEYSPACE: u16 = bit(b'K');
const KEYEVENT: u16 = bit(b'E');

/// Events that are asked for together. Redis has more of them, for types that are not here.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum EventClass {
    /// `g`: whatever can happen to any key.
    Generic,
    /// `$`
    String,
    /// `l`
    List,
    /// `t`
    Stream,
    /// `x`: a key's time was over.
    Expired,
    /// `n`: a key came that had not been there; not part of `A`.
    New,
    /// `m`: somebody asked for a key that is not there; not part of `A`.
    Missed,
}

impl EventClass {
    const fn letter(self) -> u8 {
        match self {
            Self::Generic => b'g',
            Self::String => b'$',
            Self::List => b'l',
            Self::Stream => b't',
            Self::Expired => b'x',
            Self::New => b'n',
            Self::Missed => b'm',
        }
    }
}

/// The value of the setting; see the top of the file.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct KeyspaceEvents {
    bits: u16,
}

impl KeyspaceEvents {
    /// Reads a value whose letters have been checked.
    #[must_use]
    pub fn of(letters: &[u8]) -> Self {
        let all = (1 << IN_ALL) - 1;
        let bit_of = |&letter: &u8| if letter == b'A' { all } else { bit(letter) };
        let bits = letters.iter().map(bit_of).fold(0, |bits, bit| bits | bit);
        let is_heard = bits & (KEYSPACE | KEYEVENT) != 0;
        Self { bits: if is_heard { bits } else { 0 } }
    }

    /// Nothing is published: the usual case.
    #[inline]
    #[must_use]
    pub const fn is_off(self) -> bool {
        self.bits == 0
    }

    /// Events of this class are published.
    #[must_use]
    pub const fn has(self, class: EventClass) -> bool {
        self.bits & bit(class.letter()) != 0
    }

    /// `K`: the key's channel tells the event.
    #[must_use]
    pub const fn by_key(self) -> bool {
        self.bits & KEYSPACE != 0
    }

    /// `E`: the event's channel tells the key.
    #[must_use]
    pub const fn by_event(self) -> bool {
        self.bits & KEYEVENT != 0
    }
}

/// The bit of a letter.
const fn bit(letter: u8) -> u16 {
    let mut place = 0;
    while LETTERS[place] != letter {
        place += 1;
    }
    1 << place
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLASSES: [EventClass; 7] = [
        EventClass::Generic,
        EventClass::String,
        EventClass::List,
        EventClass::Stream,
        EventClass::Expired,
        EventClass::New,
        EventClass::Missed,
    ];

    #[test]
    fn without_a_place_nothing_is_published() {
        for letters in ["", "A", "g$lxmn"] {
            let events = KeyspaceEvents::of(letters.as_bytes());
            assert!(events.is_off() && !events.has(EventClass::Generic), "{letters}");
        }
        assert!(!KeyspaceEvents::of(b"lK").is_off());
    }

    #[test]
    fn all_is_neither_new_nor_missed() {
        let events = KeyspaceEvents::of(b"AE");
        assert!(events.by_event() && !events.by_key());
        for class in CLASSES {
            let is_extra = matches!(class, EventClass::New | EventClass::Missed);
            assert_eq!(events.has(class), !is_extra, "{class:?}");
        }
    }

    #[test]
    fn each_letter_is_one_class() {
        for class in CLASSES {
            let events = KeyspaceEvents::of(&[b'K', class.letter()]);
            assert!(events.by_key() && !events.by_event());
            assert!(CLASSES.iter().all(|&other| events.has(other) == (other == class)));
        }
    }
}
