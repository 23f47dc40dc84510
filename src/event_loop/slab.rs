//! A slab: values at stable 32-bit indices, each life of a slot told apart by a generation.
//!
//! Pure data; touches nothing but its own memory.
//!
//! ```text
//! index  = page number * 256 + offset in the page
//!
//! pages  [ header | header | header | ... ]            the only thing that moves when it grows
//!            |        |        `-> (given back)         emptied: the memory went, the header stays
//!            |        `-> [ slot 256 .. slot 511 ]
//!            `-> [ slot 0 .. slot 255 ]
//!
//! slot   generation | Live(value)
//!        generation | Free { next }  --> next free slot of the same page --> ...
//! ```
//!
//! - **Growth** adds one page. No value ever moves, so the thousandth connection costs what the
//!   first one did.
//! - **Reuse**: the lowest page with room, and in it the slot freed last, which is still warm. So
//!   the live values drift to the low pages and the high ones run empty.
//! - **Giving back**: a page that runs empty is freed, but for one that is kept, so that a client
//!   which comes and goes at a page border does not cost an allocation each time.
//! - **Generations** survive that: a freed page leaves the highest generation it reached in its
//!   header, and its successor starts there. They wrap after 2^32 lives of one slot: a token kept
//!   for exactly that long would be taken for its successor. Tokens outlive their slot by one tick
//!   at most (the events still in the batch), so none lives to see it.

use crate::limits::SLAB_PAGE_SLOTS;
use squint_sys::Token;

/// Ends a page's list of free slots.
const FREE_END: u16 = u16::MAX;

/// Values at stable indices. See the module's page for the layout.
#[derive(Debug)]
pub struct Slab<T> {
    pages: Vec<Page<T>>,
    /// Bit `n` says that page `n` has memory and a free slot in it.
    open: Vec<u64>,
    /// The one page that may stay in memory although nothing lives in it.
    page_spare: Option<usize>,
    len: usize,
}

#[derive(Debug)]
struct Page<T> {
    /// `None` while the page's memory is given back.
    slots: Option<Box<[Slot<T>; SLAB_PAGE_SLOTS]>>,
    /// No generation of this page up to here (exclusively) may be handed out again.
    generation_floor: u32,
    free_head: u16,
    live: u16,
}

#[derive(Debug)]
struct Slot<T> {
    generation: u32,
    entry: Entry<T>,
}

#[derive(Debug)]
enum Entry<T> {
    Free { next: u16 },
    Live(T),
}

impl<T> Page<T> {
    fn absent() -> Self {
        Self { slots: None, generation_floor: 0, free_head: FREE_END, live: 0 }
    }

    fn is_resident(&self) -> bool {
        self.slots.is_some()
    }

    /// All slots; none while the memory is given back.
    fn slots(&self) -> &[Slot<T>] {
        self.slots.as_deref().map_or(&[], <[_; SLAB_PAGE_SLOTS]>::as_slice)
    }

    fn slots_mut(&mut self) -> &mut [Slot<T>] {
        self.slots.as_deref_mut().map_or(&mut [], <[_; SLAB_PAGE_SLOTS]>::as_mut_slice)
    }

    /// Chains all slots, lowest first.
    fn allocate(&mut self) {
        debug_assert!(!self.is_resident());
        let generation = self.generation_floor;
        let last = SLAB_PAGE_SLOTS - 1;
        let next_of = |offset| if offset == last { FREE_END } else { offset as u16 + 1 };
        let slots: Box<[Slot<T>]> = (0..SLAB_PAGE_SLOTS)
            .map(|offset| Slot { generation, entry: Entry::Free { next: next_of(offset) } })
            .collect();
        self.slots = slots.try_into().ok();
        self.free_head = 0;
    }

    fn give_back(&mut self) {
        assert_eq!(self.live, 0, "a page with tenants stays");
        let highest = self.slots().iter().map(|slot| slot.generation).max();
        self.generation_floor = highest.unwrap_or(self.generation_floor);
        self.slots = None;
        self.free_head = FREE_END;
    }
}

impl<T> Default for Slab<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> Slab<T> {
    /// An empty slab, which holds no memory.
    #[must_use]
    pub const fn new() -> Self {
        Self { pages: Vec::new(), open: Vec::new(), page_spare: None, len: 0 }
    }

    /// Stores `value` and returns its name.
    pub fn insert(&mut self, value: T) -> Token {
        self.insert_with(|_| value)
    }

