//! What callers send to the gateway.

use std::sync::LazyLock;

use crisp_upscale_core::api::Response;
use crisp_upscale_core::rate_limit::Rate;
use crisp_upscale_gateway_core::address::Allowed;
use crisp_upscale_gateway_core::map_store::MapStore;
use crisp_upscale_gateway_core::origin::{Origins, Visitor};
use crisp_upscale_gateway_core::protocol::Request;
use crisp_upscale_gateway_core::route::{Route, route};
use crisp_upscale_gateway_core::secret::Secret;
use crisp_upscale_gateway_core::token::{Caller, Claims, Refusal, mint, verify};
use crisp_upscale_gateway_core::{Account, Input, Moment, Order, Output, Settings, ids, link, order};
use serde_json::Value;

use crate::lines;

const NOW: u64 = 1_786_878_073_451;

static SECRET: LazyLock<Secret> =
    LazyLock::new(|| Secret::new("0123456789abcdef0123456789abcdef").expect("it is long enough"));

static ADDRESSES: LazyLock<Allowed> =
    LazyLock::new(|| Allowed::new("http://127.0.0.1:8080").expect("it is an origin"));

/// Method, path, `Origin` and `Idempotency-Key`, with spaces between them, and a createTask's body.
pub fn routes(data: &[u8]) {
    let (head, body) = lines(data);
    let mut head = head.split(' ');
    let [method, path, origin, key] = [(); 4].map(|()| head.next().unwrap_or_default());
    match route(method, path) {
        Some(Route::Callback(job, secret)) => {
            assert_eq!(path, format!("/callback/{job}/{secret}"));
            let _ = ids::callback_hash(&secret);
        }
        Some(Route::Result(job)) => {
            assert_eq!(path, format!("/results/{job}"));
            assert!(link::verify(&SECRET, &job, key, origin, NOW).is_err(), "a link that nobody signed");
        }
        // What a path is for does not hang on the method, but for the one that it is for.
        Some(Route::Other) => assert!(route("POST", path).is_some() && method != "POST" || method != "GET"),
        Some(_) | None => {}
    }
    let origins = Origins::new("https://www.example.com").expect("it is an origin");
    match origins.visitor(Some(origin), "https://gateway.example") {
        Visitor::Page(page) => {
            assert!(["https://www.example.com", "https://gateway.example"].contains(&page))
        }
        visitor => assert_eq!(visitor, Visitor::Stranger),
    }
    if order::is_key(key) {
        assert!(ids::is_job_id(&ids::keyed_job_id("visitor-7", key)));
    }
    let models = ["recraft/crisp-upscale".to_owned()];
    let body: Option<Value> = serde_json::from_str(&body).ok();
    match order::read("visitor-7", body, &models, &ADDRESSES) {
        Ok(order) => {
            assert_eq!(order.model, models[0]);
            for url in [Some(order.image), order.call_back_url].into_iter().flatten() {
                // Nobody who reads it again reads another address.
                let again = ADDRESSES.check(&url).expect("what was allowed is allowed");
                assert_eq!(again.as_str(), url);
                assert!(url.starts_with("https://") || url.starts_with("http://127.0.0.1:8080/"), "{url}");
            }
        }
        Err((code, message)) => assert!(matches!(code, 400 | 422) && !message.is_empty()),
    }
    let _ = Allowed::new(path);
}

/// The header `Authorization`; what follows is also signed, as a token's header and claims.
pub fn token(data: &[u8]) {
    let (authorization, claims) = lines(data);
    // Nobody signed it.
    let refused = verify(&SECRET, Some(&authorization), NOW).expect_err("a token that nobody signed");
    assert!(matches!(refused, Refusal::Missing | Refusal::NoToken | Refusal::BadSignature));
    // Whoever has the secret may still be careless.
    let (header, claims) = lines(claims.as_bytes());
    let token = signed(&header, &claims);
    if let Ok(Caller { name, tasks_per_hour }) = verify(&SECRET, Some(&format!("Bearer {token}")), NOW) {
        assert!((1..=200).contains(&name.chars().count()) && !name.contains(char::is_control));
        let claims: Value = serde_json::from_str(&claims).expect("claims that were taken are JSON");
        assert_eq!(claims["sub"].as_str(), Some(name.as_str()));
        assert_eq!(claims["tasksPerHour"].as_u64(), tasks_per_hour.map(u64::from));
        let end = claims["exp"].as_f64().expect("an end");
        let now = NOW as f64 / 1000.0;
        assert!(now < end && end <= now + 86_460.0);
        // What is minted for the same caller is taken, too.
        let claims = Claims { sub: name.clone(), exp: NOW / 1000 + 600, tasks_per_hour };
        let again = verify(&SECRET, Some(&format!("Bearer {}", mint(&SECRET, &claims))), NOW);
        assert_eq!(again, Ok(Caller { name, tasks_per_hour }));
    }
}

/// A job of an account whose requests to the service are all answered so. It is not left alone, and is deleted in the end.
pub(crate) fn follow(reply: &Response<Value>, begin: u64) {
    const KEEP: u64 = 600_000;
    let settings = Settings {
        rate: Rate::DOCUMENTED,
        callbacks: true,
        public_url: None,
        copies: false,
        outcome_timeout: KEEP / 2,
        keep: KEEP,
        secret: SECRET.clone(),
    };
    let mut store = MapStore::default();
    let (mut account, _) = Account::load(&mut store, settings, begin).expect("nothing is stored");
    let order = Order {
        caller: "visitor-7".to_owned(),
        model: "recraft/crisp-upscale".to_owned(),
        image: "https://host.example/photo.jpg".to_owned(),
        call_back_url: None,
    };
    let request = Request::CreateTask {
        job: ids::random_job_id([7; 16]),
        key_hash: None,
        order,
        base: "https://gateway.example".to_owned(),
        tasks_per_hour: None,
    };
    let (mut now, mut alarm_at) = (begin, None);
    let mut inputs = vec![Input::Request { id: 1, request }];
    for _ in 0..2_000 {
        let input = inputs.pop().unwrap_or_else(|| {
            let at = alarm_at.take().expect("an alarm, or the job is left alone");
            assert!(at <= now + KEEP, "left alone until {at}, at {now}");
            now = now.max(at);
            Input::AlarmFired
        });
        let moment = Moment { now, random: [7; 32] };
        for output in account.handle(&mut store, input, moment).expect("a store that does not fail") {
            match output {
                Output::SetAlarm(at) => alarm_at = Some(at),
                Output::SendCreate { job, .. } => {
                    inputs.push(Input::Created { job, result: Ok(reply.clone()) })
                }
                Output::PollTask { job, task } => {
                    inputs.push(Input::Polled { job, task, result: Ok(reply.clone()) });
                }
                _ => {}
            }
        }
        assert!(inputs.len() < 10);
        if store.jobs().is_empty() {
            return;
        }
    }
    panic!("The job is never deleted.");
}

/// A token of these parts, which our secret signed: what [`mint`] writes is exactly one of them.
fn signed(header: &str, claims: &str) -> String {
    use base64::Engine;
    use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64;
    use hmac::{Hmac, KeyInit, Mac};
    let signed = format!("{}.{}", BASE64.encode(header), BASE64.encode(claims));
    let hmac = Hmac::<sha2::Sha256>::new_from_slice(b"0123456789abcdef0123456789abcdef");
    let hmac = hmac.expect("any length is one of a key").chain_update(&signed);
    format!("{signed}.{}", BASE64.encode(hmac.finalize().into_bytes()))
}
