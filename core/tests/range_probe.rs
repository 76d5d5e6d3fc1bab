//! Tests of `range_probe` and `result`: what the first bytes of a file elsewhere say, before it is sent and after.
#![allow(clippy::unwrap_used, clippy::panic)]

use crisp_upscale_core::failure::{Charged, Kind};
use crisp_upscale_core::image::{Format, HEAD_BYTES, Header, MAX_BYTES};
use crisp_upscale_core::network_error::NetworkError;
use crisp_upscale_core::range_probe::{Head, Input, Output, RANGE, RangeProbe, total_bytes};
use crisp_upscale_core::result::{UpscaleResult, not_fetched};
use crisp_upscale_core::task::TaskSuccess;
use crisp_upscale_core::validate;
use serde_json::json;

/// A PNG's header.
fn png(width: u32, height: u32) -> Vec<u8> {
    let ihdr = [b"IHDR".as_slice(), &width.to_be_bytes(), &height.to_be_bytes(), b"\x08\x02\0\0\0"];
    [b"\x89PNG\r\n\x1a\n\0\0\0\x0d".as_slice(), &ihdr.concat()].concat()
}

fn head(status: u16, total_bytes: Option<u64>, bytes: &[u8]) -> Head {
    Head { status, total_bytes, bytes: bytes.to_vec() }
}

#[test]
fn the_range_is_what_is_read() {
    assert_eq!(RANGE, format!("bytes=0-{}", HEAD_BYTES - 1));
}

#[test]
fn the_size_of_the_whole_file_is_told_by_the_header_that_knows_it() {
    let rows = [
        (206, Some("bytes 0-65535/123456"), Some("65536"), Some(123_456)),
        (206, Some("bytes 0-65535/*"), Some("65536"), None),
        // A part's length is not the file's; in a page the range is often hidden.
        (206, None, Some("65536"), None),
        (206, Some("nonsense"), None, None),
        (200, None, Some("123456"), Some(123_456)),
        (200, None, Some(" 5 "), Some(5)),
        (200, None, Some("-5"), None),
        (200, None, None, None),
        (416, Some("bytes */0"), Some("12"), Some(0)),
        (416, Some("bytes */123456"), None, Some(123_456)),
        // The length is that of the error page.
        (416, None, Some("12"), None),
    ];
    for (status, range, length, expected) in rows {
        assert_eq!(total_bytes(status, range, length), expected, "{status} {range:?} {length:?}");
    }
}

#[test]
fn an_acceptable_image_passes() {
    let good = png(330, 220);
    let header = Header { format: Format::Png, size: Some((330, 220)) };
    for (status, total) in [(206, Some(MAX_BYTES)), (206, None), (200, Some(29)), (200, None)] {
        assert_eq!(head(status, total, &good).preflight(), Ok(Some(header)), "{status} {total:?}");
        assert_eq!(head(status, total, &good).header(), Some(header), "{status} {total:?}");
    }
}

#[test]
fn what_the_service_would_not_take_is_refused_by_name() {
    let good = png(330, 220);
    let rows = [
        (head(404, None, b""), "HTTP status 404"),
        (head(403, None, &good), "HTTP status 403"),
        (head(410, None, b""), "HTTP status 410"),
        (head(416, None, b""), "HTTP status 416"),
        (head(416, Some(5), b""), "HTTP status 416"),
        (head(416, Some(0), b"<html>"), "The file is empty"),
        (head(206, Some(MAX_BYTES + 1), &good), "10.1 MB"),
        (head(200, Some(11 * 1024 * 1024), &good), "11.0 MB"),
        (head(206, None, b"GIF89a"), "a GIF"),
        (head(200, None, b"<!doctype html>"), "an HTML page"),
        (head(200, None, b"hello"), "not an image"),
        (head(200, Some(0), b""), "empty"),
        (head(200, None, b""), "empty"),
    ];
    for (head, says) in rows {
        let failure = head.preflight().unwrap_err();
        assert_eq!((failure.kind, failure.charged), (Kind::InvalidInput, Charged::No), "{says}");
        assert!(failure.message.contains(says) && failure.message.ends_with('.'), "{}", failure.message);
    }
}

/// A redirect that is not followed, or a browser's opaque answer.
#[test]
fn an_answer_that_says_nothing_speaks_for_nothing() {
    for status in [0, 302, 304] {
        assert_eq!(head(status, None, &png(1, 1)).preflight(), Ok(None), "{status}");
        assert_eq!(head(status, None, &png(1, 1)).header(), None, "{status}");
    }
}