    /// Stores what `make` returns; `make` is told the name beforehand, for values that hold it.
    pub fn insert_with(&mut self, make: impl FnOnce(Token) -> T) -> Token {
        let number = self.page_with_room();
        let page = &mut self.pages[number];
        let offset = usize::from(page.free_head);
        let slot = &mut page.slots_mut()[offset];
        let Entry::Free { next } = slot.entry else {
            unreachable!("the free list of a page names free slots only")
        };
        let token = Token { index: index_of(number, offset), generation: slot.generation };
        slot.entry = Entry::Live(make(token));
        page.free_head = next;
        page.live += 1;
        self.len += 1;
        if page.free_head == FREE_END {
            self.open_set(number, false);
        }
        if self.page_spare == Some(number) {
            self.page_spare = None;
        }
        token
    }

    /// The value named `token`, unless it has been removed.
    #[must_use]
    pub fn get(&self, token: Token) -> Option<&T> {
        match self.slot(token.index)? {
            Slot { generation, entry: Entry::Live(value) } if *generation == token.generation => {
                Some(value)
            }
            _ => None,
        }
    }

    /// As [`Slab::get`], to change it.
    pub fn get_mut(&mut self, token: Token) -> Option<&mut T> {
        match self.slot_mut(token.index)? {
            Slot { generation, entry: Entry::Live(value) } if *generation == token.generation => {
                Some(value)
            }
            _ => None,
        }
    }

    /// The value at `index`, for those who know that it lives: an intrusive list's member, say.
    /// Panics when the slot is free, for that is our own mistake.
    #[must_use]
    #[inline]
    pub fn at(&self, index: u32) -> &T {
        match self.slot(index) {
            Some(Slot { entry: Entry::Live(value), .. }) => value,
            _ => panic!("slab slot {index} is free"),
        }
    }

    /// As [`Slab::at`], to change it.
    #[inline]
    pub fn at_mut(&mut self, index: u32) -> &mut T {
        match self.slot_mut(index) {
            Some(Slot { entry: Entry::Live(value), .. }) => value,
            _ => panic!("slab slot {index} is free"),
        }
    }

    /// As [`Slab::at_mut`], with its full name.
    #[inline]
    pub fn named_mut(&mut self, index: u32) -> (Token, &mut T) {
        match self.slot_mut(index) {
            Some(Slot { generation, entry: Entry::Live(value) }) => {
                (Token { index, generation: *generation }, value)
            }
            _ => panic!("slab slot {index} is free"),
        }
    }

    /// The full name of the value that lives at `index`. Panics when the slot is free.
    #[must_use]
    #[inline]
    pub fn token(&self, index: u32) -> Token {
        match self.slot(index) {
            Some(Slot { generation, entry: Entry::Live(_) }) => {
                Token { index, generation: *generation }
            }
            _ => panic!("slab slot {index} is free"),
        }
    }

    /// Takes the value named `token` out; its slot's generation grows. `None` when it was gone.
    pub fn remove(&mut self, token: Token) -> Option<T> {
        self.get(token)?;
        let (number, offset) = position_of(token.index);
        let page = &mut self.pages[number];
        let next = page.free_head;
        let slot = &mut page.slots_mut()[offset];
        let entry = std::mem::replace(&mut slot.entry, Entry::Free { next });
        slot.generation = slot.generation.wrapping_add(1);
        page.free_head = offset as u16;
        page.live -= 1;
        self.len -= 1;
        let emptied = page.live == 0;
        self.open_set(number, true);
        if emptied {
            self.page_emptied(number);
        }
        match entry {
            Entry::Live(value) => Some(value),
            Entry::Free { .. } => unreachable!("get found it alive"),
        }
    }

    /// How many values live here.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Slots that have memory, in use or not.
    #[must_use]
    pub fn slots(&self) -> usize {
        self.pages.iter().map(|page| page.slots().len()).sum()
    }

    /// Whether nothing lives here.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// All values with their names, by index.
    pub fn iter(&self) -> impl Iterator<Item = (Token, &T)> {
        self.pages.iter().enumerate().flat_map(|(number, page)| {
            page.slots().iter().enumerate().filter_map(move |(offset, slot)| match &slot.entry {
                Entry::Live(value) => Some((token_of(number, offset, slot.generation), value)),
                Entry::Free { .. } => None,
            })
        })
    }

