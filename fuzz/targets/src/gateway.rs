//! What callers send to the gateway.

use std::sync::LazyLock;

use crisp_upscale_core::gateway::address::Allowed;
use crisp_upscale_core::gateway::origin::{Origins, Visitor};
use crisp_upscale_core::gateway::route::{Route, route};
use crisp_upscale_core::gateway::secret::Secret;
use crisp_upscale_core::gateway::token::{Caller, Claims, Refusal, mint, verify};
use crisp_upscale_core::gateway::{ids, link, order};
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
