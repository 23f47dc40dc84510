//! CLIENT KILL addr:port, or by filters that must all fit:
//! CLIENT KILL \[ID id\] \[TYPE type\] \[ADDR addr\] \[LADDR addr\] \[USER name\] \[SKIPME YES |
//! NO\] \[MAXAGE seconds\].
//!
//! Who kills itself is closed after its reply; the others lose what they have not been sent yet.

use super::args::Arguments;
use super::client_list::Class;
use super::context::{CommandResult, Context};
use super::error_reply::{self, ErrorReply};
use super::{Request, pubsub};
use crate::client::{Client, ClientId, DEFAULT_USER};

const NO_SUCH_CLIENT: ErrorReply = ErrorReply::fixed("ERR No such client");
const INVALID_CLIENT_ID: ErrorReply = ErrorReply::fixed("ERR client-id should be greater than 0");
const INVALID_AGE: ErrorReply = ErrorReply::fixed("ERR maxage is not an integer or out of range");
const AGE_TOO_SMALL: ErrorReply = ErrorReply::fixed("ERR maxage should be greater than 0");

/// CLIENT KILL addr:port | filter ...
pub fn client_kill(ctx: &mut Context<'_>, request: Request<'_>) -> CommandResult {
    let is_old_form = request.len() == 3;
    let filter = if is_old_form {
        Filter { address: Some(request.at(2)), spares_itself: false, ..Filter::default() }
    } else {
        Filter::parse(request)?
    };
    let victims = victims(ctx, &filter);
    match victims.len() {
        0 if is_old_form => return Err(NO_SUCH_CLIENT),
        _ if is_old_form => ctx.reply.ok(),
        count => ctx.reply.integer(count as i64),
    }
    for victim in victims {
        kill(ctx, victim);
    }
    Ok(())
}

fn kill(ctx: &mut Context<'_>, victim: ClientId) {
    let client = ctx.clients.get_mut(victim);
    if victim == ctx.id {
        client.close_after_reply = true;
    } else {
        client.closing = true;
        ctx.effects.kills.push(victim);
        pubsub::forget_subscriptions(ctx, victim);
    }
}

fn victims(ctx: &mut Context<'_>, filter: &Filter<'_>) -> Vec<ClientId> {
    let mut victims = Vec::new();
    for client in ctx.clients.iter() {
        let is_spared = client.closing || (filter.spares_itself && client.token == ctx.id);
        // The own address is asked for last: it costs a system call.
        if !is_spared
            && filter.fits(client, ctx.now.monotonic_ms)
            && filter.fits_local(|| ctx.host.local_address(client.token))
        {
            victims.push(client.token);
        }
    }
    victims
}

/// Whom CLIENT KILL means: everybody whom each filter that is there fits.
#[derive(PartialEq, Eq, Debug)]
struct Filter<'a> {
    number: Option<u64>,
    class: Option<Class>,
    address: Option<&'a [u8]>,
    local_address: Option<&'a [u8]>,
    age_s: Option<u64>,
    spares_itself: bool,
}

impl Default for Filter<'_> {
    fn default() -> Self {
        Self {
            number: None,
            class: None,
            address: None,
            local_address: None,
            age_s: None,
            spares_itself: true,
        }
    }
}

impl<'a> Filter<'a> {
    fn parse(request: Request<'a>) -> Result<Self, ErrorReply> {
        let mut filter = Self::default();
        for index in (2..request.len()).step_by(2) {
            let value = request.value_after(index)?;
            filter.add(request, index, value)?;
        }
        Ok(filter)
    }

    /// Adds the filter whose name and value stand at two places of the request.
    fn add(&mut self, request: Request<'a>, name: usize, value: usize) -> CommandResult {
        let word = request.at(value);
        match request.at(name).to_ascii_uppercase().as_slice() {
            b"ID" => {
                self.number = Some(positive(request, value, INVALID_CLIENT_ID, INVALID_CLIENT_ID)?)
            }
            b"TYPE" => self.class = Some(Class::named(word)?),
            b"ADDR" => self.address = Some(word),
            b"LADDR" => self.local_address = Some(word),
            // Everybody is the one user there is.
            b"USER" if word == DEFAULT_USER => {}
            b"USER" => return Err(ErrorReply::quoting(&[b"ERR No such user '", word, b"'"])),
            b"SKIPME" if request.is(value, "YES") => self.spares_itself = true,
            b"SKIPME" if request.is(value, "NO") => self.spares_itself = false,
            b"MAXAGE" => self.age_s = Some(positive(request, value, INVALID_AGE, AGE_TOO_SMALL)?),
            _ => return Err(error_reply::SYNTAX),
        }
        Ok(())
    }

