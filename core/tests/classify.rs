//! Tests of `classify` and `failure`: what a response means for the caller's money, and every word for what went wrong.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use common::{Input, Output, Request, Upscale, reply};
use crisp_upscale_core::api::{CreateTask, Response, TaskDetail};
use crisp_upscale_core::classify::{CreateTaskResponse, create_task, failed_task};
use crisp_upscale_core::failure::{Charged, Failure, Kind, redact};
use crisp_upscale_core::network_error::NetworkError;
use crisp_upscale_core::network_error::{Unsent, by_code, by_code_of_fetch, by_message};
use crisp_upscale_core::schedule::Durations;
use serde_json::{Value, json};

/// Statuses under which an envelope may come; 0 is a redirect that a browser hides.
const STATUSES: [u16; 6] = [200, 0, 302, 400, 500, 502];

/// Codes with which nothing was made, and their kinds.
const REFUSALS: [(i64, Kind); 11] = [
    (400, Kind::BadRequest),
    (401, Kind::Unauthorized),
    (402, Kind::InsufficientCredits),
    (403, Kind::Unauthorized),
    (404, Kind::NotFound),
    (405, Kind::MethodNotAllowed),
    (422, Kind::Validation),
    (433, Kind::KeyLimit),
    (451, Kind::ContentRefused),
    (455, Kind::Maintenance),
    (505, Kind::FeatureDisabled),
];

/// What is not the API's, as bodies: a proxy's page, a cut reply, other JSON, nothing.
const NO_ENVELOPES: [&str; 7] = [
    "<html><body>502 Bad Gateway</body></html>",
    r#"{"code":200,"msg":"success","data":{"taskId":"5f"#,
    "",
    "null",
    "[]",
    "200",
    r#"{"code":"success","data":{"param":"{\"taskId\":\"5f48\"}"}}"#,
];

fn expect_made(row: &str, reply: &Response<Value>) {
    assert_eq!(create_task(reply), CreateTaskResponse::Created("5f48".into()), "{row}");
}

/// Refused for good: nothing was made, and the same call is not sent again.
fn expect_refused(row: &str, reply: &Response<Value>, kind: Kind, code: i64) {
    let CreateTaskResponse::Failed(failure) = create_task(reply) else {
        panic!("{row}: {:?}", create_task(reply))
    };
    assert_eq!(failure.kind, kind, "{row}");
    assert_eq!(failure.charged, Charged::No, "{row}");
    assert_eq!((failure.code, failure.status), (Some(code), Some(reply.status)), "{row}");
    assert_eq!(failure.task_id, None, "{row}");
    assert_eq!(failure.retryable, kind == Kind::Maintenance, "{row}: only maintenance passes by itself");
}

/// Refused by the rate limit: nothing was made, and it is sent again.
fn expect_limited(row: &str, reply: &Response<Value>) {
    let CreateTaskResponse::RateLimited { retry_after: wait, failure } = create_task(reply) else {
        panic!("{row}: {:?}", create_task(reply))
    };
    assert_eq!(wait, reply.retry_after, "{row}");
    assert_eq!((failure.kind, failure.charged), (Kind::RateLimited, Charged::No), "{row}");
    assert_eq!((failure.code, failure.status), (Some(429), Some(reply.status)), "{row}");
    assert!(failure.retryable, "{row}");
}

/// Nobody knows, and it is not sent again.
fn expect_unknown(row: &str, reply: &Response<Value>) {
    let CreateTaskResponse::Failed(failure) = create_task(reply) else {
        panic!("{row}: {:?}", create_task(reply))
    };
    assert_eq!((failure.kind, failure.charged), (Kind::OutcomeUnknown, Charged::Unknown), "{row}");
    assert_eq!(failure.status, Some(reply.status), "{row}");
    assert_eq!(failure.code, reply.envelope().map(|envelope| envelope.code), "{row}");
    assert_eq!(failure.task_id, None, "{row}");
    assert!(!failure.retryable, "{row}: a second try may cost a second time");
}

