//! The parser against a twin that sees the whole input at once, and against the rows of hostile
//! input. Each input is fed whole, byte by byte and in random pieces; how it was cut must not show.

use super::*;
use crate::limits::INPUT_BULK_BYTES_FIRST;
use crate::resp::Request;
use arbtest::arbitrary::{Result as Drawn, Unstructured};

type Words = Vec<Vec<u8>>;

/// All requests found, and how it ended.
#[derive(PartialEq, Eq, Debug)]
struct Outcome {
    requests: Vec<Words>,
    error: Option<ProtocolError>,
}

const LIMITS: ParserLimits = ParserLimits { bulk_bytes_max: 512 << 20, authenticated: true };
const STRANGER: ParserLimits = ParserLimits { authenticated: false, ..LIMITS };

/// Feeds `pieces` one after the other, as reads from a socket would bring them.
fn feed<'a>(pieces: impl Iterator<Item = &'a [u8]>, limits: &ParserLimits) -> Outcome {
    let mut parser = Parser::default();
    let mut outcome = Outcome { requests: Vec::new(), error: None };
    let mut unread: Vec<u8> = Vec::new();
    for mut piece in pieces {
        while !piece.is_empty() {
            piece = receive(&mut parser, &mut unread, piece);
            if let Err(error) = drain(&mut parser, &mut unread, limits, &mut outcome.requests) {
                outcome.error = Some(error);
                return outcome;
            }
            assert_eq!(parser.is_idle(), unread.is_empty());
        }
    }
    outcome
}

/// Takes bytes off a piece to where they belong, and returns the rest of it.
fn receive<'a>(parser: &mut Parser, unread: &mut Vec<u8>, piece: &'a [u8]) -> &'a [u8] {
    let Some((bytes, room)) = parser.room() else {
        unread.extend_from_slice(piece);
        return &[];
    };
    let (taken, rest) = piece.split_at(room.min(piece.len()));
    bytes.extend_from_slice(taken);
    rest
}

fn drain(
    parser: &mut Parser,
    unread: &mut Vec<u8>,
    limits: &ParserLimits,
    requests: &mut Vec<Words>,
) -> Result<(), ProtocolError> {
    // What other clients have put there must stay.
    let mut spans = vec![Span::new(7, 7)];
    let mut bulks = vec![SharedBytes::new(b"another's".to_vec())];
    loop {
        spans.truncate(1);
        bulks.truncate(1);
        let consumed = match parser.next(unread, &mut spans, &mut bulks, limits) {
            Ok(Parsed::Request { consumed }) => {
                let request = Request::new(unread, &spans[1..], &bulks);
                requests.push(request.iter().map(<[u8]>::to_vec).collect());
                assert!(!request.is_empty());
                consumed
            }
            Ok(Parsed::Empty { consumed }) => consumed,
            Ok(Parsed::Incomplete { taken }) => {
                assert_eq!(spans, [Span::new(7, 7)]);
                unread.truncate(unread.len() - taken);
                return Ok(());
            }
            Err(error) => {
                assert_eq!(spans, [Span::new(7, 7)]);
                return Err(error);
            }
        };
        assert!(consumed > 0 && consumed <= unread.len());
        unread.drain(..consumed);
    }
}

fn feed_whole(input: &[u8], limits: &ParserLimits) -> Outcome {
    feed(std::iter::once(input), limits)
}

fn feed_bytes(input: &[u8], limits: &ParserLimits) -> Outcome {
    feed(input.chunks(1), limits)
}

/// The twin: the grammar written down once more, always from the start of the request.
fn naive(mut input: &[u8], limits: &ParserLimits) -> Outcome {
    let mut requests = Vec::new();
    loop {
        let parsed = match input.first() {
            None => return Outcome { requests, error: None },
            Some(b'*') => naive_multibulk(input, limits),
            Some(_) => naive_inline(input),
        };
        match parsed {
            Err(error) => return Outcome { requests, error: Some(error) },
            Ok(None) => return Outcome { requests, error: None },
            Ok(Some((words, consumed))) => {
                requests.extend((!words.is_empty()).then_some(words));
                input = &input[consumed..];
            }
        }
    }
}

type Naive<T> = Result<Option<(T, usize)>, ProtocolError>;