    /// Does everything fit that the client itself can tell?
    fn fits(&self, client: &Client, now_ms: u64) -> bool {
        let age_s = now_ms.saturating_sub(client.connected_ms) / 1000;
        self.number.is_none_or(|number| number == client.number)
            && self.class.is_none_or(|class| class == Class::of(client))
            && self.age_s.is_none_or(|least_s| age_s >= least_s)
            && self.address.is_none_or(|wanted| client.peer.to_string().as_bytes() == wanted)
    }

    /// Does the address fit that the client connected to?
    fn fits_local<A: ToString>(&self, local: impl FnOnce() -> Option<A>) -> bool {
        self.local_address
            .is_none_or(|wanted| local().is_some_and(|own| own.to_string().as_bytes() == wanted))
    }
}

/// Argument `index` as a number above 0.
fn positive(
    request: Request<'_>,
    index: usize,
    not_an_integer: ErrorReply,
    too_small: ErrorReply,
) -> Result<u64, ErrorReply> {
    match request.integer_or(index, not_an_integer)? {
        number if number > 0 => Ok(number.unsigned_abs()),
        _ => Err(too_small),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::args::tests::request;
    use crate::resp::request::OwnedRequest;
    use squint_sys::{Address, Token};

    fn parsed(words: &[&str]) -> Result<(Option<u64>, Option<Class>, bool), ErrorReply> {
        let request = owned(words);
        Filter::parse(request.as_request()).map(|f| (f.number, f.class, f.spares_itself))
    }

    fn owned(words: &[&str]) -> OwnedRequest {
        let all: Vec<&str> = ["CLIENT", "KILL"].iter().chain(words).copied().collect();
        request(&all)
    }

    #[test]
    fn filters_are_read_in_any_order_and_case() {
        assert_eq!(parsed(&["id", "5"]), Ok((Some(5), None, true)));
        let both = Ok((Some(7), Some(Class::PubSub), false));
        assert_eq!(parsed(&["SkipMe", "no", "TYPE", "pubsub", "ID", "7"]), both);
        assert_eq!(parsed(&["SKIPME", "no", "SKIPME", "yes"]), Ok((None, None, true)));
        assert_eq!(parsed(&["USER", "default", "MAXAGE", "1"]), Ok((None, None, true)));
    }

    #[test]
    fn c18_c19_filters_that_are_none() {
        assert_eq!(parsed(&["ID", "0"]), Err(INVALID_CLIENT_ID));
        assert_eq!(parsed(&["ID", "x"]), Err(INVALID_CLIENT_ID));
        assert_eq!(parsed(&["FOO", "x"]), Err(error_reply::SYNTAX));
        assert_eq!(parsed(&["ID", "1", "ID"]), Err(error_reply::SYNTAX));
        assert_eq!(parsed(&["SKIPME", "maybe"]), Err(error_reply::SYNTAX));
        assert_eq!(parsed(&["MAXAGE", "0"]), Err(AGE_TOO_SMALL));
        assert_eq!(parsed(&["MAXAGE", "x"]), Err(INVALID_AGE));
        let nobody = parsed(&["USER", "Default"]).unwrap_err();
        assert_eq!(nobody.as_bytes(), b"ERR No such user 'Default'");
    }

    #[test]
    fn every_filter_must_fit() {
        let peer = Address::Tcp("127.0.0.1:40000".parse().expect("an address"));
        let client = Client::new(Token { index: 0, generation: 1 }, 7, peer, 1_000);
        let fits = |words: &[&str]| {
            let request = owned(words);
            Filter::parse(request.as_request()).expect("good filters").fits(&client, 6_000)
        };
        assert!(fits(&["ID", "7", "ADDR", "127.0.0.1:40000", "TYPE", "normal", "MAXAGE", "5"]));
        assert!(!fits(&["ID", "7", "ADDR", "127.0.0.1:40001"]));
        assert!(!fits(&["ID", "8"]));
        assert!(!fits(&["TYPE", "pubsub"]));
        assert!(!fits(&["MAXAGE", "6"]));
    }
}