/// The host has a fault or no time, or it is the client's own proxy that refuses: not the caller's fault.
#[test]
fn a_status_that_is_not_about_the_file_speaks_for_nothing() {
    for status in [407, 408, 425, 429, 500, 501, 502, 503, 504, 520, 599] {
        assert_eq!(head(status, None, b"GIF89a").preflight(), Ok(None), "{status}");
        assert_eq!(head(status, None, &png(1, 1)).header(), None, "{status}");
    }
}

/// Plays a probe against a host that answers so to a request, by whether it is ranged and how many came before.
fn probed(
    deadline: u64,
    host: impl Fn(bool, usize) -> (Head, Option<u64>),
) -> (Vec<bool>, u64, Option<Head>) {
    let mut probe = RangeProbe::new(deadline);
    let (mut now, mut sent) = (0, Vec::new());
    let mut output = probe.handle(Input::Started, now);
    loop {
        output = match output {
            Output::Send { ranged } => {
                assert!(now < deadline && sent.len() < 9, "{sent:?} at {now}");
                let (head, retry_after) = host(ranged, sent.len());
                sent.push(ranged);
                probe.handle(Input::Response(head, retry_after), now)
            }
            Output::Sleep { until: at } => {
                assert!(at > now);
                now = at;
                probe.handle(Input::TimerFired, now)
            }
            Output::Finish(head) => return (sent, now, head),
        };
    }
}

#[test]
fn a_host_that_answers_is_asked_once() {
    let file = head(206, None, &png(1, 1));
    for answer in
        [file, head(404, None, b""), head(403, None, b""), head(416, Some(0), b""), head(0, None, b"")]
    {
        let (sent, now, got) = probed(10_000, |_, _| (answer.clone(), None));
        assert_eq!((sent, now, got), (vec![true], 0, Some(answer)));
    }
    assert_eq!(RangeProbe::new(1).handle(Input::NetworkError, 0), Output::Finish(None));
}

#[test]
fn a_host_that_refuses_ranges_is_asked_again_without_one_and_only_once() {
    let file = head(200, None, &png(1, 1));
    for refusal in [400, 405, 416, 501] {
        let host = |ranged, _| (if ranged { head(refusal, None, b"") } else { file.clone() }, None);
        assert_eq!(probed(10_000, host), (vec![true, false], 0, Some(file.clone())), "{refusal}");
    }
    // It refuses everything: what it says last counts.
    for refusal in [400, 405, 416] {
        let (sent, _, got) = probed(10_000, |_, _| (head(refusal, None, b""), None));
        assert_eq!((sent, got.map(|head| head.status)), (vec![true, false], Some(refusal)), "{refusal}");
    }
}

#[test]
fn a_busy_host_is_asked_again_a_few_times_within_the_deadline() {
    for status in [408, 425, 429, 500, 502, 503, 504] {
        let always = |_, _| (busy_of(status), None);
        let asked = (vec![true], 0, Some(busy_of(status)));
        assert_eq!(probed(10_000, always), (vec![true; 4], 7_000, Some(busy_of(status))), "{status}");
        // The head of a result is waited for for a second.
        assert_eq!(probed(1_000, always), asked, "{status}");
        let at_first = |_, nth| (if nth < 2 { busy_of(status) } else { file_of() }, None);
        assert_eq!(probed(10_000, at_first), (vec![true; 3], 3_000, Some(file_of())), "{status}");
        // As long as it asks; but not beyond the deadline, and not at once.
        let asks =
            |wait| move |_, nth| if nth < 1 { (busy_of(status), Some(wait)) } else { (file_of(), None) };
        assert_eq!(probed(10_000, asks(5_000)), (vec![true; 2], 5_000, Some(file_of())), "{status}");
        assert_eq!(probed(10_000, asks(0)), (vec![true; 2], 1_000, Some(file_of())), "{status}");
        for beyond in [10_000, 60_000, u64::MAX] {
            assert_eq!(probed(10_000, asks(beyond)), asked, "{status}");
        }
    }
    // 501 is both: without a range it stays a fault of the host.
    let (sent, _, got) = probed(10_000, |_, _| (busy_of(501), None));
    assert_eq!((sent, got), (vec![true, false, false, false, false], Some(busy_of(501))));
}

/// No more than one request without a range and three retries, and none from the deadline on, which `probed` checks.
#[test]
fn a_probe_ends_whatever_its_host_answers() {
    for status in 0..=999 {
        for deadline in [1, 1_000, 10_000, u64::MAX] {
            let (sent, _, got) = probed(deadline, |_, _| (busy_of(status), None));
            assert!(sent.len() <= 5, "{status} {sent:?}");
            assert_eq!(got, Some(busy_of(status)));
        }
    }
}

