//! Pub/sub: SUBSCRIBE, PSUBSCRIBE, SSUBSCRIBE name [name ...]; UNSUBSCRIBE, PUNSUBSCRIBE,
//! SUNSUBSCRIBE [name ...]; PUBLISH, SPUBLISH channel message; PUBSUB CHANNELS | NUMSUB | NUMPAT |
//! SHARDCHANNELS | SHARDNUMSUB.
//!
//! Sharded channels are names of their own, for a cluster to spread; here they differ from others
//! in that patterns do not see them, and that they are counted apart.

use super::Request;
use super::context::{Call, CommandResult, Context};
use super::error_reply::{self, ErrorReply};
use crate::client::ClientId;
use crate::membership::Membership;
use crate::pubsub::PubSub;
use crate::text::glob::{self, Case};
use std::rc::Rc;

/// Redis has it that a transaction may subscribe to anything but this.
const NOT_IN_TRANSACTION: ErrorReply =
    ErrorReply::fixed("ERR SSUBSCRIBE isn't allowed for a DENY BLOCKING client");

/// What is subscribed to: everything else about subscribing is the same.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Kind {
    Channel,
    Pattern,
    ShardChannel,
}

impl Kind {
    fn relation<'a>(self, ctx: &'a mut Context<'_>) -> &'a mut Membership {
        match self {
            Self::Channel => &mut ctx.pubsub.channels,
            Self::Pattern => &mut ctx.pubsub.patterns,
            Self::ShardChannel => &mut ctx.pubsub.shard_channels,
        }
    }

    /// The number in every answer: channels and patterns together, sharded channels apart.
    fn count_in_reply(self, ctx: &Context<'_>) -> usize {
        match self {
            Self::Channel | Self::Pattern => ctx.pubsub.channels_and_patterns_of(ctx.id),
            Self::ShardChannel => ctx.pubsub.shard_channels.names_of(ctx.id),
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

/// SSUBSCRIBE shardchannel [shardchannel ...]
pub fn ssubscribe(ctx: &mut Context<'_>, request: Request<'_>) -> CommandResult {
    if ctx.call == Call::Transaction {
        return Err(NOT_IN_TRANSACTION);
    }
    join(ctx, request, Kind::ShardChannel)
}

/// SUNSUBSCRIBE [shardchannel ...]
pub fn sunsubscribe(ctx: &mut Context<'_>, request: Request<'_>) -> CommandResult {
    leave(ctx, request, Kind::ShardChannel)
}

fn join(ctx: &mut Context<'_>, request: Request<'_>, kind: Kind) -> CommandResult {
    for name in request.iter().skip(1) {
        let id = ctx.id;
        kind.relation(ctx).join(name, id);
        confirm(ctx, kind, Some(name));
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
        confirm(ctx, kind, Some(name));
    }
    if names.is_empty() {
        confirm(ctx, kind, None);
    }
    Ok(())
}

/// One frame per name: what was done, the name, how many subscriptions there are now. What was done
/// is called like the command.
fn confirm(ctx: &mut Context<'_>, kind: Kind, name: Option<&[u8]>) {
    ctx.client_mut().subscriptions = ctx.pubsub.subscriptions_of(ctx.id);
    let number = kind.count_in_reply(ctx);
    ctx.is_push = true;
    ctx.reply.push(3);
    ctx.reply.bulk(ctx.command.name.as_bytes());
    match name {
        Some(name) => ctx.reply.bulk(name),
        None => ctx.reply.null(),
    }
    ctx.reply.integer(count(number));
}

/// Ends every subscription of a client without a word: RESET, or CLIENT KILL, whose victim hears
/// nothing any more and shall not be counted.
pub fn forget_subscriptions(ctx: &mut Context<'_>, client: ClientId) {
    ctx.pubsub.leave(client);
    ctx.clients.get_mut(client).subscriptions = 0;
}

/// PUBLISH channel message
pub fn publish(ctx: &mut Context<'_>, request: Request<'_>) -> CommandResult {
    let receivers = match ctx.pubsub.has_listeners() {
        true => ctx.audience().publish(request.at(1), request.argument(2)),
        false => 0,
    };
    ctx.reply.integer(count(receivers));
    Ok(())
}

/// SPUBLISH shardchannel message
pub fn spublish(ctx: &mut Context<'_>, request: Request<'_>) -> CommandResult {
    let receivers = ctx.audience().publish_sharded(request.at(1), request.argument(2));
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
