//! Tests of `webhook`: what is taken, what is refused and with which status, and what a record makes of it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use common::reply;
use crisp_upscale_core::failure::{Charged, Kind};
use crisp_upscale_core::task::TaskSuccess;
use crisp_upscale_core::webhook::{Claim, Meaning, Opened, Posted, Refusal, open, status, window};
use serde_json::Value;

const NOW: u64 = 1_786_413_282_500;
const WINDOW: u64 = 300_000;

/// The bytes 0 to 31.
const SIGNATURE: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

const GOOD: Posted<'_> = Posted {
    method: "POST",
    timestamp: Some("1786413282"),
    signature: Some(SIGNATURE),
    body: Some(r#"{"code":200,"msg":"","data":{"taskId":"5f48","state":"success"}}"#),
};

fn signed(posted: Posted<'_>) -> Result<Opened, Refusal> {
    open::<Value>(posted, Some(WINDOW), NOW)
}

fn stamped(timestamp: &str, signature: &str) -> Result<Opened, Refusal> {
    signed(Posted { timestamp: Some(timestamp), signature: Some(signature), ..GOOD })
}

// What was posted

#[test]
fn a_callback_claims_what_its_signature_must_prove() {
    let claim = Claim { task_id: "5f48".into(), message: Some("5f48.1786413282".into()) };
    let opened = signed(GOOD).unwrap();
    assert_eq!(
        opened,
        Opened { claims: vec![claim], signature: Some((0..32).collect()), otherwise: Refusal::BadSignature }
    );
}

#[test]
fn without_a_key_it_claims_what_the_receiver_must_know() {
    for posted in [GOOD, Posted { timestamp: None, signature: None, ..GOOD }] {
        let claims = vec![Claim { task_id: "5f48".into(), message: None }];
        let opened = Opened { claims, signature: None, otherwise: Refusal::UnknownTask };
        assert_eq!(open::<Value>(posted, None, NOW), Ok(opened));
    }
}

#[test]
fn every_id_in_the_body_may_be_the_signed_one() {
    let body = r#"{"task_id":"d","taskId":"c","data":{"task_id":"b","taskId":"a"}}"#;
    let opened = signed(Posted { body: Some(body), ..GOOD }).unwrap();
    let messages: Vec<_> = opened.claims.iter().filter_map(|claim| claim.message.as_deref()).collect();
    assert_eq!(messages, ["a.1786413282", "b.1786413282", "c.1786413282", "d.1786413282"]);
}

#[test]
fn only_a_post_is_taken() {
    for method in ["GET", "HEAD", "OPTIONS", "PUT", "post", ""] {
        assert_eq!(signed(Posted { method, ..GOOD }), Err(Refusal::Method), "{method}");
    }
}

#[test]
fn a_body_is_json_that_names_a_task() {
    assert_eq!(signed(Posted { body: None, ..GOOD }), Err(Refusal::TooLarge));
    for body in ["", "{", "taskId=5f48", "<xml/>"] {
        assert_eq!(signed(Posted { body: Some(body), ..GOOD }), Err(Refusal::Unreadable), "{body}");
    }
    for body in ["{}", "null", "[1]", r#""5f48""#, r#"{"data":{"taskId":""}}"#, r#"{"taskId":5}"#] {
        assert_eq!(signed(Posted { body: Some(body), ..GOOD }), Err(Refusal::NoTaskId), "{body}");
    }
}

/// The message is made of the text as it came: a leading zero is signed, too.
#[test]
fn the_timestamp_is_signed_as_it_came() {
    let opened = stamped("01786413282", SIGNATURE).unwrap();
    assert_eq!(opened.claims[0].message.as_deref(), Some("5f48.01786413282"));
}

#[test]
fn a_timestamp_holds_within_the_window_on_either_side() {
    let seconds = |ms: u64| (ms / 1000).to_string();
    for near in [NOW, NOW - WINDOW + 1000, NOW + WINDOW] {
        assert!(stamped(&seconds(near), SIGNATURE).is_ok(), "{near}");
    }
    for far in [NOW - WINDOW, NOW + WINDOW + 1000, 1_609_459_200_000, 0, NOW * 1000] {
        assert_eq!(stamped(&seconds(far), SIGNATURE), Err(Refusal::OutsideWindow), "{far}");
    }
    assert_eq!(stamped(&u64::MAX.to_string(), SIGNATURE), Err(Refusal::OutsideWindow));
}