fn busy_of(status: u16) -> Head {
    head(status, None, b"")
}

fn file_of() -> Head {
    head(206, None, &png(1, 1))
}

#[test]
fn a_result_that_cannot_be_read_is_nothing_and_no_error() {
    for head in [head(404, None, &png(1, 1)), head(200, None, b"<html>"), head(206, None, b"")] {
        assert_eq!(head.header(), None, "{head:?}");
    }
}

#[test]
fn a_file_is_checked_by_its_head_and_its_size() {
    let header = Header { format: Format::Png, size: Some((330, 220)) };
    assert_eq!(validate::file(&png(330, 220), MAX_BYTES), Ok(header));
    let rows: [(&[u8], u64, &str); 4] = [
        (b"GIF89a", 6, "a GIF"),
        (&png(330, 220), MAX_BYTES + 1, "10.1 MB"),
        (b"", 0, "empty"),
        (b"hello", 5, "not an image"),
    ];
    for (head, bytes, says) in rows {
        let failure = validate::file(head, bytes).unwrap_err();
        assert_eq!((failure.kind, failure.charged), (Kind::InvalidInput, Charged::No), "{says}");
        assert!(failure.message.contains(says), "{}", failure.message);
    }
}

#[test]
fn recrafts_limits_are_a_warning() {
    let warning = |size| Header { format: Format::Jpeg, size }.warning();
    for fine in [None, Some((32, 32)), Some((4000, 4000)), Some((4096, 3906)), Some((32, 4096))] {
        assert_eq!(warning(fine), None, "{fine:?}");
    }
    for (width, height) in
        [(4097, 1), (1, 4097), (4096, 3907), (4001, 4000), (u32::MAX, u32::MAX), (1, 1), (31, 32), (32, 31)]
    {
        let warning = warning(Some((width, height))).unwrap();
        assert!(warning.contains(&format!("{width} × {height} pixels")), "{warning}");
        let limit = if width.min(height) < 32 { "at least 32 a side" } else { "4096 a side" };
        assert!(warning.contains(limit), "{warning}");
    }
}

fn upscaled(complete_time: Option<f64>) -> TaskSuccess {
    TaskSuccess {
        task_id: "5f48".into(),
        url: "https://host.example/r.png".into(),
        credits: Some(0.5),
        create_time: Some(1_000.0),
        complete_time,
    }
}

#[test]
fn a_result_is_handed_on_in_these_words() {
    let header = Header { format: Format::Webp, size: Some((640, 480)) };
    let result = UpscaleResult::new(upscaled(Some(2_000.0)), Some(header), 9_000.0);
    assert_eq!(
        serde_json::to_value(result).unwrap(),
        json!({
            "taskId": "5f48", "url": "https://host.example/r.png", "type": "image/webp",
            "width": 640, "height": 480, "credits": 0.5, "createTime": 1000.0, "completeTime": 2000.0,
            "expiresAt": 86_402_000.0,
        })
    );
}

#[test]
fn what_is_not_known_of_a_result_is_null() {
    let result = UpscaleResult::new(upscaled(None), None, 9_000.0);
    assert_eq!((result.media_type, result.width, result.height), (None, None, None));
    assert!((result.expires_at - 86_409_000.0).abs() < 0.5, "a day from now at least");
    let sizeless = Header { format: Format::Jpeg, size: None };
    let result = UpscaleResult::new(upscaled(None), Some(sizeless), 9_000.0);
    assert_eq!((result.media_type, result.width), (Some("image/jpeg"), None));
}

#[test]
fn a_result_that_cannot_be_fetched_is_paid_for_and_can_be_tried_again() {
    let rows = [
        (Ok(404), Kind::BadReply, Some(404)),
        (Ok(0), Kind::BadReply, Some(0)),
        (Err(NetworkError::Lost), Kind::Unreachable, None),
        (Err(NetworkError::NoConnection), Kind::Unreachable, None),
        (Err(NetworkError::TimedOut), Kind::Timeout, None),
    ];
    for (came, kind, status) in rows {
        let failure = not_fetched("5f48", came);
        assert_eq!((failure.kind, failure.status), (kind, status), "{came:?}");
        assert_eq!((failure.charged, failure.retryable), (Charged::Yes, true), "{came:?}");
        assert_eq!((failure.task_id.as_deref(), failure.resumable), (Some("5f48"), true), "{came:?}");
    }
}