fn naive_multibulk(input: &[u8], limits: &ParserLimits) -> Naive<Words> {
    use ProtocolError::*;
    let Some((count, mut at)) = naive_line(input, [CountTooBig, CountLineEnd, CountInvalid])?
    else {
        return Ok(None);
    };
    if count > i64::from(i32::MAX) {
        return Err(CountInvalid);
    }
    if count > 10 && !limits.authenticated {
        return Err(CountUnauthenticated);
    }
    let mut words = Words::new();
    while (words.len() as i64) < count {
        let rest = &input[at..];
        match rest.first() {
            None => return Ok(None),
            Some(b'$') => {}
            Some(&byte) => return Err(DollarExpected(byte)),
        }
        let Some((len, used)) = naive_line(rest, [BulkTooBig, BulkLineEnd, BulkInvalid])? else {
            return Ok(None);
        };
        if len < 0 || len > limits.bulk_bytes_max as i64 {
            return Err(BulkInvalid);
        }
        if len > 16_384 && !limits.authenticated {
            return Err(BulkUnauthenticated);
        }
        let body = &rest[used..];
        let len = len as usize;
        match (body.get(len), body.get(len + 1)) {
            (Some(b'\r'), Some(b'\n')) => {}
            (None, _) | (Some(b'\r'), None) => return Ok(None),
            _ => return Err(BodyEnd),
        }
        words.push(body[..len].to_vec());
        at += used + len + 2;
    }
    Ok(Some((words, at)))
}

/// `errors`: too long, wrong line end, not a number.
fn naive_line(input: &[u8], errors: [ProtocolError; 3]) -> Naive<i64> {
    for (index, &byte) in input.iter().enumerate() {
        if byte == b'\r' && index + 1 == input.len() && index <= 65_536 {
            return Ok(None);
        }
        if index > 65_536 {
            return Err(errors[0]);
        }
        if byte == b'\n' || (byte == b'\r' && input[index + 1] != b'\n') {
            return Err(errors[1]);
        }
        if byte == b'\r' {
            let text = String::from_utf8_lossy(&input[1..index]);
            let number: i64 = text.parse().map_err(|_| errors[2])?;
            let canonical = number.to_string() == text;
            return if canonical { Ok(Some((number, index + 2))) } else { Err(errors[2]) };
        }
    }
    if input.len() > 65_536 { Err(errors[0]) } else { Ok(None) }
}

fn naive_inline(input: &[u8]) -> Naive<Words> {
    let Some(line_end) = input.iter().take(65_537).position(|&byte| byte == b'\n') else {
        return if input.len() > 65_536 { Err(ProtocolError::InlineTooBig) } else { Ok(None) };
    };
    let line = &input[..line_end];
    let mut line = line.strip_suffix(b"\r").unwrap_or(line).to_vec();
    let mut spans = Vec::new();
    inline::split(&mut line, &mut spans)?;
    let words = Request::new(&line, &spans, &[]).iter().map(<[u8]>::to_vec).collect();
    Ok(Some((words, line_end + 1)))
}

fn check(input: &[u8], limits: &ParserLimits, requests: &[&[&[u8]]], error: Option<ProtocolError>) {
    let requests = requests.iter().map(|words| words.iter().map(|word| word.to_vec()).collect());
    let expected = Outcome { requests: requests.collect(), error };
    let shown = String::from_utf8_lossy(&input[..input.len().min(60)]).into_owned();
    assert_eq!(feed_whole(input, limits), expected, "whole: {shown:?}");
    assert_eq!(feed_bytes(input, limits), expected, "byte by byte: {shown:?}");
    assert_eq!(naive(input, limits), expected, "the twin: {shown:?}");
}

fn accepts(input: &[u8], requests: &[&[&[u8]]]) {
    check(input, &LIMITS, requests, None);
}

fn refuses(input: &[u8], error: ProtocolError) {
    check(input, &LIMITS, &[], Some(error));
}

fn long(head: &[u8], fill: u8, count: usize) -> Vec<u8> {
    [head, &vec![fill; count]].concat()
}

#[test]
fn p01_to_p05_blank_lines_and_bare_line_feeds() {
    for input in ["\r\nPING\r\n", "\r\n\r\n\n\nPING\r\n", "   \r\nPING\r\n", "PING\n"] {
        accepts(input.as_bytes(), &[&[b"PING"]]);
    }
    accepts(b"PING\r", &[]);
}

