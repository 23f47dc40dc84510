//! What a connection looks like from outside: CLIENT INFO,
//! CLIENT LIST \[TYPE NORMAL | MASTER | REPLICA | PUBSUB\] \[ID id ...\].
//!
//! One line per client, `name=value` with blanks between, in the order of Redis 7.4: programs
//! find a field by its name, people by its place.

use super::args::Arguments;
use super::context::{Call, CommandResult, Context};
use super::error_reply::{self, ErrorReply};
use super::{ConnectionFigures, Host, Request};
use crate::client::{Client, ClientId, DEFAULT_USER, Watched};
use crate::pubsub::PubSub;
use crate::resp::request::OwnedRequest;
use squint_sys::Address;
use std::io::Write;

/// CLIENT INFO
pub fn client_info(ctx: &mut Context<'_>, _: Request<'_>) -> CommandResult {
    let text = list_where(ctx, |client, own| client.token == own);
    ctx.reply.verbatim("txt", &text);
    Ok(())
}

/// CLIENT LIST \[TYPE type\] \[ID id ...\]
pub fn client_list(ctx: &mut Context<'_>, request: Request<'_>) -> CommandResult {
    let text = match request.len() {
        2 => list_where(ctx, |_, _| true),
        4 if request.is(2, "TYPE") => {
            let class = Class::named(request.at(3))?;
            list_where(ctx, |client, _| Class::of(client) == class)
        }
        count if count > 3 && request.is(2, "ID") => list_by_number(ctx, request)?,
        _ => return Err(error_reply::SYNTAX),
    };
    ctx.reply.verbatim("txt", &text);
    Ok(())
}

/// The lines of all clients that `is_wanted` wants: it is given the client and who asks.
fn list_where(ctx: &mut Context<'_>, is_wanted: impl Fn(&Client, ClientId) -> bool) -> Vec<u8> {
    let own = ctx.id;
    list(ctx, |clients| clients.into_iter().filter(|client| is_wanted(client, own)).collect())
}

/// The lines of the clients with the given numbers, in the order given; numbers of nobody are
/// passed over.
fn list_by_number(ctx: &mut Context<'_>, request: Request<'_>) -> Result<Vec<u8>, ErrorReply> {
    let mut numbers = Vec::new();
    for index in 3..request.len() {
        numbers.push(request.integer_or(index, ErrorReply::fixed("ERR Invalid client ID"))?);
    }
    Ok(list(ctx, |clients| {
        let place = |number| {
            clients.binary_search_by_key(number, |client| client.number.cast_signed()).ok()
        };
        numbers.iter().filter_map(|number| place(number).map(|place| clients[place])).collect()
    }))
}

/// The lines of the clients that `choose` picks from all, which are given by number.
fn list(
    ctx: &mut Context<'_>,
    choose: impl for<'c> FnOnce(Vec<&'c Client>) -> Vec<&'c Client>,
) -> Vec<u8> {
    if ctx.call == Call::Direct {
        ctx.client_mut().last_command = ctx.command.name; // else noted when its requests are done
    }
    let mut text = Vec::new();
    for client in choose(ctx.clients.by_number()) {
        if !client.closing {
            let view = View::of(client, ctx.pubsub, ctx.host, ctx.now.monotonic_ms);
            write_line(&mut text, &view);
        }
    }
    text
}

/// What kind of client it is: CLIENT LIST TYPE, CLIENT KILL TYPE.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Class {
    /// Sends commands.
    Normal,
    /// Is our master. Nobody is.
    Master,
    /// Is our replica. Nobody is.
    Replica,
    /// Is subscribed to something.
    PubSub,
}

impl Class {
    /// The class that a word means.
    pub fn named(word: &[u8]) -> Result<Self, ErrorReply> {
        match word.to_ascii_lowercase().as_slice() {
            b"normal" => Ok(Self::Normal),
            b"master" => Ok(Self::Master),
            b"replica" | b"slave" => Ok(Self::Replica),
            b"pubsub" => Ok(Self::PubSub),
            _ => Err(ErrorReply::quoting(&[b"ERR Unknown client type '", word, b"'"])),
        }
    }

