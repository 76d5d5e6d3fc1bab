//! Tests of `token` and `secret`: what is served, and a table of attacks.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64;
use crisp_upscale_gateway_core::secret::{Secret, same};
use crisp_upscale_gateway_core::token::{Caller, Claims, Refusal, mint, verify};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

const SECRET: &str = "0123456789abcdef0123456789abcdef";
/// Unix seconds, half a second before the clock.
const NOW: u64 = 1_786_413_282;
const CLOCK: u64 = NOW * 1000 + 500;
const HEADER: &str = r#"{"alg":"HS256","typ":"JWT"}"#;

fn secret() -> Secret {
    Secret::new(SECRET).unwrap()
}

/// A token of these two texts, signed rightly, by other means than ours.
fn signed(header: &str, claims: &str) -> String {
    let text = format!("{}.{}", BASE64.encode(header), BASE64.encode(claims));
    format!("{text}.{}", BASE64.encode(hmac(SECRET.as_bytes(), &text)))
}

fn hmac(key: &[u8], text: &str) -> Vec<u8> {
    let hmac = Hmac::<Sha256>::new_from_slice(key).unwrap();
    hmac.chain_update(text).finalize().into_bytes().to_vec()
}

fn check(token: &str) -> Result<Caller, Refusal> {
    verify(&secret(), Some(&format!("Bearer {token}")), CLOCK)
}

fn claiming(claims: &str) -> Result<Caller, Refusal> {
    check(&signed(HEADER, claims))
}

fn alice(tasks_per_hour: Option<u32>) -> Caller {
    Caller { name: "alice".into(), tasks_per_hour }
}