#[test]
fn p07_to_p09_quotes() {
    accepts(b"set k 'a\\'b'\r\nget k\r\n", &[&[b"set", b"k", b"a'b"], &[b"get", b"k"]]);
    refuses(b"set \"a b\r\nPING\r\n", ProtocolError::QuotesUnbalanced);
    refuses(b"set \"a\"b c\r\n", ProtocolError::QuotesUnbalanced);
}

#[test]
fn p10_a_nul_in_a_line_is_data() {
    accepts(b"PI\0NG\r\nPING\r\n", &[&[b"PI\0NG"], &[b"PING"]]);
}

#[test]
fn p12_to_p16_a_line_ends_within_the_limit() {
    accepts(&long(b"", b'A', 65_536), &[]);
    refuses(&long(b"", b'A', 65_537), ProtocolError::InlineTooBig);
    refuses(&long(b"\0", b'A', 70_000), ProtocolError::InlineTooBig);
    refuses(&long(b"$\0", b'A', 70_000), ProtocolError::InlineTooBig);
    let longest = [long(b"", b'A', 65_535), b"\r\n".to_vec()].concat();
    accepts(&longest, &[&[&longest[..65_535]]]);
    // Whether the line end has arrived makes no difference.
    refuses(&[long(b"", b'A', 65_537), b"\n".to_vec()].concat(), ProtocolError::InlineTooBig);
}

#[test]
fn p17_a_pipeline() {
    accepts(&b"*1\r\n$4\r\nPING\r\n".repeat(3), &[&[b"PING"], &[b"PING"], &[b"PING"]]);
}

#[test]
fn p18_to_p25_empty_requests_are_dropped() {
    accepts(b"*0\r\nPING\r\n", &[&[b"PING"]]);
    accepts(b"*-1\r\nPING\r\n*1\r\n$4\r\nPING\r\n", &[&[b"PING"], &[b"PING"]]);
    accepts(b"*-10\r\nPING\r\n", &[&[b"PING"]]);
    accepts(b"*-9223372036854775808\r\nPING\r\n", &[&[b"PING"]]);
    accepts(b"*0\r\n$4\r\nPING\r\n", &[&[b"$4"], &[b"PING"]]);
    accepts(b"\r\n*1\r\n$4\r\nPING\r\n", &[&[b"PING"]]);
    accepts(b"*0\r\nPING\r\n*1\r\n$4\r\nPING\r\n", &[&[b"PING"], &[b"PING"]]);
}

#[test]
fn p26_to_p37_the_count_is_a_strict_number() {
    refuses(b"*1048577\r\nPING\r\n", ProtocolError::DollarExpected(b'P'));
    accepts(b"*2147483647\r\n", &[]);
    let counts =
        ["2147483648", "99999999999999999999", "abc", "", "01", "1.0", "-0", "+1", " 1", "00"];
    for count in counts {
        refuses(format!("*{count}\r\n$4\r\nPING\r\n").as_bytes(), ProtocolError::CountInvalid);
    }
}

#[test]
fn p38_p39_the_count_ends_in_crlf() {
    refuses(b"*1\n$4\nPING\n", ProtocolError::CountLineEnd);
    refuses(b"*1\rX$4\r\nPING\r\n", ProtocolError::CountLineEnd);
    refuses(b"*1\r\n$4\nPING\r\n", ProtocolError::BulkLineEnd);
    refuses(b"*1\r\n$4\rXPING\r\n", ProtocolError::BulkLineEnd);
}

#[test]
fn p40_to_p42_the_count_line_is_bounded() {
    refuses(&long(b"*", b'1', 65_537), ProtocolError::CountTooBig);
    refuses(&long(b"*", b'1', 65_536), ProtocolError::CountTooBig);
    accepts(&long(b"*", b'1', 65_535), &[]);
    refuses(&long(b"*\0", b'A', 70_000), ProtocolError::CountTooBig);
    let zeros = [long(b"*", b'0', 1000), b"1\r\n".to_vec()].concat();
    refuses(&zeros, ProtocolError::CountInvalid);
}

#[test]
fn p44_to_p47_only_bulks_are_arguments() {
    refuses(b"*1\r\nfoo\r\n", ProtocolError::DollarExpected(b'f'));
    refuses(b"*1\r\n\0\r\n", ProtocolError::DollarExpected(0));
    refuses(b"*1\r\n\xff3\r\n", ProtocolError::DollarExpected(0xff));
    refuses(b"*1\r\n*1\r\n$4\r\nPING\r\n", ProtocolError::DollarExpected(b'*'));
    refuses(b"*1\r\n\r\n", ProtocolError::DollarExpected(b'\r'));
    refuses(b"*1\r\n:\r\nPING\r\nPING\r\nPING\r\n", ProtocolError::DollarExpected(b':'));
}

