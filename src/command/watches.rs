//! WATCH: which clients guard which keys.

use crate::blocking::database_prefix;
use crate::client::Clients;
use crate::membership::Membership;
use crate::text::keyed_hash::KeyedState;
use squint_sys::Token;

/// Guards by key; a key's name is its database's number and its bytes.
#[derive(Debug)]
pub struct Watches {
    guards: Membership,
    scratch: Vec<u8>,
}

impl Watches {
    /// Nobody guards anything.
    #[must_use]
    pub fn new(state: KeyedState) -> Self {
        Self { guards: Membership::new(state), scratch: Vec::new() }
    }

    /// `client` guards a key. `false` if it does so already.
    pub fn guard(&mut self, database: usize, key: &[u8], client: Token) -> bool {
        self.scope(database, key);
        self.guards.join(&self.scratch, client)
    }

    /// `client` guards nothing any more.
    pub fn leave(&mut self, client: Token) {
        self.guards.leave_all(client);
    }

    /// Nobody guards anything: the usual case.
    #[inline]
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.guards.is_empty()
    }

    /// A key has changed or is gone: the transactions of its guards will not run.
    pub fn touch(&mut self, database: usize, key: &[u8], is_removed: bool, clients: &mut Clients) {
        self.scope(database, key);
        for member in self.guards.members(&self.scratch) {
            let client = clients.get_mut(member);
            if !(is_removed && client.forgives_removal(database, key)) {
                client.watch_broken = true;
            }
        }
    }

    /// The guarded keys of a database.
    pub fn keys(&self, database: usize) -> impl Iterator<Item = &[u8]> {
        let prefix = database_prefix(database);
        self.guards.all_names().filter_map(move |name| name.strip_prefix(&prefix))
    }

    /// Clients that guard anything.
    #[must_use]
    pub fn client_count(&self) -> usize {
        self.guards.member_count()
    }

    /// Keys that are guarded.
    #[must_use]
    pub fn key_count(&self) -> usize {
        self.guards.name_count()
    }

    fn scope(&mut self, database: usize, key: &[u8]) {
        self.scratch.clear();
        self.scratch.extend_from_slice(&database_prefix(database));
        self.scratch.extend_from_slice(key);
    }
}
