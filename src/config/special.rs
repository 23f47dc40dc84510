//! The kinds with a grammar of their own: lists of words, letters, host names. Siblings of
//! [`super::value`], with the same contract: words in, a [`Value`] or Redis's reason out.
use super::value::{
    Kind, OutputLimit, OutputLimits, Reason, Value, WRONG_NUMBER, not_a_choice, parse_choice,
};
use crate::limits::BIND_ADDRESSES_MAX;
use crate::text::float;
use crate::text::number::{parse_i64, parse_memory_bytes};

const SHUTDOWN_FLAGS: &[&str] = &["default", "save", "nosave", "now", "force"];
const BUFFER_CLASSES: &str = "Invalid client class specified in buffer limit configuration.";
const BUFFER_COUNT: &str = "Wrong number of arguments in buffer limit configuration.";
const BUFFER_LIMIT: &str =
    "Error in hard, soft or soft_seconds setting in buffer limit configuration.";
const SAVE_POINTS: &str = "Invalid save parameters";
const OOM_SCORES: &str = "Invalid oom-score-adj-values, elements must be between -2000 and 2000.";
const PERCENTILE: &str = "Invalid latency-tracking-info-percentiles parameters";
const PERCENTILE_RANGE: &str =
    "latency-tracking-info-percentiles parameters should sit between [0.0,100.0]";

/// Dispatches the kinds that take several words.
pub(super) fn parse_words(
    kind: Kind,
    words: &[&[u8]],
    current: Option<&Value>,
) -> Result<Value, Reason> {
    match kind {
        Kind::ShutdownFlags => parse_shutdown_flags(words),
        Kind::Addresses => parse_addresses(words),
        Kind::OutputLimits => parse_output_limits(words, current),
        Kind::SavePoints => parse_save_points(words),
        Kind::OomScores => parse_oom_scores(words),
        Kind::Percentiles => parse_percentiles(words),
        Kind::ReplicaOf => parse_replica_of(words),
        single => unreachable!("{single:?} takes one word"),
    }
}

fn owned(words: &[&[u8]]) -> Value {
    Value::Words(words.iter().map(|word| word.to_vec()).collect())
}

/// Shown in the table's order whatever the order given; `default` beside another word is nothing.
fn parse_shutdown_flags(words: &[&[u8]]) -> Result<Value, Reason> {
    let mut given = Vec::new();
    for word in words {
        given.push(parse_choice(word, SHUTDOWN_FLAGS)?);
    }
    if given.is_empty() {
        return Err(not_a_choice(SHUTDOWN_FLAGS));
    }
    if given.contains(&"save") && given.contains(&"nosave") {
        return Err("shutdown options SAVE and NOSAVE can't be used simultaneously".into());
    }
    let mut shown: Vec<_> = SHUTDOWN_FLAGS.iter().filter(|flag| given.contains(flag)).collect();
    if shown.len() > 1 {
        shown.retain(|flag| **flag != "default");
    }
    Ok(Value::Words(shown.iter().map(|flag| flag.as_bytes().to_vec()).collect()))
}

fn parse_addresses(words: &[&[u8]]) -> Result<Value, Reason> {
    if words.len() > BIND_ADDRESSES_MAX {
        return Err("Too many bind addresses specified.".into());
    }
    if !words.iter().all(|word| word.is_ascii()) {
        return Err("bind addresses are written in ASCII".into());
    }
    Ok(Value::Words(words.iter().filter(|w| !w.is_empty()).map(|w| w.to_vec()).collect()))
}

fn parse_output_limits(words: &[&[u8]], current: Option<&Value>) -> Result<Value, Reason> {
    let mut limits = match current {
        Some(Value::OutputLimits(limits)) => *limits,
        _ => OutputLimits::default(),
    };
    if !words.len().is_multiple_of(4) {
        return Err(BUFFER_COUNT.into());
    }
    for row in words.chunks_exact(4) {
        *class_of(row[0], &mut limits).ok_or(BUFFER_CLASSES)? =
            parse_output_limit(&row[1..]).ok_or(BUFFER_LIMIT)?;
    }
    Ok(Value::OutputLimits(limits))
}