#[test]
fn p48_to_p56_the_bulk_length_is_a_strict_number() {
    let lengths = [
        "-1",
        "-10",
        "536870913",
        "2000000000",
        "18446744073709551615",
        "9223372036854775807",
        "blabla",
        "",
        "+1",
        "01",
        "-0",
        "00",
    ];
    for length in lengths {
        let input = format!("*2\r\n$4\r\nECHO\r\n${length}\r\na\r\n");
        refuses(input.as_bytes(), ProtocolError::BulkInvalid);
    }
    accepts(b"*2\r\n$4\r\nECHO\r\n$536870912\r\n", &[]);
}

#[test]
fn p59_p60_a_bulk_holds_any_bytes() {
    accepts(b"*1\r\n$0\r\n\r\nPING\r\n", &[&[b""], &[b"PING"]]);
    accepts(b"*2\r\n$4\r\nECHO\r\n$6\r\n\r\n\0\xff\r\n\r\n", &[&[b"ECHO", b"\r\n\0\xff\r\n"]]);
}

#[test]
fn p61_p62_a_bulk_is_followed_by_crlf() {
    refuses(b"*2\r\n$4\r\nECHO\r\n$3\r\nabcXXPING\r\n", ProtocolError::BodyEnd);
    refuses(b"*2\r\n$4\r\nECHO\r\n$1\r\nabcdef\r\nPING\r\n", ProtocolError::BodyEnd);
    refuses(b"*1\r\n$1\r\na\n\r", ProtocolError::BodyEnd);
    refuses(b"*1\r\n$1\r\na\r\r", ProtocolError::BodyEnd);
}

#[test]
fn p63_p64_the_bulk_line_is_bounded() {
    refuses(&long(b"*1\r\n$", b'1', 65_537), ProtocolError::BulkTooBig);
    refuses(&long(b"*1\r\n$\0", b'A', 70_000), ProtocolError::BulkTooBig);
}

#[test]
fn p67_to_p77_foreign_protocols_are_inline_lines() {
    accepts(b"Host: localhost\r\n", &[&[b"Host:", b"localhost"]]);
    accepts(b"SSH-2.0-OpenSSH_9.2\r\n", &[&[b"SSH-2.0-OpenSSH_9.2"]]);
    accepts(b"\x16\x03\x01\x02\0\x01", &[]);
    accepts(b"$4\r\nPING\r\n", &[&[b"$4"], &[b"PING"]]);
    accepts(b"*2\r\n$5\r\nFO\r\nO\r\n$6\r\na\r\n+OK\r\n", &[&[b"FO\r\nO", b"a\r\n+OK"]]);
}

#[test]
fn p79_to_p81_any_cut_is_the_same_request() {
    let input = b"*4\r\n$4\r\nPING\r\n$1\r\nx\r\n$0\r\n\r\n$11\r\nhello\r\nwold\r\nset 'a b' c\r\n";
    let expected = feed_whole(input, &LIMITS);
    assert_eq!(expected.requests.len(), 2);
    for cut in 0..=input.len() {
        let (head, tail) = input.split_at(cut);
        assert_eq!(feed([head, tail].into_iter(), &LIMITS), expected, "cut at {cut}");
    }
    assert_eq!(feed_bytes(input, &LIMITS), expected);
}

#[test]
fn a15_a16_a_stranger_sends_few_arguments() {
    let ten = [b"*10\r\n".to_vec(), b"$1\r\nx\r\n".repeat(10)].concat();
    check(&ten, &STRANGER, &[&[&b"x"[..]; 10]], None);
    check(b"*11\r\n", &STRANGER, &[], Some(ProtocolError::CountUnauthenticated));
    accepts(b"*11\r\n", &[]);
}

#[test]
fn a_stranger_sends_short_arguments() {
    check(b"*1\r\n$16384\r\n", &STRANGER, &[], None);
    check(b"*1\r\n$16385\r\n", &STRANGER, &[], Some(ProtocolError::BulkUnauthenticated));
    accepts(b"*1\r\n$16385\r\n", &[]);
}