// What a reply to createTask means

#[test]
fn a_task_id_means_made() {
    for status in STATUSES {
        for code in [200, 422, 500, 501, 505, 999] {
            let body = json!({"code": code, "msg": "m", "data": {"taskId": "5f48", "recordId": "5f48"}});
            expect_made(&format!("{body} at {status}"), &reply(status, &body.to_string()));
        }
    }
    for body in [
        json!({"code": "200", "data": {"taskId": "5f48"}}),
        json!({"data": {"taskId": "5f48"}}),
        json!({"code": 200, "data": {"task_id": "5f48"}}),
        json!({"code": 200, "data": {"recordId": "5f48"}}),
        json!({"code": 200, "taskId": "5f48"}),
        json!({"code": 200, "task_id": "5f48", "data": null}),
        json!({"recordId": "5f48"}),
    ] {
        expect_made(&body.to_string(), &reply(200, &body.to_string()));
    }
}

#[test]
fn a_refusal_costs_nothing_and_is_not_sent_again() {
    for status in STATUSES {
        for (code, kind) in REFUSALS {
            for body in [
                json!({"code": code, "msg": "the service's words", "data": null}),
                json!({"code": code, "message": "the service's words"}),
                json!({"code": code}),
                json!({"code": code, "msg": null, "data": {}}),
                json!({"code": code.to_string(), "msg": "in quotes"}),
            ] {
                expect_refused(&format!("{body} at {status}"), &reply(status, &body.to_string()), kind, code);
            }
        }
    }
}

#[test]
fn a_429_is_a_refusal_that_is_sent_again() {
    for status in STATUSES {
        let body = r#"{"code":429,"msg":"Your call frequency is too high. Please try again later."}"#;
        expect_limited(&format!("code 429 at {status}"), &reply(status, body));
    }
    for body in NO_ENVELOPES {
        expect_limited(&format!("{body} at 429"), &reply(429, body));
    }
    for code in [200, 400, 401, 429, 500, 501, 999] {
        let body = json!({"code": code, "msg": "m", "data": null}).to_string();
        expect_limited(&format!("{body} at 429"), &reply(429, &body));
    }
    for wait in [None, Some(0), Some(7_000)] {
        let reply = Response { retry_after: wait, ..reply(429, "slow down") };
        expect_limited(&format!("Retry-After {wait:?}"), &reply);
    }
}

/// Two rows of the table meet; a task whose id is known is not made a second time.
#[test]
fn a_task_id_wins_even_over_a_429() {
    for (status, code) in [(429, 200), (200, 429), (429, 429)] {
        let body = json!({"code": code, "msg": "m", "data": {"taskId": "5f48"}}).to_string();
        expect_made(&format!("{body} at {status}"), &reply(status, &body));
    }
}

#[test]
fn known_refusals_at_500_cost_nothing() {
    for (msg, kind) in [
        ("image is required", Kind::ServerError),
        ("Image is required", Kind::ServerError),
        ("Credits insufficient", Kind::InsufficientCredits),
        ("credits insufficient.", Kind::InsufficientCredits),
    ] {
        for name in ["msg", "message"] {
            let body = json!({"code": 500, name: msg, "data": null}).to_string();
            expect_refused(&body, &reply(200, &body), kind, 500);
            // Where HTTP says so too, the server itself broke, or one before it.
            for status in STATUSES.into_iter().filter(|&status| status != 200) {
                expect_unknown(&format!("{body} at {status}"), &reply(status, &body));
            }
        }
        let body = json!({"code": 501, "msg": msg}).to_string();
        expect_unknown(&body, &reply(200, &body));
    }
}