fn class_of<'a>(word: &[u8], limits: &'a mut OutputLimits) -> Option<&'a mut OutputLimit> {
    match word.to_ascii_lowercase().as_slice() {
        b"normal" => Some(&mut limits.normal),
        b"slave" | b"replica" => Some(&mut limits.replica),
        b"pubsub" => Some(&mut limits.pubsub),
        _ => None,
    }
}

fn parse_output_limit(words: &[&[u8]]) -> Option<OutputLimit> {
    let soft_seconds = parse_i64(words[2]).filter(|seconds| *seconds <= i64::from(i32::MAX))?;
    Some(OutputLimit {
        hard_bytes: parse_memory_bytes(words[0])?,
        soft_bytes: parse_memory_bytes(words[1])?,
        soft_seconds: u32::try_from(soft_seconds).ok()?,
    })
}

fn parse_save_points(words: &[&[u8]]) -> Result<Value, Reason> {
    let whole = words.len().is_multiple_of(2);
    let sound = |pair: &[&[u8]]| {
        let limit = i64::from(i32::MAX);
        matches!(parse_i64(pair[0]), Some(seconds) if (1..=limit).contains(&seconds))
            && matches!(parse_i64(pair[1]), Some(changes) if (0..=limit).contains(&changes))
    };
    if whole && words.chunks_exact(2).all(sound) {
        return Ok(owned(words));
    }
    Err(SAVE_POINTS.into())
}

fn parse_oom_scores(words: &[&[u8]]) -> Result<Value, Reason> {
    if words.len() != 3 {
        return Err(WRONG_NUMBER.into());
    }
    let sound = |score: i64| (-2000..=2000).contains(&score);
    if words.iter().all(|word| parse_i64(word).is_some_and(sound)) {
        return Ok(owned(words));
    }
    Err(OOM_SCORES.into())
}

fn parse_percentiles(words: &[&[u8]]) -> Result<Value, Reason> {
    let mut shown = Vec::new();
    for word in words {
        let number = float::parse_f64(word).ok_or(PERCENTILE)?;
        if !(0.0..=100.0).contains(&number) {
            return Err(PERCENTILE_RANGE.into());
        }
        shown.push(percentile(number).into_bytes());
    }
    Ok(Value::Words(shown))
}

