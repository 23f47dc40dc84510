//! Lists whose links lie in what is listed: nothing is allocated for them.

use std::cell::Cell;

/// Neighbours in a list.
pub(super) struct Links<Name> {
    pub(super) next: Cell<Option<Name>>,
    previous: Cell<Option<Name>>,
}

/// What can be in a list: a name that leads to links.
pub(super) trait Listed: Copy + 'static {
    fn links(&self) -> &Links<Self>;
}

/// Puts something in front of a list that it is not in.
pub(super) fn push_front<Name: Listed>(head: &Cell<Option<Name>>, name: Name) {
    let next = head.replace(Some(name));
    name.links().next.set(next);
    name.links().previous.set(None);
    if let Some(next) = next {
        next.links().previous.set(Some(name));
    }
}

/// Takes something out of the list that it is in.
pub(super) fn remove<Name: Listed>(head: &Cell<Option<Name>>, name: Name) {
    let (next, previous) = (name.links().next.take(), name.links().previous.take());
    match previous {
        Some(previous) => previous.links().next.set(next),
        None => head.set(next),
    }
    if let Some(next) = next {
        next.links().previous.set(previous);
    }
}
