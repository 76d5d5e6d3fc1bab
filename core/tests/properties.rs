//! What holds of every input, by random ones: of what the service and the hosts of images send, and of what callers hand
//! in. The gateway's are in `gateway/core`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use crisp_upscale_core::api::{Envelope, Response, TaskDetail, task_id};
use crisp_upscale_core::backoff;
use crisp_upscale_core::classify::{CreateTaskResponse, RecordInfoResponse, create_task, record_info};
use crisp_upscale_core::failure::{Charged, Failure, Kind};
use crisp_upscale_core::image::{Format, Header, identify};
use crisp_upscale_core::json::Json;
use crisp_upscale_core::range_probe::total_bytes;
use crisp_upscale_core::rate_limit::{Limiter, Rate};
use crisp_upscale_core::schedule::Durations;
use crisp_upscale_core::sse::{Frames, MAX_MESSAGE, Message, event};
use crisp_upscale_core::webhook::{self, Posted, Refusal};
use crisp_upscale_core::{endpoints, event_stream, validate};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use serde_json::{Map, Value, json};
use url::Url;

/// Any JSON, a few levels deep.
fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,8}".prop_map(Value::from),
        Just(Value::from(r#"{"resultUrls":["https://files.example/1.png"]}"#)),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Value::from),
            vec((name(), inner), 0..5).prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

/// A name that means something on the wire, or another.
fn name() -> impl Strategy<Value = String> {
    const KNOWN: &[&str] = &[
        "code",
        "msg",
        "message",
        "data",
        "taskId",
        "state",
        "successFlag",
        "param",
        "input",
        "image",
        "resultJson",
        "response",
        "resultUrls",
        "failCode",
        "failMsg",
        "createTime",
        "completeTime",
        "creditsConsumed",
        "events",
        "downloadUrl",
    ];
    prop_oneof![4 => prop::sample::select(KNOWN).prop_map(str::to_owned), 1 => "[a-z]{0,4}"]
}

/// An object in one of the forms in which objects come: itself, or as text.
fn in_form(object: Value, as_text: bool) -> Value {
    if as_text { Value::from(object.to_string()) } else { object }
}

prop_compose! {
    /// A task's record, as a server of some age writes it, and what it says.
    fn record()(
        id in "[0-9a-z_]{1,32}",
        state in prop::sample::select(vec!["waiting", "queuing", "generating", "success", "fail", "paused"]),
        image in option::of("https://host\\.example/[a-z\"\\\\é]{1,8}\\.jpg"),
        urls in vec("https://files\\.example/[a-z\"\\\\é]{1,8}\\.png", 0..3),
        fail in option::of(("[A-Z_]{1,9}|[1-9][0-9]{0,4}", ".{1,9}")),
        times in option::of((0..1_u64 << 52, 0..1_u64 << 52)),
        // In quarters: serde_json reads the last digit of others as it likes.
        credits in option::of((0..4_000_000_u32).prop_map(|quarters| f64::from(quarters) / 4.0)),
        forms in any::<[bool; 4]>(),
    ) -> (TaskDetail, Value) {
        let [param, within, result, newer] = forms;
        let mut record = Map::new();
        let mut put = |name: &str, value: Value| { record.insert(name.to_owned(), value); };
        put("taskId", json!(id));
        put("state", json!(state));
        put("param", match &image {
            Some(image) => in_form(json!({ "input": in_form(json!({ "image": image }), within) }), param),
            None => json!(""),
        });
        let urls_in_json = json!({ "resultUrls": urls });
        if newer { put("response", urls_in_json) } else { put("resultJson", in_form(urls_in_json, result)) }
        put("failCode", match &fail {
            // A number on some servers.
            Some((code, _)) if within => code.parse::<u64>().map_or_else(|_| json!(code), Value::from),
            Some((code, _)) => json!(code),
            None if param => json!(""),
            None => Value::Null,
        });
        put("failMsg", json!(fail.as_ref().map(|(_, msg)| msg)));
        put("createTime", json!(times.map(|(made, _)| made)));
        put("completeTime", json!(times.map(|(_, ended)| ended)));
        put("creditsConsumed", json!(credits));
        let record = Value::Object(record);
        // The one way to make a state.
        let bare = TaskDetail::read(&json!({ "state": state })).unwrap();
        let detail = TaskDetail {
            task_id: Some(id),
            image,
            result_urls: urls,
            fail_code: fail.as_ref().map(|(code, _)| code.clone()),
            fail_msg: fail.map(|(_, msg)| msg),
            create_time: times.map(|(made, _)| made as f64),
            complete_time: times.map(|(_, ended)| ended as f64),
            credits_consumed: credits,
            ..bare
        };
        (detail, record)
    }
}

fn reply(status: u16, body: Value) -> Response<Value> {
    Response { status, retry_after: None, body: Some(body) }
}

proptest! {
    // What fails prints its input, which becomes a test of its own.
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    // The wire

    #[test]
    fn a_record_says_the_same_in_every_form((detail, record) in record()) {
        let text = record.to_string();
        prop_assert_eq!(TaskDetail::read(&Value::parse(&text).unwrap()), Some(detail));
    }

    #[test]
    fn a_record_is_found_whatever_its_envelope_says((detail, record) in record(), code in any::<i32>()) {
        let came = record_info(&reply(200, json!({ "code": code, "msg": "x", "data": record })));
        prop_assert_eq!(came, RecordInfoResponse::Record(detail));
    }

    #[test]
    fn no_reply_makes_a_create_that_may_be_charged_one_to_be_sent_again(
        status in 0..700_u16,
        body in any_json(),
    ) {
        if let CreateTaskResponse::RateLimited { failure, .. } | CreateTaskResponse::Failed(failure) = create_task(&reply(status, body)) {
            prop_assert!(!failure.retryable || failure.charged == Charged::No, "{:?}", failure);
            prop_assert!(failure.charged != Charged::Unknown || failure.kind == Kind::OutcomeUnknown);
        }
    }

    #[test]
    fn what_is_read_is_what_stands_there(body in any_json()) {
        let text = body.to_string();
        if let Some(envelope) = Envelope::read(&body) {
            for told in [task_id(&body), envelope.events(), envelope.msg] {
                prop_assert!(told.is_none_or(|told| text.contains(&json!(told).to_string())));
            }
        }
    }

    // Words of others, and the key

    #[test]
    fn a_secret_survives_nowhere_in_what_others_say(
        // Some begin or end as what stands in its place ends or begins.
        secret in "[!-~]{1,12}|[ab]{1,3}\\[k?e?|(ey)?\\][ab]{1,3}",
        // Parts of it and of that, so that they meet in every way.
        parts in vec((0..6_usize, any::<(prop::sample::Index, prop::sample::Index)>()), 1..12),
    ) {
        let part = |(kind, (from, to)): &(usize, (prop::sample::Index, prop::sample::Index))| match kind {
            0 | 1 => secret.clone(),
            2 | 3 => {
                let (from, to) = (from.index(secret.len()), to.index(secret.len() + 1));
                secret[from.min(to)..from.max(to)].to_owned()
            }
            4 => "[key]"[from.index(5)..].to_owned(),
            _ => " é ".to_owned(),
        };
        let said: String = parts.iter().map(part).collect();
        let failure = Failure::new(Kind::ServerError, Charged::Unknown).quoting(Some(&said));
        let ours = failure.message.len() - said.len();
        let shown = failure.without(&secret).message;
        // Of a secret that is a part of these five letters they tell nothing.
        prop_assert!("[key]".contains(&secret) || !shown[ours..].contains(&secret), "{:?}", shown);
    }

    #[test]
    fn a_key_is_in_no_message(key in "[ -~\n]{6,20}") {
        if let Err(failure) = validate::key(&key) {
            prop_assert!(!failure.message.contains(&key));
        }
    }

    // Addresses

    #[test]
    fn a_base_url_has_no_slash_at_its_end_and_is_else_as_it_came(url in "https://[a-z/]{0,9}/{0,3}") {
        let base = endpoints::base_url(Some(url.clone()));
        prop_assert!(!base.ends_with('/') && url.starts_with(&base));
        prop_assert_eq!(url[base.len()..].trim_start_matches('/'), "");
        prop_assert_eq!(endpoints::base_url(Some(base.clone())), base);
    }

    #[test]
    fn what_a_browser_reads_as_another_scheme_is_no_image_url(url in "[a-zA-Z:/ \t.]{0,12}|https?:.{0,12}") {
        if validate::image_url(&url).is_ok() {
            let scheme = url.split_once(':').unwrap().0.to_ascii_lowercase();
            prop_assert!(scheme == "https" || scheme == "http");
            prop_assert!(Url::parse(&url).is_ok_and(|read| read.scheme() == scheme) || Url::parse(&url).is_err());
        }
    }

    #[test]
    fn the_path_of_a_stream_leads_nowhere_else(path in "/?[a-z./:@?#%\\\\ -]{0,12}|/[a-z/]{0,9}") {
        if event_stream::is_path(&path) {
            let read = Url::parse(&format!("https://gateway.example{path}")).unwrap();
            prop_assert_eq!(read.origin().ascii_serialization(), "https://gateway.example");
            prop_assert_eq!(read.path(), path);
        }
    }

    // Numbers in headers

    #[test]
    fn seconds_to_wait_are_what_the_header_says(seconds in any::<u32>(), space in "[ \t]{0,2}") {
        let asked = backoff::retry_after(&format!("{space}{seconds}{space}"));
        prop_assert_eq!(asked, Some(u64::from(seconds) * 1_000));
        prop_assert!(backoff::delay_or(asked, 1) >= 1_000 && backoff::delay_or(asked, 1) >= u64::from(seconds) * 1_000);
    }

    #[test]
    fn what_is_no_number_of_seconds_asks_nothing(
        header in "-[0-9]{1,9}|[1-9][0-9]{10,40}|[0-9]{1,3}\\.[0-9]|[A-Z][a-z]{2}, .{0,20}|\\PC{0,9}[a-z]|",
    ) {
        prop_assert_eq!(backoff::retry_after(&header), None);
    }

    #[test]
    fn the_pause_after_failures_grows_and_has_an_end(nth in any::<u32>()) {
        let pause = backoff::delay(nth);
        prop_assert!((1_000..=15_000).contains(&pause) && pause <= backoff::delay(nth.saturating_add(1)));
    }

    #[test]
    fn a_files_size_is_what_its_header_says(size in any::<u64>(), first in any::<u32>(), last in any::<u32>()) {
        let range = format!("bytes {first}-{last}/{size}");
        prop_assert_eq!(total_bytes(206, Some(&range), Some("1")), Some(size));
        prop_assert_eq!(total_bytes(200, Some("bytes 0-1/1"), Some(&size.to_string())), Some(size));
    }

    #[test]
    fn no_header_makes_a_size_of_nothing(header in "\\PC{0,24}|bytes [0-9*/-]{0,24}") {
        for status in [200, 206] {
            if let Some(size) = total_bytes(status, Some(&header), Some(&header)) {
                prop_assert!(header.contains(&size.to_string()), "{} in {:?}", size, header);
            }
        }
    }

    // Image headers

    #[test]
    fn a_png_is_as_large_as_it_says(width in 1_u32.., height in 1_u32.., rest in vec(any::<u8>(), 0..40)) {
        let mut file = b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR".to_vec();
        file.extend([u32::to_be_bytes(width), u32::to_be_bytes(height)].concat());
        file.extend(rest);
        prop_assert_eq!(identify(&file), Ok(Header { format: Format::Png, size: Some((width, height)) }));
    }

    #[test]
    fn a_jpeg_is_as_large_as_its_frame_says_whatever_stands_before(
        (width, height) in (1..=u16::MAX, 1..=u16::MAX),
        // Metadata of any length and with anything in it; some padding.
        before in vec((0xe0..=0xef_u8, vec(any::<u8>(), 0..300), 1..4_usize), 0..6),
        frame in prop::sample::select(vec![0xc0_u8, 0xc1, 0xc2, 0xc3, 0xc9]),
    ) {
        let mut file = b"\xff\xd8".to_vec();
        for (marker, content, padding) in before {
            file.extend(vec![0xff; padding]);
            file.push(marker);
            file.extend(u16::to_be_bytes(content.len() as u16 + 2));
            file.extend(content);
        }
        file.extend([0xff, frame, 0, 17, 8]);
        file.extend([u16::to_be_bytes(height), u16::to_be_bytes(width)].concat());
        let size = Some((u32::from(width), u32::from(height)));
        prop_assert_eq!(identify(&file), Ok(Header { format: Format::Jpeg, size }));
    }

    #[test]
    fn more_of_a_file_takes_nothing_back(
        start in prop::sample::select(vec![
            &b"\xff\xd8\xff"[..], b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR", b"RIFF\x40\0\0\0WEBPVP8 ", b"RIFF\x40\0\0\0WEBPVP8L",
            b"RIFF\x40\0\0\0WEBPVP8X", b"",
        ]),
        // With many markers.
        rest in vec(prop_oneof![2 => any::<u8>(), 1 => Just(0xff), 1 => 0xc0..=0xdb_u8, 1 => Just(0)], 0..200),
        cut in any::<prop::sample::Index>(),
    ) {
        let file = [start, &rest].concat();
        let part = identify(&file[..cut.index(file.len() + 1)]);
        if let Ok(part) = part {
            let whole = identify(&file).unwrap();
            prop_assert_eq!(part.format, whole.format);
            prop_assert!(part.size.is_none() || part.size == whole.size);
        }
    }

    // Event streams

    #[test]
    fn a_message_is_read_as_it_was_written(name in "\\PC{0,12}", data in "(\\PC|[\r\n]){0,40}") {
        let messages = Frames::default().feed(&event(&name, &data)).unwrap();
        let event = if name.is_empty() { "message".to_owned() } else { name };
        let data = data.replace("\r\n", "\n").replace('\r', "\n");
        prop_assert_eq!(messages, [Message { event, data }]);
    }

    #[test]
    fn all_three_line_breaks_are_one(lines in vec("(data|event|id)?:? ?\\PC{0,3}|", 0..12)) {
        let read = |end: &str| {
            let stream: String = lines.iter().flat_map(|line| [line.as_str(), end]).collect();
            Frames::default().feed(&stream).unwrap()
        };
        prop_assert_eq!(read("\r\n"), read("\n"));
        prop_assert_eq!(read("\r"), read("\n"));
    }

    #[test]
    fn any_text_is_read_the_same_however_it_is_cut(
        // With many line breaks, colons and fields.
        parts in vec(prop_oneof![
            "\\PC{0,4}",
            prop::sample::select(vec!["\r", "\n", "\r\n", ":", " ", "data", "data: x", "event: y", "\u{feff}", "é"])
                .prop_map(str::to_owned),
        ], 0..60),
        cuts in vec(1..9_usize, 1..60),
    ) {
        let stream = parts.concat();
        let whole = Frames::default().feed(&stream).unwrap();
        let (mut frames, mut rest, mut messages) = (Frames::default(), stream.as_str(), Vec::new());
        for cut in cuts.iter().cycle() {
            let (chunk, left) = rest.split_at(rest.ceil_char_boundary(*cut));
            messages.extend(frames.feed(chunk).unwrap());
            rest = left;
            if rest.is_empty() {
                break;
            }
        }
        prop_assert_eq!(messages, whole);
    }

    // Callbacks

    #[test]
    fn a_signature_is_read_as_it_was_written(bytes in any::<[u8; 32]>(), id in "[^\"\\\\\\p{Cc}]{1,40}") {
        use base64::Engine;
        let signature = base64::prelude::BASE64_STANDARD.encode(bytes);
        let body = json!({ "data": { "taskId": id } }).to_string();
        let posted =
            Posted { method: "POST", timestamp: Some("1786413282"), signature: Some(&signature), body: Some(&body) };
        let opened = webhook::open::<Value>(posted, Some(0), 1_786_413_282_000).unwrap();
        prop_assert_eq!(opened.signature.as_deref(), Some(&bytes[..]));
        prop_assert_eq!(opened.claims[0].message.as_ref(), Some(&format!("{id}.1786413282")));
    }

    #[test]
    fn a_wider_window_refuses_nothing_that_a_narrower_one_takes(
        timestamp in "[0-9]{1,20}|\\PC{0,6}",
        now in any::<u64>(),
        (narrow, wider) in (any::<u64>(), any::<u64>()),
        near in any::<bool>(),
    ) {
        let timestamp = if near { (now / 1000).to_string() } else { timestamp };
        let signature = format!("{}=", "A".repeat(43));
        let posted =
            Posted { method: "POST", timestamp: Some(&timestamp), signature: Some(&signature), body: Some("{\"taskId\":\"a\"}") };
        let narrow_taken = webhook::open::<Value>(posted, Some(narrow), now);
        let wide_taken = webhook::open::<Value>(posted, Some(narrow.saturating_add(wider)), now);
        prop_assert!(narrow_taken.is_err() || wide_taken.is_ok());
        if wide_taken == Err(Refusal::BadTimestamp) {
            prop_assert_eq!(narrow_taken, Err(Refusal::BadTimestamp));
        }
    }

    // Time

    #[test]
    fn whatever_was_learned_waits_have_bounds(durations in vec(any::<f64>(), 0..40), age in any::<u64>()) {
        let durations: Durations = durations.into_iter().collect();
        prop_assert!(durations.iter().all(|duration| (1.0..=3_600_000.0).contains(&duration)));
        let wait = durations.next_poll(age);
        prop_assert!((250..=180_000).contains(&wait), "{}", wait);
    }

    #[test]
    fn no_window_holds_more_requests_than_the_rate_says(
        tasks in 1..5_usize,
        window in prop_oneof![0..50_u64, Just(u64::MAX)],
        begin in prop_oneof![Just(0), Just(1_786_878_073_451), Just(u64::MAX - 2_000)],
        steps in vec((0..20_u64, any::<bool>()), 1..80),
    ) {
        let (rate, mut limiter, mut now) = (Rate { tasks, window }, Limiter::default(), begin);
        // When each request started and ended: the service counts it some time in between.
        let mut requests: Vec<(u64, Option<u64>)> = Vec::new();
        for (pause, start) in steps {
            now = now.saturating_add(pause);
            if start {
                let counted = |&(_, ended): &(u64, Option<u64>)| {
                    ended.is_none_or(|ended| now <= ended.saturating_add(window))
                };
                let counting = requests.iter().filter(|request| counted(request)).count();
                match limiter.acquire(rate, now) {
                    Ok(()) => {
                        prop_assert!(counting < tasks, "{} of {} count at {}", counting, tasks, now);
                        requests.push((now, None));
                    }
                    Err(Some(then)) => prop_assert!(then > now, "asked again at once"),
                    Err(None) => prop_assert!(requests.iter().any(|(_, ended)| ended.is_none())),
                }
            } else if let Some(request) = requests.iter_mut().find(|(_, ended)| ended.is_none()) {
                request.1 = Some(now);
                limiter.release(now);
            }
        }
    }
}

/// At every length: what is held of a stream is never more than a message may be long.
#[test]
fn a_stream_without_an_end_is_given_up_whatever_it_is_made_of() {
    for unit in ["x", "data: x\n", "data\n", "event: x\ndata:\n", "data: \u{feff}é\r", ": comment"] {
        let chunk = unit.repeat(1024);
        let mut frames = Frames::default();
        let chunks = (0..).take_while(|_| frames.feed(&chunk).is_ok()).take(8_000).count();
        // Of `data` alone nothing is kept but a line break.
        assert!(chunks * 1024 <= MAX_MESSAGE + 1024, "{unit:?}: {chunks}");
    }
}
