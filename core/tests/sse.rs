//! Tests of `sse`: what is written is read again, whatever the chunks, and the specification's own examples.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use crisp_upscale_core::sse::{COMMENT, Frames, MAX_MESSAGE, Message, TooLong, event};

/// Reproducible randomness (SplitMix64).
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % bound as u64) as usize
    }

    fn text(&mut self, of: &[&str], up_to: usize) -> String {
        (0..self.below(up_to + 1)).map(|_| of[self.below(of.len())]).collect()
    }
}

fn message(event: &str, data: &str) -> Message {
    Message { event: event.into(), data: data.into() }
}

fn read(stream: &str) -> Vec<Message> {
    Frames::default().feed(decoded(stream)).unwrap()
}

/// As a runtime's decoder gives it: without the byte order mark.
fn decoded(stream: &str) -> &str {
    stream.strip_prefix('\u{feff}').unwrap_or(stream)
}

fn read_cut(stream: &str, random: &mut Random) -> Vec<Message> {
    let (mut frames, mut rest, mut messages) = (Frames::default(), decoded(stream), Vec::new());
    while !rest.is_empty() {
        let (chunk, left) = rest.split_at(rest.floor_char_boundary(random.below(rest.len().min(9) + 1)));
        messages.extend(frames.feed(chunk).unwrap());
        rest = left;
    }
    messages
}

// Writing

#[test]
fn a_message_is_its_name_and_its_data() {
    assert_eq!(event("5f48", r#"{"code":200}"#), "event: 5f48\ndata: {\"code\":200}\n\n");
    assert_eq!(event("", ""), "event: \ndata: \n\n");
}

#[test]
fn nothing_in_a_name_or_in_data_makes_a_line_of_its_own() {
    assert_eq!(event("a\ndata: b\r\n\rc", "d"), "event: adata: bc\ndata: d\n\n");
    assert_eq!(
        event("a", "b\n\nevent: c\r\rd\r\ne"),
        "event: a\ndata: b\ndata: \ndata: event: c\ndata: \ndata: d\ndata: e\n\n"
    );
}

// Reading

#[test]
fn the_specifications_examples() {
    let three =
        ": test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\ndata:  third event\n\n";
    let expected = [
        message("message", "first event"),
        message("message", "second event"),
        message("message", " third event"),
    ];
    assert_eq!(read(three), expected);
    let twice_empty = "data\n\ndata\ndata\n\ndata:";
    assert_eq!(read(twice_empty), [message("message", ""), message("message", "\n")]);
    let same = "data:test\n\ndata: test\n\n";
    assert_eq!(read(same), [message("message", "test"), message("message", "test")]);
    let stocks = "data: YHOO\ndata: +2\ndata: 10\n\n";
    assert_eq!(read(stocks), [message("message", "YHOO\n+2\n10")]);
}

#[test]
fn what_a_stream_may_hold() {
    let table: [(&str, &[Message]); 14] = [
        ("event: a\ndata: b\n\n", &[message("a", "b")]),
        ("event: a\r\ndata: b\r\n\r\n", &[message("a", "b")]),
        ("event: a\rdata: b\r\r", &[message("a", "b")]),
        ("event: a\r\ndata: b\n\r", &[message("a", "b")]),
        ("\u{feff}data: b\n\n", &[message("message", "b")]),
        // Only one mark, and only at the begin.
        ("\u{feff}\u{feff}data: b\n\n", &[]),
        ("data: a\n\n\u{feff}data: b\n\n", &[message("message", "a")]),
        ("event: a\nevent: b\ndata: c\n\n", &[message("b", "c")]),
        // A name without data is forgotten.
        ("event: a\n\ndata: b\n\n", &[message("message", "b")]),
        ("event\ndata: b:c: d\n\n", &[message("message", "b:c: d")]),
        ("Data: a\n data: b\ndatas: c\nretry: 9\n:data: d\n\n", &[]),
        (":\n\n:\n\n: data\n", &[]),
        // The stream ended before the message did.
        ("data: a\n\ndata: b\n", &[message("message", "a")]),
        ("data: a\n\ndata: b", &[message("message", "a")]),
    ];
    for (stream, expected) in table {
        assert_eq!(read(stream), expected, "{stream:?}");
        for seed in 0..20 {
            assert_eq!(read_cut(stream, &mut Random(seed)), expected, "{stream:?} cut by {seed}");
        }
    }
}

/// A client that waited for an LF after each CR would hold a message back until the next one.
#[test]
fn a_message_that_ends_in_a_cr_is_handed_out_at_once() {
    let mut frames = Frames::default();
    assert_eq!(frames.feed("data: a\r\n\r").unwrap(), [message("message", "a")]);
    assert_eq!(frames.feed("\ndata: b\n\n").unwrap(), [message("message", "b")]);
}

#[test]
fn what_is_written_is_read_again_however_it_is_cut() {
    const NAME: [&str; 6] = ["a", "ü", "€", "🐈", ":", " "];
    const DATA: [&str; 10] = ["a", "ü", "€", "🐈", ":", " ", "\n", "data: ", "event: ", "\u{feff}"];
    for seed in 0..2_000 {
        let mut random = Random(seed);
        let (mut stream, mut expected) = (String::new(), Vec::new());
        let line_end = ["\n", "\r", "\r\n"][random.below(3)];
        for _ in 0..random.below(6) {
            let (name, data) = (format!("n{}", random.text(&NAME, 5)), random.text(&DATA, 9));
            let comments = random.below(3);
            stream.push_str(&COMMENT.repeat(comments));
            stream.push_str(&event(&name, &data));
            expected.push(Message { event: name, data });
        }
        let stream = stream.replace('\n', line_end);
        assert_eq!(read_cut(&stream, &mut random), expected, "seed {seed}");
    }
}

#[test]
fn a_message_of_a_mebibyte_is_read_and_a_longer_one_is_not() {
    let longest = "x".repeat(MAX_MESSAGE - "data: ".len());
    assert_eq!(read(&event("a", &longest)), [message("a", &longest)]);
    let whole = |stream: String| Frames::default().feed(&stream);
    assert_eq!(whole(event("a", &format!("{longest}x"))), Err(TooLong));
    assert_eq!(whole(event("a", &"x\n".repeat(MAX_MESSAGE))), Err(TooLong));
    assert_eq!(whole(format!(":{}", "x".repeat(MAX_MESSAGE))), Err(TooLong));
    assert_eq!(whole(format!("event: {}", "x".repeat(MAX_MESSAGE))), Err(TooLong));
}

#[test]
fn a_stream_may_be_longer_than_a_message() {
    let mut frames = Frames::default();
    let chunk = format!("{}{}", COMMENT.repeat(1_000), event("a", &"x".repeat(300_000)));
    for _ in 0..10 {
        assert_eq!(frames.feed(&chunk).unwrap().len(), 1);
    }
}
