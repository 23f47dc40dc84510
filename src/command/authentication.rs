//! Who may speak, and in which protocol: AUTH \[username\] password,
//! HELLO \[protover \[AUTH username password\] \[SETNAME clientname\]\].
//!
//! There is one user, `default`; its password is the setting `requirepass`. Wrong passwords are
//! counted, and a client with too many of them in a row is closed.

use super::REDIS_VERSION;
use super::Request;
use super::args::Arguments;
use super::connection::checked_name;
use super::context::{CommandResult, Context};
use super::error_reply::{self, ErrorReply};
use crate::client::DEFAULT_USER;
use crate::limits::LOGIN_FAILURES_MAX;
use crate::resp::writer::Protocol;
use std::hint::black_box;

const NO_PASSWORD: ErrorReply = ErrorReply::fixed(
    "ERR AUTH <password> called without any password configured for the default user. \
     Are you sure your configuration is correct?",
);
const NOT_A_PROTOCOL: ErrorReply =
    ErrorReply::fixed("ERR Protocol version is not an integer or out of range");
const UNSUPPORTED_PROTOCOL: ErrorReply = ErrorReply::fixed("NOPROTO unsupported protocol version");
const HELLO_WITHOUT_PASSWORD: ErrorReply = ErrorReply::fixed(
    "NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO \
     <proto> AUTH <user> <pass> option can be used to authenticate the client and select the RESP \
     protocol version at the same time",
);

/// AUTH \[username\] password
pub fn auth(ctx: &mut Context<'_>, request: Request<'_>) -> CommandResult {
    match request.len() {
        2 if ctx.config.settings().requirepass.is_none() => return Err(NO_PASSWORD),
        2 => log_in(ctx, DEFAULT_USER, request.at(1))?,
        3 => log_in(ctx, request.at(1), request.at(2))?,
        _ => return Err(error_reply::SYNTAX),
    }
    ctx.reply.ok();
    Ok(())
}

/// HELLO \[protover \[AUTH username password\] \[SETNAME clientname\]\]
pub fn hello(ctx: &mut Context<'_>, request: Request<'_>) -> CommandResult {
    let wish = Wish::parse(request)?;
    if let Some((user, password)) = wish.login {
        log_in(ctx, user, password)?;
    }
    let client = ctx.clients.get_mut(ctx.id);
    if !client.authenticated {
        return Err(HELLO_WITHOUT_PASSWORD);
    }
    if let Some(name) = wish.name {
        client.labels_mut().name = name.into();
    }
    if let Some(protocol) = wish.protocol {
        client.protocol = protocol;
        ctx.reply.protocol = protocol;
    }
    write_greeting(ctx);
    Ok(())
}

/// What HELLO asks for.
#[derive(Default)]
struct Wish<'a> {
    protocol: Option<Protocol>,
    login: Option<(&'a [u8], &'a [u8])>,
    name: Option<&'a [u8]>,
}

impl<'a> Wish<'a> {
    fn parse(request: Request<'a>) -> Result<Self, ErrorReply> {
        let mut wish = Self::default();
        if request.len() > 1 {
            wish.protocol = Some(protocol(request.integer_or(1, NOT_A_PROTOCOL)?)?);
        }
        let mut index = 2;
        while index < request.len() {
            let following = request.len() - index - 1;
            if request.is(index, "AUTH") && following >= 2 {
                wish.login = Some((request.at(index + 1), request.at(index + 2)));
                index += 3;
            } else if request.is(index, "SETNAME") && following >= 1 {
                wish.name = Some(checked_name(request.at(index + 1))?);
                index += 2;
            } else {
                let option = request.at(index);
                let start = b"ERR Syntax error in HELLO option '";
                return Err(ErrorReply::quoting(&[start, option, b"'"]));
            }
        }
        Ok(wish)
    }
}

fn protocol(version: i64) -> Result<Protocol, ErrorReply> {
    match version {
        2 => Ok(Protocol::Resp2),
        3 => Ok(Protocol::Resp3),
        _ => Err(UNSUPPORTED_PROTOCOL),
    }
}

/// The seven facts that every client library looks at.
fn write_greeting(ctx: &mut Context<'_>) {
    let number = ctx.client().number;
    let reply = &mut ctx.reply;
    reply.map(7);
    reply.named_bulk("server", b"redis");
    reply.named_bulk("version", REDIS_VERSION.as_bytes());
    reply.named("proto", reply.protocol.number());
    reply.named("id", number.cast_signed());
    reply.named_bulk("mode", b"standalone");
    reply.named_bulk("role", b"master");
    reply.bulk(b"modules");
    reply.array(0);
}

/// Lets the client in, or counts its failure. Whoever was in already stays in.
fn log_in(ctx: &mut Context<'_>, user: &[u8], password: &[u8]) -> CommandResult {
    let is_right = match &ctx.config.settings().requirepass {
        Some(secret) => is_same_secret(password, secret),
        None => true,
    };
    let client = ctx.clients.get_mut(ctx.id);
    let has_tries = client.failed_logins < LOGIN_FAILURES_MAX;
    if is_right && user == DEFAULT_USER && has_tries {
        client.failed_logins = 0;
        client.authenticated = true;
        return Ok(());
    }
    client.failed_logins = client.failed_logins.saturating_add(1);
    client.close_after_reply |= client.failed_logins >= LOGIN_FAILURES_MAX;
    ctx.stats.login_failures += 1;
    Err(error_reply::WRONG_PASSWORD)
}

/// Compares without telling by its time where the two differ: it depends on the guess's length
/// only.
fn is_same_secret(guess: &[u8], secret: &[u8]) -> bool {
    let mut difference = u8::from(guess.len() != secret.len());
    for (index, byte) in guess.iter().enumerate() {
        let own = secret.get(index % secret.len().max(1)).copied().unwrap_or(0);
        difference = black_box(difference | (byte ^ own));
    }
    difference == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a11_a21_a22_a23_only_the_secret_is_the_secret() {
        assert!(is_same_secret(b"secret", b"secret"));
        for wrong in [&b""[..], b"secre", b"secrets", b"secret\0", b"SECRET", b"secretsecret"] {
            assert!(!is_same_secret(wrong, b"secret"), "{wrong:?}");
        }
        assert!(!is_same_secret(b"x", b""));
    }

    #[test]
    fn secrets_are_compared_as_by_the_equality_of_slices() {
        arbtest::arbtest(|u| {
            let (guess, secret): (Vec<u8>, Vec<u8>) = (u.arbitrary()?, u.arbitrary()?);
            assert_eq!(is_same_secret(&guess, &secret), guess == secret);
            assert!(is_same_secret(&secret, &secret));
            Ok(())
        });
    }

    #[test]
    fn u23_there_are_two_protocols() {
        assert_eq!(protocol(2), Ok(Protocol::Resp2));
        assert_eq!(protocol(3), Ok(Protocol::Resp3));
        for version in [-1, 0, 1, 4] {
            assert_eq!(protocol(version), Err(UNSUPPORTED_PROTOCOL));
        }
    }
}