fn good() -> String {
    signed(HEADER, &format!(r#"{{"sub":"alice","exp":{}}}"#, NOW + 60))
}

// Secrets

#[test]
fn a_secret_that_is_too_short_is_refused_and_says_so() {
    for short in ["", "secret", &SECRET[1..], "äöüäöüäöüäöüäöü"] {
        let failure = Secret::new(short).unwrap_err();
        assert!(
            failure.message.starts_with(&format!("TOKEN_SECRET has {} bytes", short.len())),
            "{failure:?}"
        );
        assert!(short.is_empty() || !failure.message.contains(short));
    }
    for long in [SECRET, "äöüäöüäöüäöüäöüä", &"x".repeat(10_000)] {
        assert!(Secret::new(long).is_ok());
    }
}

#[test]
fn a_secret_shows_nowhere() {
    assert_eq!(format!("{:?}", secret()), "Secret");
}

#[test]
fn a_passphrase_is_compared_whole() {
    assert!(same("open sesame", "open sesame"));
    for other in ["", "open sesam", "open sesame ", "Open sesame"] {
        assert!(!same(other, "open sesame"), "{other}");
    }
}

// Minting

/// The same claims, secret and token stand in tests/client/mint.test.mjs.
#[test]
fn a_token_is_the_one_that_the_package_mints() {
    let token =
        mint(&secret(), &Claims { sub: "visitor 7 ü".into(), exp: NOW + 3600, tasks_per_hour: Some(5) });
    assert_eq!(
        token,
        "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJ2aXNpdG9yIDcgw7wiLCJleHAiOjE3ODY0MTY4ODIsInRhc2tzUGVySG91ciI6NX0.cILy47AUxBbFufj5fyIVnAgiY52Ws53azzqUvUJtpyk"
    );
    let caller = Caller { name: "visitor 7 ü".into(), tasks_per_hour: Some(5) };
    assert_eq!(check(&token), Ok(caller));
}

#[test]
fn what_is_minted_is_served_until_it_ends_and_by_its_secret_alone() {
    let token = format!(
        "Bearer {}",
        mint(&secret(), &Claims { sub: "alice".into(), exp: NOW, tasks_per_hour: None })
    );
    let at = |secret: &Secret, now| verify(secret, Some(&token), now);
    assert_eq!(at(&secret(), NOW * 1000 - 1), Ok(alice(None)));
    assert_eq!(at(&secret(), NOW * 1000), Err(Refusal::Expired));
    let another = Secret::new(&SECRET.to_uppercase()).unwrap();
    assert_eq!(at(&another, NOW * 1000 - 1), Err(Refusal::BadSignature));
}

// Verifying

/// RFC 7515, A.1: its token is HS256 and its end was in 2011. Its key is binary, so it cannot be a
/// setting; the arithmetic is shown by the one that these tests sign with, and that by the RFC's.
#[test]
fn the_arithmetic_is_that_of_rfc_7515() {
    let key = BASE64
        .decode("AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow")
        .unwrap();
    let text = "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.\
                eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";
    assert_eq!(BASE64.encode(hmac(&key, text)), "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk");
    // The same header and its line break, and claims like its own.
    let header = "{\"typ\":\"JWT\",\r\n \"alg\":\"HS256\"}";
    assert_eq!(BASE64.encode(header), &text[..40]);
    let claims =
        |exp| format!("{{\"sub\":\"joe\",\r\n \"exp\":{exp},\r\n \"http://example.com/is_root\":true}}");
    assert!(check(&signed(header, &claims(NOW + 60))).is_ok());
    assert_eq!(check(&signed(header, &claims(1_300_819_380))), Err(Refusal::Expired));
}

#[test]
fn what_is_served() {
    let end = NOW + 60;
    let table = [
        (format!(r#"{{"sub":"alice","exp":{end}}}"#), None),
        (format!(r#"{{"sub":"alice","exp":{end},"tasksPerHour":7}}"#), Some(7)),
        (format!(r#"{{"sub":"alice","exp":{end},"tasksPerHour":0}}"#), Some(0)),
        (format!(r#"{{"sub":"alice","exp":{end}.75,"nbf":{NOW}.25,"iat":{NOW},"name":["x"]}}"#), None),
        // The clock of whoever signed may be a minute ahead.
        (format!(r#"{{"sub":"alice","exp":{},"nbf":{}}}"#, NOW + 86_460, NOW + 60), None),
    ];
    for (claims, tasks_per_hour) in table {
        assert_eq!(claiming(&claims), Ok(alice(tasks_per_hour)), "{claims}");
    }
    for header in [r#"{"alg":"HS256"}"#, r#"{"typ":"jwt","kid":"1","alg":"HS256"}"#] {
        assert_eq!(
            check(&signed(header, &format!(r#"{{"sub":"alice","exp":{end}}}"#))),
            Ok(alice(None)),
            "{header}"
        );
    }
    for sub in ["a", "ä b/c\u{2028}", &"🐈".repeat(200)] {
        assert_eq!(claiming(&format!(r#"{{"sub":"{sub}","exp":{end}}}"#)).unwrap().name, sub);
    }
}

#[test]
fn how_it_may_be_sent() {
    let good = good();
    let sent = |header: Option<&str>| verify(&secret(), header, CLOCK);
    for header in [format!("Bearer {good}"), format!("bearer  {good} "), format!("BEARER {good}")] {
        assert_eq!(sent(Some(&header)), Ok(alice(None)), "{header}");
    }
    for header in ["", "Bearer", "Bearer ", &good, &format!("Basic {good}"), &format!("Bearer{good}")] {
        assert_eq!(sent(Some(header)), Err(Refusal::Missing), "{header}");
    }
    assert_eq!(sent(None), Err(Refusal::Missing));
}

#[test]
fn what_is_no_token() {
    let good = good();
    let [header, claims, signature] = good.split('.').collect::<Vec<_>>().try_into().unwrap();
    // 32 bytes are 43 digits, of which the last has two bits too many.
    let last = |bits: usize| {
        let digits = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
        let value = digits.iter().position(|&digit| digit == signature.as_bytes()[42]).unwrap();
        format!("{header}.{claims}.{}{}", &signature[..42], char::from(digits[value ^ bits]))
    };
    assert_eq!(check(&last(0)), Ok(alice(None)));
    let table = [
        "x".to_owned(),
        "..".to_owned() + &"x".repeat(4095),
        format!("{header}.{claims}"),
        format!("{header}.{claims}.{signature}.{signature}"),
        format!("{header}.{claims}.{signature}."),
        format!(".{header}.{claims}.{signature}"),
        format!("{header}.{claims}.{signature}="),
        format!("{header}=.{claims}.{signature}"),
        format!("{header}.{claims}. {signature}"),
        format!("{header}.{claims}.{}", signature.replace(|_| true, "+")),
        format!("{header}.{claims}.{}", signature.replace(|_| true, "/")),
        format!("{header}.{claims},{good}"),
        last(1),
        last(2),
        last(3),
    ];
    for token in table {
        assert_eq!(check(&token), Err(Refusal::NoToken), "{token}");
    }
}

#[test]
fn a_token_of_4_kib_is_read_and_a_longer_one_is_not() {
    let padded = |padding: usize| {
        signed(HEADER, &format!(r#"{{"sub":"alice","exp":{},"x":"{}"}}"#, NOW + 60, "x".repeat(padding)))
    };
    let longest = (0..4_000).rev().map(padded).find(|token| token.len() <= 4096).unwrap();
    assert!(longest.len() > 4090);
    assert_eq!(check(&longest), Ok(alice(None)));
    let longer = (0..4_000).map(padded).find(|token| token.len() > 4096).unwrap();
    assert_eq!(check(&longer), Err(Refusal::NoToken));
}

#[test]
fn what_was_not_signed_by_us() {
    let good = good();
    let [header, claims, signature] = good.split('.').collect::<Vec<_>>().try_into().unwrap();
    let other_claims = BASE64.encode(format!(r#"{{"sub":"mallory","exp":{}}}"#, NOW + 60));
    let none = BASE64.encode(r#"{"alg":"none"}"#);
    let by = |key: &[u8]| BASE64.encode(hmac(key, &format!("{header}.{claims}")));
    let table = [
        format!("{header}.{other_claims}.{signature}"),
        format!("{none}.{claims}.{signature}"),
        format!("{none}.{claims}."),
        format!("{header}.{claims}."),
        format!("{header}.{claims}.{}", &signature[..40]),
        format!("{header}.{claims}.{}", BASE64.encode([0; 32])),
        format!("{header}.{claims}.{}", by(b"")),
        format!("{header}.{claims}.{}", by(&[0; 64])),
        format!("{header}.{claims}.{}", by(SECRET.to_uppercase().as_bytes())),
        format!("{claims}.{header}.{signature}"),
        "..".to_owned(),
    ];
    for token in table {
        assert_eq!(check(&token), Err(Refusal::BadSignature), "{token}");
    }
}

#[test]
fn any_bit_that_differs_is_refused() {
    let good = good();
    assert!(check(&good).is_ok());
    for at in 0..good.len() {
        for bit in 0..7 {
            let mut bytes = good.clone().into_bytes();
            bytes[at] ^= 1 << bit;
            let token = String::from_utf8(bytes).unwrap();
            assert!(check(&token).is_err(), "byte {at}, bit {bit}");
        }
    }
}

/// Signed with our secret all the same: nobody is to be surprised by what else it could mean.
#[test]
fn what_asks_for_another_algorithm_is_refused() {
    let claims = format!(r#"{{"sub":"alice","exp":{}}}"#, NOW + 60);
    let table = [
        r#"{"alg":"none"}"#,
        r#"{"alg":"None","typ":"JWT"}"#,
        r#"{"alg":"hs256"}"#,
        r#"{"alg":"HS256 "}"#,
        r#"{"alg":"HS384"}"#,
        r#"{"alg":"RS256"}"#,
        r#"{"alg":["HS256"]}"#,
        r#"{"alg":null}"#,
        r#"{"typ":"JWT"}"#,
        r#"{"alg":"HS256","crit":["exp"],"exp":1}"#,
        r#"{"alg":"HS256","crit":[]}"#,
        r#"{"alg":"HS256","crit":null}"#,
        r#"{"alg":"HS256","typ":"at+jwt"}"#,
        r#"{"alg":"HS256","typ":null}"#,
        r#"{"alg":"HS256","typ":1}"#,
        r#"["HS256"]"#,
        r#""HS256""#,
        r#"{"alg":"HS256"} {}"#,
        "{",
        "",
    ];
    for header in table {
        assert_eq!(check(&signed(header, &claims)), Err(Refusal::BadHeader), "{header}");
    }
    assert_eq!(check(&signed(HEADER, &claims)), Ok(alice(None)));
}

#[test]
fn claims_that_are_missing_or_of_another_type_are_refused() {
    let end = NOW + 60;
    let long = "x".repeat(201);
    let table = [
        "{}".to_owned(),
        "null".to_owned(),
        "[]".to_owned(),
        String::new(),
        format!(r#"{{"sub":"alice","exp":{end}"#),
        format!(r#"{{"exp":{end}}}"#),
        r#"{"sub":"alice"}"#.to_owned(),
        format!(r#"{{"sub":"","exp":{end}}}"#),
        format!(r#"{{"sub":"{long}","exp":{end}}}"#),
        format!(r#"{{"sub":"a\u0000b","exp":{end}}}"#),
        format!(r#"{{"sub":"a\nb","exp":{end}}}"#),
        format!(r#"{{"sub":"a\u007f","exp":{end}}}"#),
        format!(r#"{{"sub":"a\u0085","exp":{end}}}"#),
        format!(r#"{{"sub":"a\ud800","exp":{end}}}"#),
        format!(r#"{{"sub":7,"exp":{end}}}"#),
        format!(r#"{{"sub":["alice"],"exp":{end}}}"#),
        format!(r#"{{"sub":null,"exp":{end}}}"#),
        format!(r#"{{"sub":"alice","exp":"{end}"}}"#),
        r#"{"sub":"alice","exp":null}"#.to_owned(),
        r#"{"sub":"alice","exp":true}"#.to_owned(),
        r#"{"sub":"alice","exp":-1}"#.to_owned(),
        r#"{"sub":"alice","exp":1e999}"#.to_owned(),
        format!(r#"{{"sub":"alice","exp":{end},"nbf":"0"}}"#),
        format!(r#"{{"sub":"alice","exp":{end},"nbf":null}}"#),
        format!(r#"{{"sub":"alice","exp":{end},"iat":"now"}}"#),
        format!(r#"{{"sub":"alice","exp":{end},"tasksPerHour":"5"}}"#),
        format!(r#"{{"sub":"alice","exp":{end},"tasksPerHour":null}}"#),
        format!(r#"{{"sub":"alice","exp":{end},"tasksPerHour":-1}}"#),
        format!(r#"{{"sub":"alice","exp":{end},"tasksPerHour":1.5}}"#),
        format!(r#"{{"sub":"alice","exp":{end},"tasksPerHour":4294967296}}"#),
    ];
    for claims in table {
        assert_eq!(claiming(&claims), Err(Refusal::BadClaims), "{claims}");
    }
}

#[test]
fn a_token_has_its_time() {
    let table = [
        (format!(r#"{{"sub":"alice","exp":{NOW}}}"#), Refusal::Expired),
        (format!(r#"{{"sub":"alice","exp":{NOW}.5}}"#), Refusal::Expired),
        (r#"{"sub":"alice","exp":0}"#.to_owned(), Refusal::Expired),
        (format!(r#"{{"sub":"alice","exp":{}}}"#, NOW + 86_461), Refusal::TooLong),
        // Milliseconds, taken for seconds.
        (format!(r#"{{"sub":"alice","exp":{CLOCK}}}"#), Refusal::TooLong),
        (r#"{"sub":"alice","exp":1e300}"#.to_owned(), Refusal::TooLong),
        (format!(r#"{{"sub":"alice","exp":{},"nbf":{}}}"#, NOW + 600, NOW + 61), Refusal::NotYet),
    ];
    for (claims, refusal) in table {
        assert_eq!(claiming(&claims), Err(refusal), "{claims}");
    }
}

#[test]
fn a_caller_that_the_deployers_own_check_names_follows_the_same_rule() {
    assert_eq!(Caller::named("alice"), Some(alice(None)));
    for name in ["", "a\0b", "a\r\nb", &"x".repeat(201)] {
        assert_eq!(Caller::named(name), None, "{name:?}");
    }
}

#[test]
fn every_refusal_says_what_to_do() {
    let all = [
        Refusal::Missing,
        Refusal::NoToken,
        Refusal::BadSignature,
        Refusal::BadHeader,
        Refusal::BadClaims,
        Refusal::Expired,
        Refusal::TooLong,
        Refusal::NotYet,
    ];
    let messages: std::collections::HashSet<_> = all.map(Refusal::message).into();
    assert_eq!(messages.len(), all.len());
    assert!(messages.iter().all(|message| message.ends_with('.')));
}
