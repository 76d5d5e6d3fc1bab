//! Tests of `gateway::link` and `gateway::ids`: who may fetch a result, and which names are whose.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use crisp_upscale_core::gateway::ids::{
    callback_hash, callback_secret, is_callback_secret, is_job_id, keyed_job_id, random_job_id,
};
use crisp_upscale_core::gateway::link::{Refusal, sign, verify};
use crisp_upscale_core::gateway::secret::Secret;
use crisp_upscale_core::gateway::token;

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
    assert!(is_callback_secret(&secret, &hash));
    assert_ne!(hash, secret);
    let other = callback_secret([8; 32]);
    for wrong in ["", &secret[1..], &other, &hash, &format!("{secret}=")] {
        assert!(!is_callback_secret(wrong, &hash), "{wrong}");
    }
    for broken in ["", "?", &hash[1..], &secret] {
        assert!(!is_callback_secret(&secret, broken), "{broken}");
    }
}
