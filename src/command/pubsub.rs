//! Pub/sub: SUBSCRIBE UNSUBSCRIBE PSUBSCRIBE PUNSUBSCRIBE, PUBLISH channel message, PUBSUB
//! CHANNELS | NUMSUB | NUMPAT | SHARDCHANNELS | SHARDNUMSUB.

use super::context::{CommandResult, Context};
use super::{Request, error_reply};
use crate::membership::Membership;
use crate::pubsub::PubSub;
use crate::text::glob::{self, Case};
use std::rc::Rc;

/// Exact names, or patterns: everything else about subscribing is the same.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Kind {
    Channel,
    Pattern,
}

impl Kind {
    const fn subscribed(self) -> &'static [u8] {
        match self {
            Self::Channel => b"subscribe",
            Self::Pattern => b"psubscribe",
        }
    }

    const fn unsubscribed(self) -> &'static [u8] {
        match self {
            Self::Channel => b"unsubscribe",
            Self::Pattern => b"punsubscribe",
        }
    }

    fn relation<'a>(self, ctx: &'a mut Context<'_>) -> &'a mut Membership {
        match self {
            Self::Channel => &mut ctx.pubsub.channels,
            Self::Pattern => &mut ctx.pubsub.patterns,
        }
    }
}

/// SUBSCRIBE channel [channel ...]
pub fn subscribe(ctx: &mut Context<'_>, request: Request<'_>) -> CommandResult {
    join(ctx, request, Kind::Channel)
}

/// UNSUBSCRIBE [channel ...]
pub fn unsubscribe(ctx: &mut Context<'_>, request: Request<'_>) -> CommandResult {
    leave(ctx, request, Kind::Channel)
}

/// PSUBSCRIBE pattern [pattern ...]
pub fn psubscribe(ctx: &mut Context<'_>, request: Request<'_>) -> CommandResult {
    join(ctx, request, Kind::Pattern)
}

/// PUNSUBSCRIBE [pattern ...]
pub fn punsubscribe(ctx: &mut Context<'_>, request: Request<'_>) -> CommandResult {
    leave(ctx, request, Kind::Pattern)
}

fn join(ctx: &mut Context<'_>, request: Request<'_>, kind: Kind) -> CommandResult {
    for name in request.iter().skip(1) {
        let id = ctx.id;
        kind.relation(ctx).join(name, id);
        confirm(ctx, kind.subscribed(), Some(name));
    }
    Ok(())
}

fn leave(ctx: &mut Context<'_>, request: Request<'_>, kind: Kind) -> CommandResult {
    let id = ctx.id;
    let names: Vec<Rc<[u8]>> = match request.len() {
        1 => kind.relation(ctx).names(id).cloned().collect(),
        _ => request.iter().skip(1).map(Rc::from).collect(),
    };
    for name in &names {
        kind.relation(ctx).leave(name, id);
        confirm(ctx, kind.unsubscribed(), Some(name));
    }
    if names.is_empty() {
        confirm(ctx, kind.unsubscribed(), None);
    }
    Ok(())
}

/// One frame per name: what was done, the name, how many subscriptions there are now.
fn confirm(ctx: &mut Context<'_>, what: &[u8], name: Option<&[u8]>) {
    let subscriptions = ctx.pubsub.subscriptions_of(ctx.id);
    ctx.client().subscriptions = subscriptions;
    ctx.is_push = true;
    ctx.reply.push(3);
    ctx.reply.bulk(what);
    match name {
        Some(name) => ctx.reply.bulk(name),
        None => ctx.reply.null(),
    }
    ctx.reply.integer(count(subscriptions));
}

/// Ends every subscription without a word (RESET).
pub fn forget_subscriptions(ctx: &mut Context<'_>) {
    ctx.pubsub.leave(ctx.id);
    ctx.client().subscriptions = 0;
}

/// PUBLISH channel message
pub fn publish(ctx: &mut Context<'_>, request: Request<'_>) -> CommandResult {
    let receivers = ctx.audience().publish(request.at(1), request.at(2));
    ctx.reply.integer(count(receivers));
    Ok(())
}

/// PUBSUB CHANNELS [pattern]
pub fn pubsub_channels(ctx: &mut Context<'_>, request: Request<'_>) -> CommandResult {
    write_names(ctx, request, |pubsub| &pubsub.channels)
}

/// PUBSUB SHARDCHANNELS [pattern]
pub fn pubsub_shardchannels(ctx: &mut Context<'_>, request: Request<'_>) -> CommandResult {
    write_names(ctx, request, |pubsub| &pubsub.shard_channels)
}

fn write_names(
    ctx: &mut Context<'_>,
    request: Request<'_>,
    relation: fn(&PubSub) -> &Membership,
) -> CommandResult {
    let pattern = match (request.len(), request.get(2)) {
        (0..=3, pattern) => pattern,
        _ => return Err(error_reply::wrong_subcommand_syntax(request.at(1), "PUBSUB")),
    };
    let is_wanted =
        |name: &[u8]| pattern.is_none_or(|pattern| glob::matches(pattern, name, Case::Sensitive));
    let all = relation(ctx.pubsub).all_names();
    let names: Vec<&Rc<[u8]>> = all.filter(|name| is_wanted(name)).collect();
    ctx.reply.array(names.len());
    for name in names {
        ctx.reply.bulk(name);
    }
    Ok(())
}

/// PUBSUB NUMSUB [channel ...]
pub fn pubsub_numsub(ctx: &mut Context<'_>, request: Request<'_>) -> CommandResult {
    write_counts(ctx, request, |pubsub| &pubsub.channels)
}

/// PUBSUB SHARDNUMSUB [channel ...]
pub fn pubsub_shardnumsub(ctx: &mut Context<'_>, request: Request<'_>) -> CommandResult {
    write_counts(ctx, request, |pubsub| &pubsub.shard_channels)
}

fn write_counts(
    ctx: &mut Context<'_>,
    request: Request<'_>,
    relation: fn(&PubSub) -> &Membership,
) -> CommandResult {
    ctx.reply.array((request.len() - 2) * 2);
    for channel in request.iter().skip(2) {
        ctx.reply.bulk(channel);
        ctx.reply.integer(count(relation(ctx.pubsub).members_of(channel)));
    }
    Ok(())
}

/// PUBSUB NUMPAT
pub fn pubsub_numpat(ctx: &mut Context<'_>, _: Request<'_>) -> CommandResult {
    ctx.reply.integer(count(ctx.pubsub.patterns.name_count()));
    Ok(())
}

/// A number of subscribers as a reply.
fn count(number: usize) -> i64 {
    i64::try_from(number).expect("no more subscribers than descriptors times names")
}