#[test]
fn errors_have_the_words_of_redis() {
    let cases = [
        (ProtocolError::InlineTooBig, "too big inline request"),
        (ProtocolError::QuotesUnbalanced, "unbalanced quotes in request"),
        (ProtocolError::CountTooBig, "too big mbulk count string"),
        (ProtocolError::CountInvalid, "invalid multibulk length"),
        (ProtocolError::CountUnauthenticated, "unauthenticated multibulk length"),
        (ProtocolError::DollarExpected(b'P'), "expected '$', got 'P'"),
        (ProtocolError::BulkTooBig, "too big bulk count string"),
        (ProtocolError::BulkInvalid, "invalid bulk length"),
        (ProtocolError::BulkUnauthenticated, "unauthenticated bulk length"),
    ];
    for (error, words) in cases {
        let mut message = Vec::new();
        error.message(&mut message);
        assert_eq!(String::from_utf8_lossy(&message), format!("Protocol error: {words}"));
    }
    let mut message = Vec::new();
    ProtocolError::DollarExpected(0xff).message(&mut message);
    assert_eq!(message, b"Protocol error: expected '$', got '\xff'");
}

#[test]
fn a_promise_allocates_nothing() {
    let mut parser = Parser::default();
    let mut spans = Vec::new();
    let mut input = b"*2147483647\r\n$536870912\r\nabc".to_vec();
    let parsed = parser.next(&mut input, &mut spans, &mut Vec::new(), &LIMITS);
    assert_eq!(parsed, Ok(Parsed::Incomplete { taken: 3 }), "what has come lies apart");
    assert_eq!((parser.apart_bytes(), parser.bytes_wanted()), (3, 0));
    assert!(!parser.is_idle());
    assert!(parser.heap_bytes() + spans.capacity() * size_of::<Span>() < 256);
    assert_eq!(parser.room().map(|(_, room)| room), Some(INPUT_BULK_BYTES_FIRST - 3));
}

#[test]
fn limits_on_size_hold_whatever_the_setting() {
    // With a limit raised to the sky the sum of all bulks must still fit a span.
    let limits = ParserLimits { bulk_bytes_max: u64::MAX, ..LIMITS };
    let mut spans = Vec::new();
    for (len, expected) in [
        ("4294967000", Ok(Parsed::Incomplete { taken: 3 })),
        ("4294967296", Err(ProtocolError::BulkInvalid)),
        ("9223372036854775807", Err(ProtocolError::BulkInvalid)),
    ] {
        let mut input = format!("*1\r\n${len}\r\nabc").into_bytes();
        let parsed = Parser::default().next(&mut input, &mut spans, &mut Vec::new(), &limits);
        assert_eq!(parsed, expected, "{len}");
    }
}

#[test]
fn what_is_short_stays_in_the_input() {
    let mut parser = Parser::default();
    let mut input = format!("*1\r\n${}\r\nabc", INPUT_BULK_APART_BYTES_MIN - 1).into_bytes();
    let parsed = parser.next(&mut input, &mut Vec::new(), &mut Vec::new(), &LIMITS);
    assert_eq!(parsed, Ok(Parsed::Incomplete { taken: 0 }));
    assert_eq!(parser.bytes_wanted(), INPUT_BULK_APART_BYTES_MIN - 1 - 3 + 2);
    assert!(parser.room().is_none());
}

#[test]
fn a_large_bulk_becomes_what_it_was_received_into() {
    let mut parser = Parser::default();
    let mut input = b"*2\r\n$4\r\nECHO\r\n$40000\r\n".to_vec();
    let parsed = parser.next(&mut input, &mut Vec::new(), &mut Vec::new(), &LIMITS);
    assert_eq!(parsed, Ok(Parsed::Incomplete { taken: 0 }));
    let body = [vec![b'x'; 40_000], b"\r\n".to_vec()].concat();
    let mut rest = body.as_slice();
    while !rest.is_empty() {
        rest = receive(&mut parser, &mut input, rest);
    }
    assert!(parser.room().is_none(), "it has all its bytes");
    let place = parser.partial.as_mut().and_then(|partial| partial.incoming.as_mut());
    let place = place.expect("it has not been parsed yet").bytes_at();
    let mut spans = Vec::new();
    let mut bulks = Vec::new();
    let parsed = parser.next(&mut input, &mut spans, &mut bulks, &LIMITS);
    let Ok(Parsed::Request { consumed }) = parsed else { panic!("{parsed:?}") };
    assert_eq!(consumed, input.len());
    let request = Request::new(&input, &spans, &bulks);
    assert!(request.iter().eq([&b"ECHO"[..], &body[..40_000]]));
    assert_eq!(request.at(1).as_ptr(), place);
}