#[test]
fn any_other_500_may_have_made_a_task() {
    let words =
        ["Internal server error", "Server exception, please try again later", "image", "credits", "required"];
    for msg in words.map(Value::from).into_iter().chain([
        json!(null),
        json!(""),
        json!(5),
        json!(["image is required"]),
    ]) {
        for status in STATUSES {
            let body = json!({"code": 500, "msg": msg, "data": null}).to_string();
            expect_unknown(&format!("{body} at {status}"), &reply(status, &body));
        }
    }
}

/// Everything between 0 and 999 that is in no row of the table is the last row.
#[test]
fn every_other_code_may_have_made_a_task() {
    for code in (-1..1000).filter(|code| *code != 429 && REFUSALS.iter().all(|(refusal, _)| refusal != code))
    {
        for status in STATUSES {
            let body = json!({"code": code, "msg": "m"}).to_string();
            expect_unknown(&format!("{body} at {status}"), &reply(status, &body));
        }
    }
}

#[test]
fn what_is_no_envelope_may_have_made_a_task() {
    let statuses = [
        0, 200, 201, 204, 301, 302, 304, 307, 308, 400, 402, 403, 406, 408, 409, 410, 415, 422, 451, 455,
        500, 502, 503, 504, 524,
    ];
    for status in statuses {
        for body in NO_ENVELOPES {
            expect_unknown(&format!("{body:?} at {status}"), &reply(status, body));
        }
    }
}

/// Whatever answers so has not passed the request on, since its words are not the API's.
#[test]
fn a_refusal_by_another_server_made_nothing() {
    let kinds = [
        (401, Kind::Unauthorized),
        (404, Kind::NotFound),
        (405, Kind::MethodNotAllowed),
        (407, Kind::BadReply),
        (413, Kind::BadReply),
        (414, Kind::BadReply),
        (421, Kind::BadReply),
        (431, Kind::BadReply),
    ];
    let spring =
        r#"{"timestamp":"2026-01-01T00:00:00Z","status":404,"error":"Not Found","path":"/api/v1/api/v1"}"#;
    for (status, kind) in kinds {
        for body in NO_ENVELOPES.into_iter().chain([spring]) {
            let row = format!("{body:?} at {status}");
            let CreateTaskResponse::Failed(failure) = create_task(&reply(status, body)) else {
                panic!("{row}")
            };
            assert_eq!((failure.kind, failure.charged), (kind, Charged::No), "{row}");
            assert_eq!(
                (failure.code, failure.status, failure.retryable),
                (None, Some(status), false),
                "{row}"
            );
            assert!(
                failure.message.ends_with("No task was made. Check the base URL."),
                "{}",
                failure.message
            );
        }
        // An envelope says more than the status.
        let body = r#"{"code":500,"msg":"Internal server error"}"#;
        expect_unknown(&format!("{body} at {status}"), &reply(status, body));
    }
}

