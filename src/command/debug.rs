//! Tools for tests: DEBUG SLEEP seconds | SET-ACTIVE-EXPIRE 0 | 1 | HELP.
//!
//! Off unless the setting `enable-debug-command` allows it.

use super::Request;
use super::args::Arguments;
use super::context::{CommandResult, Context};
use super::error_reply::ErrorReply;
use super::server::place;
use crate::text::{float, number};

const NOT_ALLOWED: ErrorReply = ErrorReply::fixed(
    "ERR DEBUG command not allowed. If the enable-debug-command option is set to \"local\", you \
     can run it from a local connection, otherwise you need to set this option in the \
     configuration file, and then restart the server.",
);

const HELP: [&str; 7] = [
    "DEBUG <subcommand> [<arg> [value] [opt] ...]. Subcommands are:",
    "SET-ACTIVE-EXPIRE <0|1>",
    "    With 0, keys whose time is over go only when somebody asks for them. With 1, at once.",
    "SLEEP <seconds>",
    "    The whole server stands still for so long. Fractions are allowed.",
    "HELP",
    "    Print this help.",
];

/// DEBUG SLEEP seconds | SET-ACTIVE-EXPIRE 0 | 1 | HELP
pub fn debug(ctx: &mut Context<'_>, request: Request<'_>) -> CommandResult {
    let place = place(ctx);
    if !ctx.config.settings().debug_command.allows(place) {
        return Err(NOT_ALLOWED);
    }
    match request.len() {
        2 if request.is(1, "HELP") => write_help(ctx),
        3 if request.is(1, "SLEEP") => {
            ctx.effects.sleep_us = sleep_us(request.at(2));
            ctx.reply.ok();
        }
        3 if request.is(1, "SET-ACTIVE-EXPIRE") => {
            *ctx.active_expire = number::parse_i64(request.at(2)).is_some_and(|value| value != 0);
            ctx.reply.ok();
        }
        _ => {
            let start = b"ERR unknown subcommand or wrong number of arguments for '";
            return Err(ErrorReply::quoting(&[start, request.at(1), b"'. Try DEBUG HELP."]));
        }
    }
    Ok(())
}

fn write_help(ctx: &mut Context<'_>) {
    ctx.reply.array(HELP.len());
    for line in HELP {
        ctx.reply.simple(line);
    }
}

/// As long as the words say; what is no number is no time.
fn sleep_us(seconds: &[u8]) -> u64 {
    // The conversion saturates at both ends.
    float::parse_f64(seconds).map_or(0, |seconds| (seconds * 1e6) as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_have_fractions_and_what_is_none_is_none() {
        assert_eq!(sleep_us(b"0.05"), 50_000);
        assert_eq!(sleep_us(b"2"), 2_000_000);
        for nothing in [&b"0"[..], b"abc", b"-1", b"", b"nan"] {
            assert_eq!(sleep_us(nothing), 0);
        }
        assert_eq!(sleep_us(b"inf"), u64::MAX);
    }
}
