//! Objects with a heap of their own, named by small numbers: what an entry cannot hold in itself.
//!
//! A vacant slot holds the number of the next vacant one.

use super::segments::{Heaped, Segments};

/// No slot.
const NONE: u32 = u32::MAX;

/// Objects by number. No heap while empty.
#[derive(Debug)]
pub(super) struct Slab<T> {
    slots: Segments<Heaped<Slot<T>, 256>>,
    vacant: u32,
    len: usize,
}

#[derive(Debug)]
enum Slot<T> {
    Full(T),
    Vacant { next: u32 },
}

impl<T> Slab<T> {
    pub(super) const fn new() -> Self {
        Self { slots: Segments::new(), vacant: NONE, len: 0 }
    }

    /// Keeps an object and gives its number.
    pub(super) fn insert(&mut self, object: T) -> u32 {
        self.len += 1;
        if self.vacant == NONE {
            self.slots.push(Slot::Full(object));
            return u32::try_from(self.slots.len() - 1)
                .expect("as many objects as handles at most");
        }
        let index = self.vacant;
        let slot = &mut self.slots[index as usize];
        if let Slot::Vacant { next } = *slot {
            self.vacant = next;
        }
        *slot = Slot::Full(object);
        index
    }

    /// Gives an object back.
    pub(super) fn remove(&mut self, index: u32) -> T {
        let vacant = Slot::Vacant { next: self.vacant };
        let slot = std::mem::replace(&mut self.slots[index as usize], vacant);
        self.vacant = index;
        self.len -= 1;
        if self.len == 0 {
            *self = Self { slots: Segments::new(), vacant: NONE, len: 0 };
        }
        match slot {
            Slot::Full(object) => object,
            Slot::Vacant { .. } => unreachable!("an entry names a full slot"),
        }
    }

    #[inline]
    pub(super) fn get(&self, index: u32) -> &T {
        match &self.slots[index as usize] {
            Slot::Full(object) => object,
            Slot::Vacant { .. } => unreachable!("an entry names a full slot"),
        }
    }

    #[inline(always)]
    pub(super) fn get_mut(&mut self, index: u32) -> &mut T {
        match &mut self.slots[index as usize] {
            Slot::Full(object) => object,
            Slot::Vacant { .. } => unreachable!("an entry names a full slot"),
        }
    }

    /// Takes an object, any one, or passes over one vacant slot; `None` at the end. For emptying
    /// a slab that nobody asks for its objects any more.
    pub(super) fn pop(&mut self) -> Option<Option<T>> {
        let slot = self.slots.pop()?;
        match slot {
            Slot::Full(object) => {
                self.len -= 1;
                Some(Some(object))
            }
            Slot::Vacant { .. } => Some(None),
        }
    }

    /// Bytes of heap, what the objects hold in their turn not counted.
    pub(super) fn heap_bytes(&self) -> usize {
        self.slots.heap_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashMap;

    #[test]
    fn agrees_with_a_map() {
        arbtest::arbtest(|u| {
            let (mut slab, mut twin) = (Slab::new(), HashMap::new());
            while !u.is_empty() {
                let number: u16 = u.arbitrary()?;
                if u.ratio(3, 5)? {
                    let index = slab.insert(number);
                    assert_eq!(twin.insert(index, number), None, "a number in use was given out");
                } else if let Some(&index) = twin.keys().min() {
                    assert_eq!(Some(slab.remove(index)), twin.remove(&index));
                }
                for (&index, number) in &twin {
                    assert_eq!(slab.get(index), number);
                    assert_eq!(slab.get_mut(index), number);
                }
                assert_eq!(slab.len, twin.len());
                assert_eq!(slab.heap_bytes() == 0, twin.is_empty());
            }
            let popped = std::iter::from_fn(|| slab.pop()).flatten().count();
            assert_eq!(popped, twin.len());
            Ok(())
        });
    }
}