#[test]
fn the_window_ends_to_the_millisecond() {
    let posted = Posted { timestamp: Some("1000"), ..GOOD };
    let at = |now| open::<Value>(posted, Some(2_000), now).map(|_| ());
    assert_eq!([at(998_000), at(1_002_000)], [Ok(()), Ok(())]);
    assert_eq!([at(997_999), at(1_002_001)], [Err(Refusal::OutsideWindow); 2]);
}

#[test]
fn a_timestamp_is_digits_and_nothing_else() {
    for text in [
        "",
        "now",
        "-1786413282",
        "+1786413282",
        "1786413282.0",
        "1.786413282",
        "0x6a7a",
        "1786413282 ",
        "１７８６４１３２８２",
        "99999999999999999999",
    ] {
        assert_eq!(stamped(text, SIGNATURE), Err(Refusal::BadTimestamp), "{text}");
    }
}

#[test]
fn both_headers_are_wanted() {
    for (timestamp, signature) in [(None, None), (Some("1786413282"), None), (None, Some(SIGNATURE))] {
        assert_eq!(signed(Posted { timestamp, signature, ..GOOD }), Err(Refusal::Unsigned));
    }
}

#[test]
fn a_signature_is_32_bytes_of_base64() {
    let cut = SIGNATURE.trim_end_matches('=');
    let rows = [
        ("empty", String::new()),
        ("no padding", cut.to_owned()),
        ("too much padding", format!("{cut}==")),
        ("31 bytes", "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHg==".to_owned()),
        ("33 bytes", "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8g".to_owned()),
        ("hexadecimal", "0".repeat(64)),
        ("another alphabet", SIGNATURE.replacen('A', "-", 1)),
        ("a prefix", format!("sha256={SIGNATURE}")),
        ("a space", format!(" {SIGNATURE}")),
        ("padding within", SIGNATURE.replacen('A', "=", 1)),
        ("not ASCII", SIGNATURE.replacen("AA", "é", 1)),
    ];
    for (row, text) in rows {
        assert_eq!(stamped("1786413282", &text), Err(Refusal::BadSignature), "{row}");
    }
}

#[test]
fn all_digits_of_base64_are_read() {
    // 64 digits in order would be 48 bytes: read them in two halves, each filled up to 43.
    let first = format!("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdef{}=", "A".repeat(11));
    let second = format!("ghijklmnopqrstuvwxyz0123456789+/{}=", "A".repeat(11));
    let bytes = |text: &str| stamped("1786413282", text).unwrap().signature.unwrap()[..24].to_vec();
    let expected = |from: u8| -> Vec<u8> {
        let bits: String = (from..from + 32).map(|value| format!("{value:06b}")).collect();
        bits.as_bytes()
            .chunks(8)
            .map(|byte| u8::from_str_radix(std::str::from_utf8(byte).unwrap(), 2).unwrap())
            .collect()
    };
    assert_eq!(bytes(&first), expected(0));
    assert_eq!(bytes(&second), expected(32));
}

#[test]
fn a_tolerance_is_in_seconds() {
    assert_eq!(window(None), Some(300_000));
    assert_eq!(window(Some(60.0)), Some(60_000));
    assert_eq!(window(Some(0.5)), Some(500));
    assert_eq!(window(Some(86_400.0)), Some(86_400_000));
    // The last is the default in milliseconds, which would be three and a half days.
    for wrong in [0.0, -1.0, f64::NAN, f64::INFINITY, 300_000.0] {
        assert_eq!(window(Some(wrong)), None, "{wrong}");
    }
}

// The record

const SUCCESS: &str = r#"{"code":200,"msg":"success","data":{"taskId":"t1","state":"success","resultJson":"{\"resultUrls\":[\"https://files.example/1.png\"]}","creditsConsumed":0.5,"createTime":1,"completeTime":2}}"#;

fn said(status: u16, body: &str) -> Meaning {
    Meaning::from_response("t1", &reply(status, body))
}

#[test]
fn a_record_of_success_is_the_result() {
    let upscaled = TaskSuccess {
        task_id: "t1".into(),
        url: "https://files.example/1.png".into(),
        credits: Some(0.5),
        create_time: Some(1.0),
        complete_time: Some(2.0),
    };
    assert_eq!(said(200, SUCCESS), Meaning::Success(Box::new(upscaled)));
}