    /// As [`Slab::iter`], to change them.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = (Token, &mut T)> {
        self.pages.iter_mut().enumerate().flat_map(|(number, page)| {
            page.slots_mut().iter_mut().enumerate().filter_map(
                move |(offset, slot)| match &mut slot.entry {
                    Entry::Live(value) => Some((token_of(number, offset, slot.generation), value)),
                    Entry::Free { .. } => None,
                },
            )
        })
    }

    #[inline]
    fn slot(&self, index: u32) -> Option<&Slot<T>> {
        let (number, offset) = position_of(index);
        Some(&self.pages.get(number)?.slots.as_ref()?[offset])
    }

    #[inline]
    fn slot_mut(&mut self, index: u32) -> Option<&mut Slot<T>> {
        let (number, offset) = position_of(index);
        Some(&mut self.pages.get_mut(number)?.slots.as_mut()?[offset])
    }

    /// The lowest page with a free slot; makes one when all are full.
    fn page_with_room(&mut self) -> usize {
        let word = self.open.iter().position(|word| *word != 0);
        match word {
            Some(word) => word * 64 + self.open[word].trailing_zeros() as usize,
            None => self.grow(),
        }
    }

    /// Brings one page into memory: the lowest that was given back, or else a new one.
    fn grow(&mut self) -> usize {
        let absent = self.pages.iter().position(|page| !page.is_resident());
        let number = absent.unwrap_or(self.pages.len());
        // The two highest indices are the links' words for "none" and "end".
        assert!(number < (u32::MAX as usize) / SLAB_PAGE_SLOTS, "slab out of indices");
        if number == self.pages.len() {
            self.pages.push(Page::absent());
            self.open.resize(self.pages.len().div_ceil(64), 0);
        }
        self.pages[number].allocate();
        self.open_set(number, true);
        number
    }

    /// Of two empty pages the higher one goes, so that what lives stays low.
    fn page_emptied(&mut self, number: usize) {
        let Some(other) = self.page_spare.replace(number) else { return };
        debug_assert_ne!(other, number, "an empty page cannot run empty");
        self.page_spare = Some(other.min(number));
        let surplus = other.max(number);
        self.pages[surplus].give_back();
        self.open_set(surplus, false);
    }

    fn open_set(&mut self, number: usize, open: bool) {
        let bit = 1 << (number % 64);
        let word = &mut self.open[number / 64];
        *word = if open { *word | bit } else { *word & !bit };
    }
}

fn position_of(index: u32) -> (usize, usize) {
    (index as usize / SLAB_PAGE_SLOTS, index as usize % SLAB_PAGE_SLOTS)
}

fn index_of(number: usize, offset: usize) -> u32 {
    (number * SLAB_PAGE_SLOTS + offset) as u32
}