/// A million steps, not a million million: the input is rescanned by nobody.
#[test]
fn a_long_request_byte_by_byte_is_linear() {
    const ARGUMENTS: usize = 100_000;
    let body = b"$1\r\nx\r\n".repeat(ARGUMENTS);
    let mut input = [format!("*{ARGUMENTS}\r\n").into_bytes(), body].concat();
    let mut parser = Parser::default();
    let mut spans = Vec::new();
    let started = std::time::Instant::now();
    for len in 1..input.len() {
        let parsed = parser.next(&mut input[..len], &mut spans, &mut Vec::new(), &LIMITS);
        assert_eq!(parsed, Ok(Parsed::Incomplete { taken: 0 }));
    }
    assert!(parser.heap_bytes() <= 3 * input.len());
    let consumed = input.len();
    let parsed = parser.next(&mut input, &mut spans, &mut Vec::new(), &LIMITS);
    assert_eq!(parsed, Ok(Parsed::Request { consumed }));
    assert_eq!(spans.len(), ARGUMENTS);
    assert!(parser.is_idle() && parser.heap_bytes() == 0);
    assert!(started.elapsed() < std::time::Duration::from_secs(5));
}

/// Requests as clients send them, now and then with a byte changed, added or lost.
fn draw_input(random: &mut Unstructured) -> Drawn<Vec<u8>> {
    let mut input = Vec::new();
    for _ in 0..random.int_in_range(0..=5)? {
        if random.ratio(1, 4)? {
            let lines: [&[u8]; 6] =
                [b"PING\r\n", b"\r\n", b"set 'a b' \"\\x41\"\n", b"*0\r\n", b"*-1\r\n", b"\" \r\n"];
            input.extend_from_slice(random.choose(&lines)?);
            continue;
        }
        let count = random.int_in_range(1..=12)?;
        input.extend_from_slice(format!("*{count}\r\n").as_bytes());
        for _ in 0..count {
            let len = random.int_in_range(0..=12)?.min(random.len());
            let mut body = random.bytes(len)?.to_vec();
            if random.ratio(1, 16)? {
                body.resize(INPUT_BULK_APART_BYTES_MIN + len - 6, b'\r');
            }
            input.extend_from_slice(format!("${}\r\n", body.len()).as_bytes());
            input.extend_from_slice(&body);
            input.extend_from_slice(b"\r\n");
        }
    }
    for _ in 0..random.int_in_range(0..=2)? {
        let place = random.int_in_range(0..=input.len())?;
        let byte = *random.choose(b"\r\n$*0123-+\0x\"'")?;
        match random.int_in_range(0..=2)? {
            0 => input.insert(place, byte),
            1 if place < input.len() => input[place] = byte,
            _ if place < input.len() => drop(input.remove(place)),
            _ => {}
        }
    }
    Ok(input)
}

#[test]
fn property_any_cut_agrees_with_the_twin() {
    arbtest::arbtest(|random| {
        let limits = if random.ratio(1, 4)? { STRANGER } else { LIMITS };
        let input = draw_input(random)?;
        let expected = naive(&input, &limits);
        assert_eq!(feed_whole(&input, &limits), expected, "{input:?}");
        assert_eq!(feed_bytes(&input, &limits), expected, "{input:?}");
        let mut pieces = Vec::new();
        let mut rest = input.as_slice();
        while !rest.is_empty() {
            let (piece, after) = rest.split_at(random.int_in_range(1..=rest.len())?);
            pieces.push(piece);
            rest = after;
        }
        assert_eq!(feed(pieces.into_iter(), &limits), expected, "{input:?}");
        Ok(())
    });
}

#[test]
fn property_random_bytes_never_panic() {
    arbtest::arbtest(|random| {
        let mut input = Vec::new();
        for _ in 0..random.int_in_range(0..=80)? {
            input.push(*random.choose(b"\r\r\n\n\r\n**$$0112-\"'\\x a\0\xff")?);
        }
        let expected = naive(&input, &LIMITS);
        assert_eq!(feed_whole(&input, &LIMITS), expected);
        assert_eq!(feed_bytes(&input, &LIMITS), expected);
        Ok(())
    });
}