    /// The class of a client.
    #[must_use]
    pub const fn of(client: &Client) -> Self {
        if client.subscriptions > 0 { Self::PubSub } else { Self::Normal }
    }
}

/// A client, and what others know of it.
struct View<'a> {
    client: &'a Client,
    figures: ConnectionFigures,
    local: Option<Address>,
    channels: usize,
    patterns: usize,
    shard_channels: usize,
    now_ms: u64,
}

impl<'a> View<'a> {
    fn of(client: &'a Client, pubsub: &PubSub, host: &mut dyn Host, now_ms: u64) -> Self {
        Self {
            client,
            figures: host.figures(client.token),
            local: host.local_address(client.token),
            channels: pubsub.channels.names_of(client.token),
            patterns: pubsub.patterns.names_of(client.token),
            shard_channels: pubsub.shard_channels.names_of(client.token),
            now_ms,
        }
    }
}

/// The line of a client, for the log.
#[must_use]
pub fn line(client: &Client, pubsub: &PubSub, host: &mut dyn Host, now_ms: u64) -> String {
    let mut text = Vec::new();
    write_line(&mut text, &View::of(client, pubsub, host, now_ms));
    String::from_utf8_lossy(text.trim_ascii_end()).into_owned()
}

/// Appends the line of one client. The middle of it is about memory: input waiting and room for
/// more, arguments and queued commands, then the output. Arguments are slices of the input, so
/// they take none of their own.
fn write_line(text: &mut Vec<u8>, view: &View<'_>) {
    let View { client, figures, .. } = view;
    write_identity(text, view);
    write_state(text, view);
    let (queued, multi_bytes) = client
        .transaction
        .as_ref()
        .map_or((-1, 0), |transaction| (transaction.queue.len() as i64, transaction.queue_bytes));
    put(text, format_args!(" multi={queued} watch={}", client.watched.len()));
    let query_bytes = figures.query_bytes + client.parser.apart_bytes();
    put(text, format_args!(" qbuf={query_bytes} qbuf-free={}", figures.query_free_bytes));
    put(text, format_args!(" argv-mem=0 multi-mem={multi_bytes}"));
    let held_bytes = figures.output_held_bytes;
    put(text, format_args!(" rbs={held_bytes} rbp={held_bytes} obl={}", figures.output_bytes));
    let behind = figures.output_chunks.saturating_sub(1);
    put(text, format_args!(" oll={behind} omem={held_bytes}"));
    put(text, format_args!(" tot-mem={}", memory_bytes(client, figures)));
    let events = if figures.is_write_pending { "rw" } else { "r" };
    put(text, format_args!(" events={events} cmd={} user=", client.last_command));
    text.extend_from_slice(DEFAULT_USER);
    let protocol = client.protocol.number();
    put(text, format_args!(" redir=-1 resp={protocol} lib-name="));
    text.extend_from_slice(&client.labels().library_name);
    text.extend_from_slice(b" lib-ver=");
    text.extend_from_slice(&client.labels().library_version);
    text.push(b'\n');
}

fn write_identity(text: &mut Vec<u8>, view: &View<'_>) {
    let View { client, figures, .. } = view;
    put(text, format_args!("id={} addr={}", client.number, client.peer));
    match &view.local {
        Some(local) => put(text, format_args!(" laddr={local}")),
        None => text.extend_from_slice(b" laddr=?:0"),
    }
    put(text, format_args!(" fd={} name=", figures.fd));
    text.extend_from_slice(&client.labels().name);
}

fn write_state(text: &mut Vec<u8>, view: &View<'_>) {
    let client = view.client;
    let age_s = view.now_ms.saturating_sub(client.connected_ms) / 1000;
    let idle_s = view.now_ms.saturating_sub(view.figures.active_ms) / 1000;
    put(text, format_args!(" age={age_s} idle={idle_s} flags={}", flags(client)));
    let View { channels, patterns, shard_channels, .. } = view;
    put(text, format_args!(" db={} sub={channels} psub={patterns}", client.database));
    put(text, format_args!(" ssub={shard_channels}"));
}