fn token_of(number: usize, offset: usize, generation: u32) -> Token {
    Token { index: index_of(number, offset), generation }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    /// How many values the memory now held has room for.
    fn capacity<T>(slab: &Slab<T>) -> usize {
        slab.pages.iter().map(|page| page.slots().len()).sum()
    }

    #[test]
    fn a_removed_name_finds_nothing_though_the_slot_is_let_again() {
        let mut slab = Slab::new();
        let first = slab.insert("first");
        assert_eq!(slab.remove(first), Some("first"));
        let second = slab.insert("second");
        assert_eq!(second.index, first.index);
        assert_ne!(second.generation, first.generation);
        assert_eq!(slab.get(first), None);
        assert_eq!(slab.remove(first), None);
        assert_eq!(slab.get(second), Some(&"second"));
        assert_eq!(slab.token(second.index), second);
    }

    #[test]
    fn the_slot_freed_last_is_let_first() {
        let mut slab = Slab::new();
        let tokens: Vec<Token> = (0..4).map(|number| slab.insert(number)).collect();
        assert_eq!(tokens.iter().map(|token| token.index).collect::<Vec<_>>(), [0, 1, 2, 3]);
        slab.remove(tokens[1]);
        slab.remove(tokens[3]);
        assert_eq!([slab.insert(0).index, slab.insert(0).index, slab.insert(0).index], [3, 1, 4]);
    }

    #[test]
    fn growing_moves_no_value() {
        let mut slab = Slab::new();
        let first = slab.insert(7_u64);
        let address = std::ptr::from_ref(slab.at(first.index));
        (0..10 * SLAB_PAGE_SLOTS as u64).for_each(|number| _ = slab.insert(number));
        assert_eq!(address, std::ptr::from_ref(slab.at(first.index)));
    }

    #[test]
    fn empty_pages_are_given_back_and_generations_survive_it() {
        let mut slab = Slab::new();
        let pages = 5;
        let tokens: Vec<Token> =
            (0..pages * SLAB_PAGE_SLOTS).map(|number| slab.insert(number)).collect();
        assert_eq!(capacity(&slab), pages * SLAB_PAGE_SLOTS);
        tokens.iter().for_each(|token| assert!(slab.remove(*token).is_some()));
        assert_eq!((slab.len(), capacity(&slab)), (0, SLAB_PAGE_SLOTS));
        let again: Vec<Token> =
            (0..pages * SLAB_PAGE_SLOTS).map(|number| slab.insert(number)).collect();
        assert_eq!(capacity(&slab), pages * SLAB_PAGE_SLOTS);
        assert!(tokens.iter().all(|token| slab.get(*token).is_none()));
        assert!(again.iter().all(|token| slab.get(*token).is_some()));
    }

    #[test]
    fn a_client_at_a_page_border_costs_no_page_each_time() {
        let mut slab = Slab::new();
        (0..SLAB_PAGE_SLOTS).for_each(|number| _ = slab.insert(number));
        for _ in 0..3 {
            let token = slab.insert(0);
            slab.remove(token);
            assert_eq!(capacity(&slab), 2 * SLAB_PAGE_SLOTS);
        }
    }

    #[test]
    fn the_generation_wraps_and_does_not_overflow() {
        let mut slab = Slab::new();
        let token = slab.insert(0);
        slab.pages[0].slots_mut()[0].generation = u32::MAX;
        assert_eq!(slab.remove(Token { generation: u32::MAX, ..token }), Some(0));
        assert_eq!(slab.insert(1).generation, 0);
    }

    #[test]
    fn insert_with_tells_the_name_beforehand() {
        let mut slab = Slab::new();
        let token = slab.insert_with(|token| token);
        assert_eq!(slab.get(token), Some(&token));
    }

    #[test]
    #[should_panic(expected = "slab slot 0 is free")]
    fn at_a_free_slot_is_our_own_mistake() {
        let mut slab = Slab::new();
        let token = slab.insert(0);
        slab.remove(token);
        let _ = slab.at(token.index);
    }

    #[test]
    fn reserved_tokens_name_nothing() {
        let mut slab = Slab::new();
        slab.insert(0);
        assert_eq!(slab.get(Token::reserved(0)), None);
    }

    /// Each page's list of free slots and its live slots make up the page; the bits agree.
    fn check_invariants(slab: &Slab<u32>) {
        for (number, page) in slab.pages.iter().enumerate() {
            let mut free = 0;
            let mut cursor = page.free_head;
            while cursor != FREE_END {
                let Entry::Free { next } = page.slots()[usize::from(cursor)].entry else {
                    panic!("a live slot in the free list")
                };
                free += 1;
                cursor = next;
            }
            assert_eq!(free + usize::from(page.live), page.slots().len());
            assert_eq!(slab.open[number / 64] >> (number % 64) & 1 == 1, free > 0);
        }
        let idle = |page: &&Page<u32>| page.is_resident() && page.live == 0;
        assert!(slab.pages.iter().filter(idle).count() <= 1);
    }

    #[test]
    fn behaves_like_a_map_whose_names_are_never_used_twice() {
        arbtest::arbtest(|u| {
            let mut slab = Slab::new();
            let mut twin = BTreeMap::new();
            let mut gone = Vec::new();
            while !u.is_empty() {
                match u.int_in_range(0..=5)? {
                    0 => (0..300).for_each(|number| {
                        assert_eq!(twin.insert(slab.insert(number), number), None);
                    }),
                    1 | 2 => {
                        let value = u.arbitrary()?;
                        let token = slab.insert(value);
                        assert_eq!(twin.insert(token, value), None, "a live name given twice");
                        assert!(!gone.contains(&token), "a dead name given again");
                    }
                    3 => {
                        let some = u.int_in_range(1..=400)?;
                        while let Some((&token, &value)) = twin.iter().nth(some) {
                            assert_eq!(slab.remove(token), Some(value));
                            twin.remove(&token);
                            gone.push(token);
                        }
                    }
                    _ if twin.is_empty() => {}
                    _ => {
                        let which = u.choose_index(twin.len())?;
                        let token = *twin.keys().nth(which).expect("chosen below the length");
                        assert_eq!(slab.remove(token), twin.remove(&token));
                        gone.push(token);
                    }
                }
                assert!(slab.iter().map(|(token, value)| (token, *value)).eq(twin.clone()));
                assert!(gone.iter().all(|token| slab.get_mut(*token).is_none()));
                assert_eq!(slab.len(), twin.len());
                check_invariants(&slab);
            }
            Ok(())
        });
    }
}