/// As CONFIG GET and INFO show it: six digits behind the point, without zeros at their end.
fn percentile(number: f64) -> String {
    let text = format!("{number:.6}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn parse_replica_of(words: &[&[u8]]) -> Result<Value, Reason> {
    let (host, port) = match words {
        [] => return Ok(Value::Words(Vec::new())),
        [host, port] => (host, port),
        _ => return Err(WRONG_NUMBER.into()),
    };
    if host.eq_ignore_ascii_case(b"no") && port.eq_ignore_ascii_case(b"one") {
        return Ok(Value::Words(Vec::new()));
    }
    match parse_i64(port) {
        Some(0..=65535) => Ok(owned(words)),
        _ => Err("Invalid master port".into()),
    }
}

/// A host name to announce.
pub(super) fn parse_hostname(word: &[u8]) -> Result<Value, Reason> {
    if word.len() >= 256 {
        return Err("Hostnames must be less than 256 characters".into());
    }
    let allowed = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.');
    if !word.iter().all(allowed) {
        let reason = "Hostnames may only contain alphanumeric characters, hyphens or dots";
        return Err(reason.into());
    }
    Ok(Value::Text(word.to_vec()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn show(kind: Kind, text: &str) -> String {
        let current = Value::OutputLimits(OutputLimits::default());
        match kind.parse(&[text.as_bytes()], Some(&current)) {
            Ok(value) => String::from_utf8(value.text()).expect("the tests write UTF-8"),
            Err(reason) => format!("- {reason}"),
        }
    }

    fn check(kind: Kind, rows: &[(&str, &str)]) {
        for (text, shown) in rows {
            assert_eq!(show(kind, text), *shown, "{kind:?} {text:?}");
        }
    }

    fn refused(kind: Kind, reason: &str, texts: &[&str]) {
        for text in texts {
            assert_eq!(show(kind, text), format!("- {reason}"), "{kind:?} {text:?}");
        }
    }

    #[test]
    fn shutdown_flags() {
        let list = "argument(s) must be one of the following: default, save, nosave, now, force";
        let kind = Kind::ShutdownFlags;
        check(kind, &[("DEFAULT", "default"), ("default default", "default")]);
        check(kind, &[("save default", "save"), ("nosave force now", "nosave now force")]);
        refused(kind, list, &["", "later", "now  force"]);
        let both = "shutdown options SAVE and NOSAVE can't be used simultaneously";
        refused(kind, both, &["save nosave"]);
    }

    #[test]
    fn addresses() {
        check(Kind::Addresses, &[("127.0.0.1 -::1", "127.0.0.1 -::1"), ("", ""), ("a  b", "a b")]);
        let many = "1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17";
        refused(Kind::Addresses, "Too many bind addresses specified.", &[many]);
    }

    #[test]
    fn output_limits_by_class() {
        let kind = Kind::OutputLimits;
        check(kind, &[("normal 1 2 3", "normal 1 2 3 slave 0 0 0 pubsub 0 0 0")]);
        check(kind, &[("SLAVE 1kb 2k 3", "normal 0 0 0 slave 1024 2000 3 pubsub 0 0 0")]);
        let twice = "normal 1 2 3 normal 4 5 6 replica 7 8 9";
        check(kind, &[(twice, "normal 4 5 6 slave 7 8 9 pubsub 0 0 0")]);
        check(kind, &[("", "normal 0 0 0 slave 0 0 0 pubsub 0 0 0")]);
    }

    #[test]
    fn output_limits_refused() {
        let kind = Kind::OutputLimits;
        refused(kind, BUFFER_COUNT, &["normal 1 2", "normal 1 2 3 pubsub 1 2", "zzz"]);
        refused(kind, BUFFER_CLASSES, &["foo 1 2 3", "master 1 2 3", "normal 1 2 3 foo 1 2 3"]);
        let bad = ["normal -1 0 0", "normal x 2 3", "normal 1 2 -3", "normal 0 0 2147483648"];
        refused(kind, BUFFER_LIMIT, &bad);
        refused(kind, BUFFER_LIMIT, &["normal 1 2 99999999999999", "normal 1.5gb 0 0"]);
    }

    #[test]
    fn save_points() {
        check(Kind::SavePoints, &[("60 1", "60 1"), ("60 1 300 10", "60 1 300 10"), ("", "")]);
        let bad = ["60", "0 1", "60 -1", "x 1", " 60  1 ", "60 1 x"];
        refused(Kind::SavePoints, SAVE_POINTS, &bad);
    }

    #[test]
    fn oom_scores() {
        check(Kind::OomScores, &[("3 2 1", "3 2 1"), ("-2000 0 2000", "-2000 0 2000")]);
        refused(Kind::OomScores, WRONG_NUMBER, &["1 2", "1 2 3 4", ""]);
        refused(Kind::OomScores, OOM_SCORES, &["1 2 3000", "x 2 3"]);
    }

    #[test]
    fn percentiles() {
        check(Kind::Percentiles, &[("50 99.9 100.0", "50 99.9 100"), ("", ""), ("50 50", "50 50")]);
        check(Kind::Percentiles, &[("99.123456789 .5 5. 1e1 0x10", "99.123457 0.5 5 10 16")]);
        refused(Kind::Percentiles, PERCENTILE, &["x", "50  60", "nan", "-nan", "1e5000"]);
        refused(Kind::Percentiles, PERCENTILE_RANGE, &["-1", "100.1", "inf"]);
    }

    #[test]
    fn replica_of() {
        check(Kind::ReplicaOf, &[("localhost 6379", "localhost 6379"), ("NO one", ""), ("", "")]);
        refused(Kind::ReplicaOf, WRONG_NUMBER, &["localhost", "a 1 2"]);
        refused(Kind::ReplicaOf, "Invalid master port", &["localhost 99999", "localhost x"]);
    }

    #[test]
    fn hostname() {
        check(Kind::Hostname, &[("a-b.example", "a-b.example"), ("", "")]);
        let reason = "Hostnames may only contain alphanumeric characters, hyphens or dots";
        refused(Kind::Hostname, reason, &["a b", "a/b"]);
        refused(
            Kind::Hostname,
            "Hostnames must be less than 256 characters",
            &["a".repeat(256).as_str()],
        );
    }
}