/// One letter for everything special about a client, or `N`.
fn flags(client: &Client) -> String {
    let letters = [
        (client.subscriptions > 0, 'P'),
        (client.transaction.is_some(), 'x'),
        (client.blocked.is_some(), 'b'),
        (client.watch_broken, 'd'),
        (client.close_after_reply, 'c'),
        (client.closing, 'A'),
        (matches!(client.peer, Address::Unix(_)), 'U'),
        (client.no_evict, 'e'),
        (client.no_touch, 'T'),
    ];
    let set: String =
        letters.iter().filter(|(is_set, _)| *is_set).map(|(_, letter)| letter).collect();
    if set.is_empty() { "N".to_owned() } else { set }
}

/// What a subscription takes in the tables of who listens to what, the name apart.
const SUBSCRIPTION_BYTES: usize = 64;

/// Memory of a client, bytes: itself, its buffers, its queue, the command it is blocked in, its
/// keys and subscriptions. What its output shares with others counts for each of them, as if it
/// were a copy. The work does not grow with what it has.
#[must_use]
pub fn memory_bytes(client: &Client, figures: &ConnectionFigures) -> usize {
    let queue_bytes = client.transaction.as_ref().map_or(0, |transaction| {
        transaction.queue_bytes + transaction.queue.capacity() * size_of::<OwnedRequest>()
    });
    let blocked_bytes = client.blocked.as_ref().map_or(0, |blocked| blocked.request.heap_bytes());
    size_of::<Client>()
        + figures.query_bytes
        + client.parser.heap_bytes()
        + figures.query_free_bytes
        + figures.output_held_bytes
        + queue_bytes
        + blocked_bytes
        + client.watched.capacity() * size_of::<Watched>()
        + client.watched_bytes
        + client.subscriptions * SUBSCRIPTION_BYTES
}

fn put(text: &mut Vec<u8>, words: std::fmt::Arguments<'_>) {
    text.write_fmt(words).expect("a vector takes every byte");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::Transaction;
    use squint_sys::Token;

    fn client() -> Client {
        let peer = Address::Tcp("127.0.0.1:40000".parse().expect("an address"));
        Client::new(Token { index: 1, generation: 1 }, 7, peer, 1_000)
    }

    fn line(client: &Client) -> String {
        let view = View {
            client,
            figures: ConnectionFigures {
                fd: 9,
                active_ms: 3_400,
                query_free_bytes: 100,
                ..Default::default()
            },
            local: Some(Address::Tcp("127.0.0.1:6379".parse().expect("an address"))),
            channels: 2,
            patterns: 1,
            shard_channels: 3,
            now_ms: 4_500,
        };
        let mut text = Vec::new();
        write_line(&mut text, &view);
        String::from_utf8(text).expect("ASCII")
    }

    #[test]
    fn a_line_has_every_field_in_its_place() {
        let mut client = client();
        client.labels_mut().name = (*b"me").into();
        client.labels_mut().library_name = (*b"lib").into();
        let own_bytes = size_of::<Client>() + 100;
        let expected = format!(
            "id=7 addr=127.0.0.1:40000 laddr=127.0.0.1:6379 fd=9 name=me age=3 idle=1 flags=N \
             db=0 sub=2 psub=1 ssub=3 multi=-1 watch=0 qbuf=0 qbuf-free=100 argv-mem=0 multi-mem=0 \
             rbs=0 rbp=0 obl=0 oll=0 omem=0 tot-mem={own_bytes} events=r cmd=NULL user=default \
             redir=-1 resp=2 lib-name=lib lib-ver=\n"
        );
        assert_eq!(line(&client), expected);
    }

    #[test]
    fn flags_say_what_is_special() {
        let mut client = client();
        assert_eq!(flags(&client), "N");
        client.transaction = Some(Box::new(Transaction::default()));
        client.watch_broken = true;
        client.no_touch = true;
        assert_eq!(flags(&client), "xdT");
        client.peer = Address::Unix("/tmp/s".into());
        client.subscriptions = 1;
        assert_eq!(flags(&client), "PxdUT");
    }

    #[test]
    fn classes_have_names() {
        assert_eq!(Class::named(b"NORMAL"), Ok(Class::Normal));
        assert_eq!(Class::named(b"slave"), Class::named(b"replica"));
        assert_eq!(Class::named(b"foo").unwrap_err().as_bytes(), b"ERR Unknown client type 'foo'");
    }
}