#[test]
fn a_record_of_failure_is_why() {
    let body = r#"{"code":501,"msg":"failed","data":{"taskId":"t1","state":"fail","failCode":"400","failMsg":"Image fetch failed."}}"#;
    let Meaning::Failed(failure) = said(501, body) else { panic!("{:?}", said(501, body)) };
    assert_eq!(
        (failure.kind, failure.code, failure.charged),
        (Kind::GenerationFailed, Some(400), Charged::No)
    );
    assert_eq!((failure.task_id.as_deref(), failure.resumable), (Some("t1"), false));
    assert!(failure.message.contains("Image fetch failed."));
}

/// A callback that cannot be checked is lost unless the service calls again.
#[test]
fn without_a_record_of_an_end_the_service_is_to_call_again() {
    let rows = [
        (200, r#"{"code":422,"msg":"recordInfo is null","data":null}"#, Kind::NotFound),
        (200, r#"{"code":404,"msg":"Task not found","data":null}"#, Kind::NotFound),
        (200, r#"{"code":401,"msg":"no access","data":null}"#, Kind::Unauthorized),
        (200, r#"{"code":429,"msg":"slower","data":null}"#, Kind::RateLimited),
        (200, r#"{"code":455,"msg":"maintenance","data":null}"#, Kind::Maintenance),
        (200, r#"{"code":500,"msg":"error","data":null}"#, Kind::ServerError),
        (200, r#"{"code":200,"msg":"success","data":null}"#, Kind::BadReply),
        (200, r#"{"code":408,"msg":"upstream gave nothing","data":null}"#, Kind::ServerError),
        (502, "<html>Bad gateway</html>", Kind::ServerError),
        (429, "", Kind::RateLimited),
        (200, r#"{"code":200,"da"#, Kind::BadReply),
        (0, "", Kind::BadReply),
        (200, r#"{"code":200,"data":{"taskId":"t1","state":"waiting"}}"#, Kind::BadReply),
        (200, r#"{"code":200,"data":{"taskId":"t1","state":"queuing"}}"#, Kind::BadReply),
        (200, r#"{"code":200,"data":{"taskId":"t1","state":"generating"}}"#, Kind::BadReply),
        (200, r#"{"code":200,"data":{"taskId":"t1","state":"of next year"}}"#, Kind::BadReply),
        // Success without a file: it is paid for.
        (200, r#"{"code":200,"data":{"taskId":"t1","state":"success","resultJson":""}}"#, Kind::BadReply),
    ];
    for (status, body, kind) in rows {
        let Meaning::Later(failure) = said(status, body) else { panic!("{body}: {:?}", said(status, body)) };
        assert_eq!(failure.task_id.as_deref(), Some("t1"), "{body}");
        assert_eq!(failure.kind, kind, "{body}");
        assert!(failure.resumable, "{body}");
        assert_ne!(failure.charged, Charged::No, "{body}");
    }
}

#[test]
fn the_record_of_another_task_is_not_believed() {
    let other = SUCCESS.replace("t1", "t2");
    assert_eq!(said(200, &other), Meaning::Refused(Refusal::OtherTask));
    // One that does not say whose it is came as the answer to the question.
    let unnamed = SUCCESS.replace(r#""taskId":"t1","#, "");
    assert!(matches!(said(200, &unnamed), Meaning::Success(upscaled) if upscaled.task_id == "t1"));
}

// What leaves

#[test]
fn every_refusal_has_its_word_and_status() {
    let rows = [
        (Refusal::Method, "method-not-allowed", 405),
        (Refusal::TooLarge, "too-large", 413),
        (Refusal::Unreadable, "unreadable", 400),
        (Refusal::NoTaskId, "no-task-id", 400),
        (Refusal::Unsigned, "unsigned", 403),
        (Refusal::BadTimestamp, "bad-timestamp", 403),
        (Refusal::OutsideWindow, "outside-window", 403),
        (Refusal::BadSignature, "bad-signature", 403),
        (Refusal::UnknownTask, "unknown-task", 403),
        (Refusal::OtherTask, "other-task", 403),
    ];
    for (reason, word, code) in rows {
        assert_eq!((reason.as_str(), status(reason.as_str())), (word, code));
    }
}

#[test]
fn the_service_calls_again_where_there_is_no_end_to_hand_out() {
    for kind in ["success", "failed", "duplicate"] {
        assert_eq!(status(kind), 200, "{kind}");
    }
    assert_eq!(status("later"), 503);
}
