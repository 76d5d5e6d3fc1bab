//! What holds of every input, by random ones: of what callers send to the gateway, and of what it hands out.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::collections::BTreeSet;

use crisp_upscale_core::api::{CREATE_TASK, MODEL};
use crisp_upscale_core::idempotency;
use crisp_upscale_gateway_core::address::Allowed;
use crisp_upscale_gateway_core::origin::{Origins, Visitor};
use crisp_upscale_gateway_core::route::{Route, route};
use crisp_upscale_gateway_core::secret::{Secret, same, signed};
use crisp_upscale_gateway_core::token::{Caller, Claims, Refusal, mint, verify};
use crisp_upscale_gateway_core::{ids, link, order};
use hmac::{Hmac, KeyInit, Mac};
use proptest::prelude::*;
use proptest::{collection::vec, option};
use serde_json::{Value, json};

const NOW: u64 = 1_786_878_073_451;

fn secret(text: &str) -> Secret {
    Secret::new(text).unwrap()
}

/// A text of which a header can be made.
fn header() -> impl Strategy<Value = String> {
    prop_oneof!["[ -~]{0,60}", "(?i:bearer) [A-Za-z0-9_.-]{0,60}", "\\PC{0,20}"]
}

/// A URL, or nearly one: of what parsers differ about.
fn url() -> impl Strategy<Value = String> {
    let part = prop::sample::select(vec![
        "https:",
        "http:",
        "//",
        "/",
        "\\",
        "@",
        ":",
        ":443",
        ":8443",
        "?",
        "#",
        ".",
        "..",
        "%2e",
        "%00",
        "\t",
        " ",
        "[",
        "]",
        "127.0.0.1",
        "0x7f000001",
        "2130706433",
        "0177.1",
        "::1",
        "::ffff:10.0.0.1",
        "2606:4700::1111",
        "1.1.1.1",
        "localhost",
        "host.example",
        "metadata.internal",
        "ⓛocalhost",
        "１２７.0.0.1",
        "xn--",
        "é",
        "a.png",
        "user",
    ]);
    prop_oneof![
        1 => vec(part.clone(), 0..8).prop_map(|parts| parts.concat()),
        2 => vec(part, 0..5).prop_map(|parts| format!("https://{}", parts.concat())),
        1 => "https://[a-z]{1,9}\\.[a-z]{2,6}/[!-~é ]{0,12}",
    ]
}

proptest! {
    #[test]
    fn it_takes_the_header_that_the_client_makes_of_any_key(key in "\\PC{1,200}") {
        prop_assert!(order::is_key(&idempotency::header(&key).unwrap()));
    }
}

