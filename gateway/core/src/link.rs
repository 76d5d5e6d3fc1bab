//! Links to results: whoever has one may fetch that one result until the link expires, without a
//! token, since an `<img>` can send none.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64;

use crate::ids::is_job_id;
use crate::secret::Secret;

/// A link's key is one of its own, so that no link is a token and no token a link.
const PURPOSE: &str = "crisp-upscale: links to results";

/// Why a link is not followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// We did not sign it, or not for this job and this time. A 403.
    Forged,
    /// Its time is over. A 410.
    Expired,
}

/// The signature of the link to a job's result that is good until `expires`, in Unix seconds; base64url.
#[must_use]
pub fn sign(secret: &Secret, job_id: &str, expires: u64) -> String {
    BASE64.encode(secret.derived(PURPOSE).sign(&message(job_id, expires)))
}

/// Whether a link may be followed at `now`, in Unix milliseconds; `expires` and `signature` as they
/// came with it.
///
/// # Errors
/// Why not.
pub fn verify(
    secret: &Secret,
    job_id: &str,
    expires: &str,
    signature: &str,
    now: u64,
) -> Result<(), Refusal> {
    let digits = expires.bytes().all(|byte| byte.is_ascii_digit());
    let (true, true, Ok(end), Ok(signature)) =
        (is_job_id(job_id), digits, expires.parse::<u64>(), BASE64.decode(signature))
    else {
        return Err(Refusal::Forged);
    };
    if !secret.derived(PURPOSE).signed(&message(job_id, end), &signature) {
        return Err(Refusal::Forged);
    }
    if end.saturating_mul(1000) > now { Ok(()) } else { Err(Refusal::Expired) }
}

fn message(job_id: &str, expires: u64) -> String {
    format!("{job_id}.{expires}")
}
