//! Tests of `link` and `ids`: who may fetch a result, and which names are whose.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use crisp_upscale_gateway_core::ids::{
    callback_hash, callback_secret, is_job_id, keyed_job_id, random_job_id,
};
use crisp_upscale_gateway_core::link::{Refusal, sign, verify};
use crisp_upscale_gateway_core::secret::{Secret, signed};
use crisp_upscale_gateway_core::token;

const JOB: &str = "0123456789abcdef0123456789abcdef";
const END: u64 = 1_786_413_282;
const BEFORE: u64 = END * 1000 - 1;

fn secret() -> Secret {
    Secret::new("0123456789abcdef0123456789abcdef").unwrap()
}

// Links

#[test]
fn a_link_is_good_for_its_job_until_it_expires() {
    let signature = sign(&secret(), JOB, END);
    assert_eq!(signature.len(), 43);
    let at = |now| verify(&secret(), JOB, &END.to_string(), &signature, now);
    assert_eq!(at(0), Ok(()));
    assert_eq!(at(BEFORE), Ok(()));
    assert_eq!(at(BEFORE + 1), Err(Refusal::Expired));
}

#[test]
fn a_link_that_was_changed_is_refused() {
    let signature = sign(&secret(), JOB, END);
    let (end, later) = (END.to_string(), (END + 1).to_string());
    let other = JOB.replace('0', "1");
    let padded = format!("{signature}=");
    let table = [
        (other.as_str(), end.as_str(), signature.as_str()),
        (JOB, &later, &signature),
        (JOB, "", &signature),
        (JOB, "99999999999999999999999", &signature),
        (JOB, &format!("+{end}"), &signature),
        (JOB, &format!(" {end}"), &signature),
        (JOB, &format!("{end}.0"), &signature),
        (JOB, &end, ""),
        (JOB, &end, &signature[1..]),
        (JOB, &end, &padded),
        ("", &end, &signature),
        ("../job", &end, &signature),
    ];
    for (job, expires, signature) in table {
        let refused = verify(&secret(), job, expires, signature, BEFORE);
        assert_eq!(refused, Err(Refusal::Forged), "{job} {expires} {signature}");
    }
    let another = Secret::new(&"x".repeat(32)).unwrap();
    assert_eq!(verify(&another, JOB, &end, &signature, BEFORE), Err(Refusal::Forged));
}

/// What is no job's id is no link either, whoever signed it.
#[test]
fn a_link_to_something_else_is_refused() {
    for job in ["", "a", "a.1", &JOB.to_uppercase()] {
        let signature = sign(&secret(), job, END);
        assert_eq!(
            verify(&secret(), job, &END.to_string(), &signature, BEFORE),
            Err(Refusal::Forged),
            "{job}"
        );
    }
}

/// One secret serves both. A job's id and twelve digits are base64, so with one key this link would be a
/// token that is signed rightly.
#[test]
fn a_link_is_no_token() {
    let expires = 178_641_328_200;
    let token = format!("Bearer {JOB}.{expires}.{}", sign(&secret(), JOB, expires));
    assert_eq!(token::verify(&secret(), Some(&token), BEFORE), Err(token::Refusal::BadSignature));
}

// Ids

/// python3: hashlib.sha256("alice\0photo-1".encode()).hexdigest()[:32]
#[test]
fn the_same_key_of_the_same_caller_is_the_same_job() {
    assert_eq!(keyed_job_id("alice", "photo-1"), "92868a5d46b4e1c0f1d48436de68df20");
    let all = [
        ("alice", "photo-1"),
        ("alice", "photo-2"),
        ("bob", "photo-1"),
        ("alicep", "hoto-1"),
        ("", "alicephoto-1"),
    ];
    let ids: std::collections::HashSet<_> = all.map(|(caller, key)| keyed_job_id(caller, key)).into();
    assert_eq!(ids.len(), all.len());
    assert!(ids.iter().all(|id| is_job_id(id)));
}

#[test]
fn an_id_is_32_small_hexadecimal_digits() {
    let id = random_job_id([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 254, 255]);
    assert_eq!(id, "000102030405060708090a0b0c0d".to_owned() + "feff");
    assert!(is_job_id(&id));
    for other in ["", &id[1..], &format!("{id}0"), &id.to_uppercase(), &id.replace('f', "g"), &"é".repeat(16)]
    {
        assert!(!is_job_id(other), "{other}");
    }
}

#[test]
fn of_a_callbacks_secret_only_its_hash_need_be_kept() {
    let secret = callback_secret([7; 32]);
    assert_eq!(secret, "Bwc".to_owned() + &"HBwc".repeat(10));
    let hash = callback_hash(&secret);
    assert_eq!(hash, callback_hash(&secret));
    assert!(!hash.contains(&secret) && !secret.contains(&hash));
    for wrong in ["", &secret[1..], &secret.to_uppercase(), &format!("{secret}A"), &hash] {
        assert_ne!(callback_hash(wrong), hash, "{wrong}");
    }
}

#[test]
fn a_callback_is_signed_by_the_services_key_alone() {
    // HMAC-SHA256 of "Jefe", RFC 4231, 4.3.
    let signature = [
        0x5b, 0xdc, 0xc1, 0x46, 0xbf, 0x60, 0x75, 0x4e, 0x6a, 0x04, 0x24, 0x26, 0x08, 0x95, 0x75, 0xc7, 0x5a,
        0x00, 0x3f, 0x08, 0x9d, 0x27, 0x39, 0x83, 0x9d, 0xec, 0x58, 0xb9, 0x64, 0xec, 0x38, 0x43,
    ];
    let message = "what do ya want for nothing?";
    assert!(signed("Jefe", message, &signature));
    assert!(!signed("jefe", message, &signature));
    assert!(!signed("Jefe", "what do ya want for nothing", &signature));
    assert!(!signed("Jefe", message, &signature[..31]));
    assert!(!signed("Jefe", message, &[]));
}