proptest! {
    // What fails prints its input, which becomes a test of its own.
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    // Tokens

    #[test]
    fn what_is_minted_is_taken_until_it_ends_and_by_its_secret_alone(
        (key, other) in ("[ -~]{32,40}", "[ -~]{32,40}"),
        sub in "\\PC{1,200}",
        lifetime in 1..=86_400_u64,
        tasks_per_hour in option::of(any::<u32>()),
        // In milliseconds, around its end as well.
        (later, at_end) in (0..200_000_000_u64, option::of(0..3_000_u64)),
    ) {
        let exp = NOW / 1000 + lifetime;
        let token = format!("Bearer {}", mint(&secret(&key), &Claims { sub: sub.clone(), exp, tasks_per_hour }));
        prop_assume!(token.len() <= 4_096);
        let now = at_end.map_or(NOW + later, |around| exp * 1000 - 1_500 + around);
        let taken = verify(&secret(&key), Some(&token), now);
        if now < exp * 1000 {
            prop_assert_eq!(taken, Ok(Caller { name: sub, tasks_per_hour }));
        } else {
            prop_assert_eq!(taken, Err(Refusal::Expired));
        }
        if other != key {
            prop_assert_eq!(verify(&secret(&other), Some(&token), now), Err(Refusal::BadSignature));
        }
    }

    #[test]
    fn a_token_that_differs_anywhere_is_none(at in any::<prop::sample::Index>(), by in "[ -~]") {
        let key = secret("0123456789abcdef0123456789abcdef");
        let claims = Claims { sub: "visitor-7".to_owned(), exp: NOW / 1000 + 60, tasks_per_hour: None };
        let mut token = mint(&key, &claims);
        let at = at.index(token.len());
        prop_assume!(token[at..=at] != by);
        token.replace_range(at..=at, &by);
        let refused = verify(&key, Some(&format!("Bearer {token}")), NOW).unwrap_err();
        prop_assert!(matches!(refused, Refusal::NoToken | Refusal::BadSignature), "{:?}", refused);
    }

    #[test]
    fn what_nobody_signed_is_refused_before_it_is_read(header in header()) {
        let refused = verify(&secret(&"k".repeat(32)), Some(&header), NOW).unwrap_err();
        prop_assert!(matches!(refused, Refusal::Missing | Refusal::NoToken | Refusal::BadSignature));
    }

    // Links

    #[test]
    fn a_link_is_good_for_its_job_alone_and_until_it_expires(
        random in any::<[u8; 16]>(),
        other in any::<[u8; 16]>(),
        expires in any::<u64>(),
        now in any::<u64>(),
    ) {
        let key = secret("0123456789abcdef0123456789abcdef");
        let (job, other) = (ids::random_job_id(random), ids::random_job_id(other));
        let signature = link::sign(&key, &job, expires);
        let followed = |job: &str, expires: u64| link::verify(&key, job, &expires.to_string(), &signature, now);
        let good = u128::from(expires) * 1000 > u128::from(now) && expires.saturating_mul(1000) > now;
        prop_assert_eq!(followed(&job, expires), if good { Ok(()) } else { Err(link::Refusal::Expired) });
        prop_assert_eq!(followed(&job, expires.wrapping_add(1)), Err(link::Refusal::Forged));
        if other != job {
            prop_assert_eq!(followed(&other, expires), Err(link::Refusal::Forged));
        }
    }

    #[test]
    fn a_link_that_nobody_signed_is_forged(job in "[0-9a-f]{32}|\\PC{0,40}", expires in "[0-9+ ]{0,24}", signature in "[A-Za-z0-9_-]{0,60}") {
        let followed = link::verify(&secret(&"k".repeat(32)), &job, &expires, &signature, 0);
        prop_assert_eq!(followed, Err(link::Refusal::Forged));
    }

    // Secrets and ids

    #[test]
    fn the_same_is_the_same_alone(given in "\\PC{0,40}", set in "\\PC{0,40}") {
        prop_assert_eq!(same(&given, &set), given == set);
        prop_assert!(same(&set, &set));
    }

    #[test]
    fn the_services_key_signs_what_it_signs(key in "\\PC{1,100}", message in "\\PC{0,60}", bit in 0..256_usize) {
        let hmac = Hmac::<sha2::Sha256>::new_from_slice(key.as_bytes()).unwrap().chain_update(&message);
        let mut signature: [u8; 32] = hmac.finalize().into_bytes().into();
        prop_assert!(signed(&key, &message, &signature));
        prop_assert!(!signed(&key, &message, &signature[1..]));
        signature[bit / 8] ^= 1 << (bit % 8);
        prop_assert!(!signed(&key, &message, &signature));
    }

    #[test]
    fn each_caller_and_key_has_a_job_of_its_own(
        pairs in prop::collection::btree_set(("[a-c]{1,3}", "[a-c]{1,3}"), 1..30),
    ) {
        let jobs: BTreeSet<String> = pairs.iter().map(|(caller, key)| ids::keyed_job_id(caller, key)).collect();
        prop_assert_eq!(jobs.len(), pairs.len());
        prop_assert!(jobs.iter().all(|job| ids::is_job_id(job)));
    }

    #[test]
    fn a_callbacks_secret_fits_into_a_path_and_its_hash_is_another(random in any::<[u8; 32]>(), job in any::<[u8; 16]>()) {
        let (secret, job) = (ids::callback_secret(random), ids::random_job_id(job));
        prop_assert_ne!(&ids::callback_hash(&secret), &secret);
        let found = route("POST", &format!("/callback/{job}/{secret}"));
        prop_assert_eq!(found, Some(Route::Callback(job, secret)));
    }

    // Paths and orders

    #[test]
    fn a_path_is_for_the_same_by_every_method(method in "[A-Z]{3,7}", path in "(/(api|v1|jobs|callback|results|health|token|[a-z.%]{0,5})){0,6}") {
        let found = route(&method, &path);
        prop_assert_eq!(found.is_some(), route("GET", &path).is_some());
        if !matches!(found, None | Some(Route::Other)) {
            prop_assert!(method == "GET" || method == "HEAD" || method == "POST");
        }
        let (read, head) = (route("GET", &path), route("HEAD", &path));
        prop_assert_eq!(read, head);
    }

    #[test]
    fn a_result_is_asked_for_by_one_path_alone(path in "/results(/[!-~]{0,12}){0,3}") {
        match route("GET", &path) {
            Some(Route::Result(job)) => prop_assert_eq!(format!("/results/{job}"), path),
            other => prop_assert!(other.is_none(), "{:?}", other),
        }
    }

    #[test]
    fn what_goes_on_of_an_order_is_read_in_one_way(image in url(), relay in option::of(url())) {
        let allowed = Allowed::default();
        let body = json!({ "model": MODEL, "input": { "image": image }, "callBackUrl": relay });
        prop_assert_eq!(route("POST", CREATE_TASK), Some(Route::Create));
        if let Ok(order) = order::read("ann", Some(body), &[MODEL.to_owned()], &allowed) {
            for url in [Some(order.image), order.call_back_url].into_iter().flatten() {
                let again = allowed.check(&url).unwrap();
                prop_assert_eq!(again.as_str(), &url);
                prop_assert!(url.starts_with("https://") && url.is_ascii(), "{}", url);
                let host = url["https://".len()..].split(['/', '?', '#']).next().unwrap();
                prop_assert!(!host.contains(['@', '\\', '%']) && host.contains(['.', ':']), "{}", host);
            }
        }
    }

    #[test]
    fn no_body_is_an_order_of_another_model(model in "[a-z/-]{0,12}", image in url()) {
        prop_assume!(model != MODEL);
        let body = json!({ "model": model, "input": { "image": image } });
        let refused = order::read("ann", Some(body), &[MODEL.to_owned()], &Allowed::default());
        prop_assert_eq!(refused.unwrap_err().0, 422);
    }

    #[test]
    fn a_name_of_a_call_can_stand_in_a_header(key in "\\PC{0,210}") {
        let right = !key.is_empty() && key.len() <= 200 && key.bytes().all(|byte| byte.is_ascii_graphic());
        prop_assert_eq!(order::is_key(&key), right);
    }

    // Pages

    #[test]
    fn pages_that_are_listed_may_call_and_no_others(
        hosts in prop::collection::btree_set("[a-z]{1,8}\\.example(:8[0-9]{3})?", 1..4),
        origin in "https?://[a-z]{1,8}\\.example(:8[0-9]{3})?|null|\\PC{0,12}",
        (before, after) in (option::of("[a-z/]{1,2}"), option::of("[a-z.:0/]{1,2}")),
    ) {
        let listed: Vec<String> = hosts.iter().map(|host| format!("https://{host}")).collect();
        let origins = Origins::new(&listed.join(" ")).unwrap();
        for page in &listed {
            prop_assert_eq!(origins.visitor(Some(page), ""), Visitor::Page(page));
        }
        // One that holds a listed one, or another.
        let origin = match (before, after) {
            (None, None) => origin,
            (before, after) => [before.unwrap_or_default().as_str(), &listed[0], &after.unwrap_or_default()].concat(),
        };
        let expected = if listed.contains(&origin) { Visitor::Page(&origin) } else { Visitor::Stranger };
        prop_assert_eq!(origins.visitor(Some(&origin), "https://own.example"), expected);
    }
}

#[test]
fn an_attempt_is_read_by_get_and_by_nothing_that_could_make_one() {
    for method in ["GET", "HEAD"] {
        assert_eq!(route(method, "/api/v1/jobs/attempt"), Some(Route::Attempt));
    }
    for method in ["POST", "PUT", "DELETE"] {
        assert_eq!(route(method, "/api/v1/jobs/attempt"), Some(Route::Other));
    }
    assert_eq!(route("HEAD", CREATE_TASK), Some(Route::Other));
}

/// Nesting costs the stack, so the parser has an end to it.
#[test]
fn deep_json_is_no_order() {
    let deep = format!("{}1{}", "[".repeat(100_000), "]".repeat(100_000));
    assert!(serde_json::from_str::<Value>(&deep).is_err());
}
