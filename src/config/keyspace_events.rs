//! What `notify-keyspace-events` asks for: which events of keys are published, and where.
//!
//! A set of letters; each is a bit here. `K` and `E` say where: on a channel named for the key,
//! on one named for the event. The others say what, and without one of these two they say nothing.

use super::value::Reason;
use static_assertions::const_assert;

/// Every letter there is, each at the place of its bit, in the order in which they are shown.
const LETTERS: &[u8] = b"g$lshzxetdnKEm";
/// `A` stands for the first ten.
const ALL: u16 = (1 << 10) - 1;
const_assert!(LETTERS.len() <= u16::BITS as usize);

const INVALID_LETTER: &str = "Invalid event class character. Use 'Ag$lshzxeKEtmdn'.";

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
    /// Reads the letters, in any order.
    pub fn parse(letters: &[u8]) -> Result<Self, Reason> {
        let mut bits = 0;
        for &letter in letters {
            bits |= match letter {
                b'A' => ALL,
                letter if LETTERS.contains(&letter) => bit(letter),
                _ => return Err(INVALID_LETTER.into()),
            };
        }
        Ok(Self { bits })
    }

    /// Nothing is published: the usual case.
    #[inline]
    #[must_use]
    pub const fn is_off(self) -> bool {
        self.bits & (bit(b'K') | bit(b'E')) == 0
    }

    /// Events of this class are published.
    #[inline]
    #[must_use]
    pub const fn has(self, class: EventClass) -> bool {
        self.bits & bit(class.letter()) != 0 && !self.is_off()
    }

    /// `K`: the key's channel tells the event.
    #[must_use]
    pub const fn by_key(self) -> bool {
        self.bits & bit(b'K') != 0
    }

    /// `E`: the event's channel tells the key.
    #[must_use]
    pub const fn by_event(self) -> bool {
        self.bits & bit(b'E') != 0
    }
}

/// In Redis's order, and with its quirk: behind `A`, `n` is not shown.
impl std::fmt::Display for KeyspaceEvents {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let is_all = self.bits & ALL == ALL;
        let hidden = if is_all { ALL | bit(b'n') } else { 0 };
        if is_all {
            out.write_str("A")?;
        }
        for &letter in LETTERS {
            if self.bits & !hidden & bit(letter) != 0 {
                write!(out, "{}", char::from(letter))?;
            }
        }
        Ok(())
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

    fn events(letters: &str) -> KeyspaceEvents {
        KeyspaceEvents::parse(letters.as_bytes()).expect("letters that there are")
    }

    #[test]
    fn letters_are_shown_in_one_order() {
        let rows = [("KEA", "AKE"), ("Kg$l", "g$lK"), ("", ""), ("g$lshzxetdA", "A")];
        let more = [("KEn", "nKE"), ("mKE", "KEm"), ("EK$", "$KE"), ("dnm", "dnm")];
        for (letters, shown) in rows.into_iter().chain(more) {
            assert_eq!(events(letters).to_string(), shown, "{letters}");
        }
        assert_eq!(events("mnEKA").to_string(), "AKEm");
        assert!(events("mnEKA").has(EventClass::New), "not shown, but there");
    }

    #[test]
    fn other_letters_are_refused() {
        for letters in ["Q", "K E", "-99", "KE\0"] {
            assert_eq!(KeyspaceEvents::parse(letters.as_bytes()), Err(INVALID_LETTER.into()));
        }
    }

    #[test]
    fn without_a_place_nothing_is_published() {
        for letters in ["", "A", "g$lxmn"] {
            assert!(events(letters).is_off(), "{letters}");
            assert!(CLASSES.iter().all(|&class| !events(letters).has(class)), "{letters}");
        }
        assert!(!events("lK").is_off());
    }

    #[test]
    fn all_is_neither_new_nor_missed() {
        let events = events("AE");
        assert!(events.by_event() && !events.by_key());
        for class in CLASSES {
            let is_extra = matches!(class, EventClass::New | EventClass::Missed);
            assert_eq!(events.has(class), !is_extra, "{class:?}");
        }
    }

    #[test]
    fn each_letter_is_one_class() {
        for class in CLASSES {
            let only = events(&format!("K{}", char::from(class.letter())));
            assert!(only.by_key() && !only.by_event());
            assert!(CLASSES.iter().all(|&other| only.has(other) == (other == class)));
        }
    }
}