#[test]
fn a_success_without_a_task_id_may_have_made_a_task() {
    for data in [
        json!(null),
        json!({}),
        json!([]),
        json!("5f48"),
        json!({"taskId": ""}),
        json!({"taskId": null}),
        json!({"taskId": 5}),
        json!({"taskId": ["5f48"]}),
        json!({"param": "{\"taskId\":\"5f48\"}"}),
    ] {
        let body = json!({"code": 200, "msg": "success", "data": data}).to_string();
        expect_unknown(&body, &reply(200, &body));
    }
    expect_unknown("no data", &reply(200, r#"{"code":200,"msg":"success"}"#));
}

/// The rows of the table in which no reply came.
#[test]
fn a_request_without_a_reply() {
    let after = |fault| {
        let mut job =
            Upscale::create(CreateTask::upscale("https://host.example/a.jpg".into(), None), 300_000);
        let first = job.handle(Input::<Value>::LeaseAcquired, 0, &mut Durations::default()).output;
        assert!(matches!(first, Output::Send(Request::Create(_), _)), "{first:?}");
        job.handle(Input::<Value>::NetworkError(fault), 10, &mut Durations::default()).output
    };
    assert!(
        matches!(after(NetworkError::NoConnection), Output::Sleep(_)),
        "nothing was sent: it may be sent again"
    );
    for fault in [NetworkError::Lost, NetworkError::TimedOut] {
        let Output::Done(outcome) = after(fault) else { panic!("{fault:?}: sent again") };
        let failure = outcome.expect_err("nothing came");
        assert_eq!((failure.kind, failure.charged), (Kind::OutcomeUnknown, Charged::Unknown), "{fault:?}");
        assert_eq!((failure.code, failure.status, failure.retryable), (None, None, false), "{fault:?}");
    }
}

/// The list is closed: what is not on it may come from a connection on which the request had left.
#[test]
fn only_a_failed_dial_proves_that_nothing_was_sent() {
    for code in ["ECONNREFUSED", "ENOTFOUND", "EAI_AGAIN", "UND_ERR_CONNECT_TIMEOUT"] {
        assert_eq!(by_code(code, None), Some(NetworkError::NoConnection), "{code}");
    }
    for code in ["ETIMEDOUT", "EHOSTUNREACH", "ENETUNREACH"] {
        assert_eq!(by_code(code, Some("connect")), Some(NetworkError::NoConnection), "{code} of a dial");
        assert_eq!(by_code(code, Some("read")), None, "{code} of a connection that was made");
    }
    for code in [
        "ECONNRESET",
        "EPIPE",
        "ETIMEDOUT",
        "EHOSTUNREACH",
        "ENETUNREACH",
        "ENETDOWN",
        "ECONNABORTED",
        "ERR_NETWORK",
        "UND_ERR_SOCKET",
        "UND_ERR_HEADERS_TIMEOUT",
        "UND_ERR_BODY_TIMEOUT",
        "econnrefused",
        " ECONNREFUSED",
        "",
    ] {
        assert_eq!(by_code(code, None), None, "{code}");
    }
    for code in ["ECONNRESET", "EPIPE", "ConnectionRefused", "FailedToOpenSocket", "ConnectionClosed"] {
        assert_eq!(by_code(code, Some("connect")), None, "{code}");
    }
}

/// What Deno 2.2 and 2.9 said, word for word.
#[test]
fn only_a_failed_dial_of_deno_proves_that_nothing_was_sent() {
    let url = "http://api.example/api/v1/jobs/createTask";
    for words in [
        "client error (Connect): tcp connect error: Connection refused (os error 111)",
        "client error (Connect): dns error: failed to lookup address information: Name or service not known",
    ] {
        let message = format!("error sending request for url ({url}): {words}");
        assert_eq!(by_message(&message), Some(NetworkError::NoConnection), "{words}");
    }
    for words in [
        "client error (SendRequest): connection closed before message completed",
        "client error (Connect): Connection reset by peer (os error 104)",
        "client error (Connect): received fatal alert: HandshakeFailure",
        "received fatal alert: CertificateRequired",
        "tcp connect error",
    ] {
        let message = format!("error sending request from 127.0.0.1:4711 for {url} (127.0.0.1:80): {words}");
        assert_eq!(by_message(&message), None, "{words}");
    }
    let url = "http://api.example/client%20error%20(Connect):%20dns%20error";
    assert_eq!(by_message(&format!("error sending request for url ({url}): broken pipe")), None);
}

/// What each runtime said where the handshake, a proxy or the port kept the request from leaving.
#[test]
fn a_request_that_never_left_is_told_by_a_closed_list() {
    let certificate = [
        "CERT_HAS_EXPIRED",
        "CERT_NOT_YET_VALID",
        "DEPTH_ZERO_SELF_SIGNED_CERT",
        "SELF_SIGNED_CERT_IN_CHAIN",
        "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
        "UNABLE_TO_GET_ISSUER_CERT_LOCALLY",
        "ERR_TLS_CERT_ALTNAME_INVALID",
    ];
    let handshake = [
        "ERR_SSL_WRONG_VERSION_NUMBER",
        "ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION",
        "ERR_SSL_UNSUPPORTED_PROTOCOL",
    ];
    for code in certificate {
        assert_eq!(by_code(code, None), Some(NetworkError::Unsent(Unsent::Certificate)), "{code}");
    }
    for code in handshake {
        assert_eq!(by_code_of_fetch(code), Some(NetworkError::Unsent(Unsent::Handshake)), "{code}");
        assert_eq!(by_code(code, None), None, "{code} of another package may come after the handshake");
    }
    assert_eq!(by_code("ERR_PROXY_TUNNEL", None), Some(NetworkError::Unsent(Unsent::Proxy)));
    // What may come after the client's part of the handshake.
    for code in [
        "ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED",
        "ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE",
        "ERR_SSL_SSL/TLS_ALERT_HANDSHAKE_FAILURE",
        "ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE",
        "ERR_SSL_TLSV1_ALERT_UNKNOWN_CA",
        "ERR_SSL_DECRYPTION_FAILED_OR_BAD_RECORD_MAC",
        "EPROTO",
        "UND_ERR_ABORTED",
        "ERR_TLS_HANDSHAKE_TIMEOUT",
    ] {
        assert_eq!((by_code(code, None), by_code_of_fetch(code)), (None, None), "{code}");
    }

    let connect = |words: &str| {
        format!("error sending request for url (https://api.example/a): client error (Connect): {words}")
    };
    let rows = [
        (connect("invalid peer certificate: UnknownIssuer"), Unsent::Certificate),
        (connect("invalid peer certificate: Expired"), Unsent::Certificate),
        (
            connect("invalid peer certificate: certificate not valid for name \"localhost\""),
            Unsent::Certificate,
        ),
        (connect("received fatal alert: ProtocolVersion"), Unsent::Handshake),
        (connect("received corrupt message of type InvalidContentType"), Unsent::Handshake),
        (connect("tls handshake eof"), Unsent::Handshake),
        (connect("unsuccessful tunnel"), Unsent::Proxy),
        (
            "Client network socket disconnected before secure TLS connection was established".to_owned(),
            Unsent::Handshake,
        ),
        ("Proxy response (403) !== 200 when HTTP Tunneling".to_owned(), Unsent::Proxy),
        ("Fetch failed: Requests to port 6000 are blocked".to_owned(), Unsent::Port),
        ("bad port".to_owned(), Unsent::Port),
    ];
    for (message, unsent) in rows {
        assert_eq!(by_message(&message), Some(NetworkError::Unsent(unsent)), "{message}");
    }
    for message in [
        "",
        "fetch failed",
        "Failed to fetch",
        "Load failed",
        "Network connection lost.",
        "other side closed",
        "read ECONNRESET",
        "The socket connection was closed unexpectedly.",
        "peer closed connection without sending TLS close_notify",
        "a bad port",
        "Proxy response (403)",
        "https://api.example/client%20error%20(Connect):%20invalid%20peer%20certificate:%20Expired",
    ] {
        assert_eq!(by_message(message), None, "{message}");
    }
}

/// It is not sent again: a certificate does not become valid by trying.
#[test]
fn a_request_that_never_left_costs_nothing() {
    for unsent in [Unsent::Certificate, Unsent::Handshake, Unsent::Proxy, Unsent::Port] {
        let mut job =
            Upscale::create(CreateTask::upscale("https://host.example/a.jpg".into(), None), 300_000);
        job.handle(Input::<Value>::LeaseAcquired, 0, &mut Durations::default());
        let fault = Input::<Value>::NetworkError(NetworkError::Unsent(unsent));
        let Output::Done(outcome) = job.handle(fault, 10, &mut Durations::default()).output else {
            panic!("{unsent:?}: sent again")
        };
        let failure = outcome.expect_err("nothing was sent");
        assert_eq!((failure.kind, failure.charged), (Kind::Unreachable, Charged::No), "{unsent:?}");
        assert_eq!(failure.retryable, unsent != Unsent::Port, "{unsent:?}");
        assert!(failure.message.contains("so nothing was sent. "), "{}", failure.message);
    }
}

// What a task that failed costs

#[test]
fn a_failed_task_is_free_unless_its_record_says_otherwise() {
    let rows = [
        (
            json!({"failCode": "400", "failMsg": "why", "creditsConsumed": 0.0}),
            Charged::No,
            Some(400),
            " The service said: why",
        ),
        (json!({"failCode": "500", "failMsg": "why"}), Charged::No, Some(500), " The service said: why"),
        (
            json!({"failCode": 422, "failMsg": "why", "creditsConsumed": 0.5}),
            Charged::Yes,
            Some(422),
            " The service said: why",
        ),
        (json!({"failCode": "GENERATION_FAILED"}), Charged::No, None, " The service said: GENERATION_FAILED"),
        (json!({"failCode": "501", "failMsg": ""}), Charged::No, Some(501), " The service said: 501"),
        (json!({"failCode": null, "failMsg": null}), Charged::No, None, "could not be upscaled."),
        (json!({"creditsConsumed": "0.5"}), Charged::No, None, "could not be upscaled."),
    ];
    for (mut data, charged, code, ending) in rows {
        let row = data.to_string();
        data["state"] = json!("fail");
        let failure = failed_task(&TaskDetail::read(&data).expect(&row));
        assert_eq!(
            (failure.kind, failure.charged, failure.code),
            (Kind::GenerationFailed, charged, code),
            "{row}"
        );
        assert!(failure.message.ends_with(ending), "{row}: {}", failure.message);
        assert!(!failure.retryable, "{row}");
        let word = data["failCode"].as_str().filter(|word| !word.is_empty());
        assert_eq!(
            failure.fail_code,
            word.map(str::to_owned).or(data["failCode"].as_i64().map(|code| code.to_string()))
        );
    }
}

// The words

/// All kinds, with the word that callers switch over.
const WORDS: [(Kind, &str); 21] = [
    (Kind::InvalidInput, "invalid-input"),
    (Kind::BadRequest, "bad-request"),
    (Kind::Unauthorized, "unauthorized"),
    (Kind::InsufficientCredits, "insufficient-credits"),
    (Kind::NotFound, "not-found"),
    (Kind::MethodNotAllowed, "method-not-allowed"),
    (Kind::Validation, "validation"),
    (Kind::RateLimited, "rate-limited"),
    (Kind::KeyLimit, "key-limit"),
    (Kind::ContentRefused, "content-refused"),
    (Kind::Maintenance, "maintenance"),
    (Kind::ServerError, "server-error"),
    (Kind::GenerationFailed, "generation-failed"),
    (Kind::FeatureDisabled, "feature-disabled"),
    (Kind::UnknownCode, "unknown-code"),
    (Kind::Unreachable, "unreachable"),
    (Kind::BadReply, "bad-reply"),
    (Kind::OutcomeUnknown, "outcome-unknown"),
    (Kind::Timeout, "timeout"),
    (Kind::LoadFailed, "load-failed"),
    (Kind::StoreFailed, "store-failed"),
];

/// A kind that is missing in [`WORDS`] does not compile here.
fn place(kind: Kind) -> usize {
    match kind {
        Kind::InvalidInput => 0,
        Kind::BadRequest => 1,
        Kind::Unauthorized => 2,
        Kind::InsufficientCredits => 3,
        Kind::NotFound => 4,
        Kind::MethodNotAllowed => 5,
        Kind::Validation => 6,
        Kind::RateLimited => 7,
        Kind::KeyLimit => 8,
        Kind::ContentRefused => 9,
        Kind::Maintenance => 10,
        Kind::ServerError => 11,
        Kind::GenerationFailed => 12,
        Kind::FeatureDisabled => 13,
        Kind::UnknownCode => 14,
        Kind::Unreachable => 15,
        Kind::BadReply => 16,
        Kind::OutcomeUnknown => 17,
        Kind::Timeout => 18,
        Kind::LoadFailed => 19,
        Kind::StoreFailed => 20,
    }
}

#[test]
fn every_kind_has_its_word() {
    for (index, (kind, word)) in WORDS.into_iter().enumerate() {
        assert_eq!(place(kind), index, "{word} is not where it is looked for");
        assert_eq!(kind.as_str(), word);
        assert_eq!(serde_json::to_value(kind).unwrap(), json!(word));
        assert_eq!(WORDS.iter().filter(|(_, other)| *other == word).count(), 1, "{word} stands for one kind");
    }
}

#[test]
fn every_documented_code_has_its_own_kind() {
    let mut codes = REFUSALS.to_vec();
    codes.extend([(429, Kind::RateLimited), (500, Kind::ServerError), (501, Kind::GenerationFailed)]);
    // Two that mean the same as another one.
    assert_eq!((Kind::from_code(403), Kind::from_code(408)), (Kind::Unauthorized, Kind::ServerError));
    codes.retain(|(code, _)| *code != 403);
    for (code, kind) in &codes {
        assert_eq!(Kind::from_code(*code), *kind, "{code}");
        assert_eq!(
            codes.iter().filter(|(_, other)| other == kind).count(),
            1,
            "{kind:?} stands for one code"
        );
    }
    for code in (-1..1000).chain([i64::MIN, i64::MAX]) {
        if ![403, 408].contains(&code) && codes.iter().all(|(documented, _)| *documented != code) {
            assert_eq!(Kind::from_code(code), Kind::UnknownCode, "{code}");
        }
    }
}

/// What happened and what to do about it; what has other words brings its own.
#[test]
fn every_kind_speaks_in_sentences() {
    for (kind, word) in WORDS {
        let message = Failure::new(kind, Charged::No).message;
        if matches!(kind, Kind::InvalidInput | Kind::LoadFailed | Kind::StoreFailed) {
            assert_eq!(message, "", "{word}");
        } else {
            assert!(message.ends_with('.') && message.starts_with(char::is_uppercase), "{word}: {message}");
        }
    }
}

#[test]
fn the_services_own_words_are_quoted() {
    let failure = Failure::from_code(402, Some("Credits insufficient"), 200, Charged::No);
    assert_eq!(
        failure.message,
        "There are not enough credits. Top up the account. The service said: Credits insufficient"
    );
    let silent = Failure::from_code(402, None, 200, Charged::No);
    assert_eq!(silent.message, "There are not enough credits. Top up the account.");
}

/// What JavaScript sees of an error, name for name.
#[test]
fn a_failure_is_handed_on_in_these_words() {
    let failure = Failure::from_code(429, None, 200, Charged::No);
    assert_eq!(
        serde_json::to_value(&failure).unwrap(),
        json!({
            "kind": "rate-limited", "code": 429, "failCode": null, "status": 200, "message": "Too many requests. Try again in a few seconds.",
            "taskId": null, "charged": "no", "retryable": true, "resumable": false,
        })
    );
    let failure = Failure::new(Kind::Timeout, Charged::Unknown).for_task("5f48");
    let seen = serde_json::to_value(&failure).unwrap();
    assert_eq!(
        (&seen["taskId"], &seen["resumable"], &seen["charged"]),
        (&json!("5f48"), &json!(true), &json!("unknown"))
    );
    assert_eq!(
        serde_json::to_value([Charged::No, Charged::Yes, Charged::Unknown]).unwrap(),
        json!(["no", "yes", "unknown"])
    );
}

// The key

const KEY: &str = "sk-0123456789abcdef";

/// The failure that a job ends with when this is the one answer it gets before its time is over.
fn ended_by(mut job: Upscale, answer: Response<Value>) -> Box<Failure> {
    job.handle(Input::<Value>::Started, BEGIN, &mut Durations::default());
    let mut next = job.handle(Input::Response(answer), BEGIN + 1, &mut Durations::default()).output;
    if matches!(next, Output::Sleep(_)) {
        next = job.handle(Input::<Value>::TimerFired, END, &mut Durations::default()).output;
    }
    if matches!(next, Output::AcquireLease(_)) {
        next = job.handle(Input::<Value>::LeaseAcquired, END, &mut Durations::default()).output;
    }
    let Output::Done(outcome) = next else { panic!("goes on: {next:?}") };
    outcome.expect_err("it ended well")
}

/// Long after the task was made, so that a missing record ends the life.
const BEGIN: u64 = 500_000;
const END: u64 = 600_000;

/// Every way on which the service's words come into a failure.
#[test]
fn a_key_that_the_service_echoes_is_in_no_message() {
    for said in
        [format!("Invalid key: {KEY}"), format!("Bearer {KEY}, again {KEY}"), KEY.repeat(2), KEY.to_owned()]
    {
        let says = |body: &Value| reply(200, &body.to_string());
        let create = |answer| {
            ended_by(
                Upscale::create(CreateTask::upscale("https://host.example/a.jpg".into(), None), END),
                answer,
            )
        };
        let poll = |body| ended_by(Upscale::watch("5f48".into(), 0, END), says(&body));
        let limited = Response { retry_after: Some(END), ..says(&json!({"code": 429, "msg": said})) };
        let rows = [
            ("a create refused", create(says(&json!({"code": 401, "msg": said})))),
            ("a create limited for too long", create(limited)),
            ("a create of unknown outcome", create(says(&json!({"code": 500, "msg": said})))),
            ("a poll refused", poll(json!({"code": 401, "msg": said}))),
            ("a record missing", poll(json!({"code": 404, "msg": said}))),
            ("a task failed", poll(json!({"code": 200, "data": {"state": "fail", "failMsg": said}}))),
            ("a code and no words", poll(json!({"code": 200, "data": {"state": "fail", "failCode": said}}))),
            ("a time-out after a bad poll", poll(json!({"code": 500, "msg": said}))),
        ];
        for (row, failure) in rows {
            assert!(failure.message.contains(KEY), "{row}: the test echoes no key: {failure:?}");
            let clean = failure.clone().without(KEY);
            assert!(!serde_json::to_string(&clean).unwrap().contains(KEY), "{row}: {clean:?}");
            assert!(clean.message.contains("[key]"), "{row}: {}", clean.message);
            let (message, fail_code) = (clean.message.clone(), clean.fail_code.clone());
            let expected = Box::new(Failure { message, fail_code, ..*failure });
            assert_eq!(clean, expected, "{row}: only what others said changes");
        }
    }
}

/// A token of a gateway may be as short as a word of ours.
#[test]
fn our_own_words_stay_as_they_are() {
    let failure = Failure::from_code(401, Some("the key is wrong"), 200, Charged::No).without("key");
    assert_eq!(
        failure.message,
        "The key is missing or wrong. Check it. The service said: the [key] is wrong"
    );
    let failure = Failure::new(Kind::Unauthorized, Charged::No).without("key");
    assert_eq!(failure.message, "The key is missing or wrong. Check it.");
}

#[test]
fn nothing_is_blotted_out_where_there_is_no_secret() {
    assert_eq!(redact("a message", ""), "a message");
    assert_eq!(redact("a message", "sk-1"), "a message");
    assert_eq!(redact("", "sk-1"), "");
    let failure = Failure::invalid("a message");
    assert_eq!(failure.clone().without(""), failure);
}

/// `a` and `[` are left of the two echoes, and `[` begins what stands in their place.
#[test]
fn what_stands_in_a_secrets_place_does_not_complete_another() {
    for (text, secret) in [("aa[", "a["), ("sk-sk-[", "sk-["), ("]kk", "]k")] {
        assert!(!redact(text, secret).contains(secret), "{text} without {secret}: {}", redact(text, secret));
    }
}
