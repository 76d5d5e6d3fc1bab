//! Who calls: a short-lived token that the site's own server signs for its visitor. A JSON Web
//! Token (RFC 7519) of exactly one form: HS256, which is HMAC-SHA256.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::secret::Secret;

/// How long a token may be, in bytes.
const MAX_TOKEN: usize = 4096;

/// How long a caller's name may be, in characters.
const MAX_CALLER: usize = 200;

/// How far ahead a token's end may be, in seconds: a day.
const MAX_LIFETIME: f64 = 86_400.0;

/// How far the clock of whoever mints may be ahead of ours, in seconds. An end is taken at its word.
const SKEW: f64 = 60.0;

/// Whom the gateway serves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// What sets this caller apart from others: another token of the same name sees the same jobs.
    pub name: String,
    /// How many tasks this caller may make in an hour; `None` for what the setting says.
    pub tasks_per_hour: Option<u32>,
}

impl Caller {
    /// The caller of this name, by a token or by a check of the deployer's own; `None` where it is
    /// empty, longer than 200 characters or holds control characters.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        let right = (1..=MAX_CALLER).contains(&name.chars().count()) && !name.contains(char::is_control);
        right.then(|| Caller { name: name.to_owned(), tasks_per_hour: None })
    }
}

/// Why a caller is not served. All of them are a 401.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// There is no `Authorization: Bearer …`.
    Missing,
    /// It is longer than 4 KiB, or no three parts in base64url.
    NoToken,
    /// Our secret did not sign it.
    BadSignature,
    /// Its header asks for something other than plain HS256.
    BadHeader,
    /// A claim is missing or of the wrong form.
    BadClaims,
    /// It has ended.
    Expired,
    /// It ends more than a day from now.
    TooLong,
    /// It has not begun.
    NotYet,
}

impl Refusal {
    /// What is wrong and what to do about it, as sentences.
    #[must_use]
    pub fn message(self) -> &'static str {
        match self {
            Refusal::Missing => "There is no token. Send one in the header Authorization: Bearer <token>.",
            Refusal::NoToken => {
                "This is no token of this gateway's. Send one that your site's server signed."
            }
            Refusal::BadSignature => {
                "The token's signature is wrong. Sign it with the gateway's TOKEN_SECRET."
            }
            Refusal::BadHeader => {
                "The token must be a JWT with the header {\"alg\":\"HS256\",\"typ\":\"JWT\"}."
            }
            Refusal::BadClaims => {
                "The token must say sub, 1 to 200 characters, and exp in Unix seconds; nbf and iat are times, too, \
                 and tasksPerHour is a whole number."
            }
            Refusal::Expired => "The token has expired. Get a new one.",
            Refusal::TooLong => "The token is good for more than a day. Sign one with an earlier exp.",
            Refusal::NotYet => "The token is not valid yet. Check the clock of the server that signed it.",
        }
    }
}

/// Who sent the header `Authorization`, at `now` in Unix milliseconds.
///
/// # Errors
/// Why its sender is not served.
pub fn verify(secret: &Secret, authorization: Option<&str>, now: u64) -> Result<Caller, Refusal> {
    let token = authorization.and_then(bearer).ok_or(Refusal::Missing)?;
    if token.len() > MAX_TOKEN {
        return Err(Refusal::NoToken);
    }
    let (signed, signature) = token.rsplit_once('.').ok_or(Refusal::NoToken)?;
    let (header, claims) = signed.split_once('.').ok_or(Refusal::NoToken)?;
    let [header, claims, signature] = [header, claims, signature].map(|part| BASE64.decode(part));
    let (Ok(header), Ok(claims), Ok(signature)) = (header, claims, signature) else {
        return Err(Refusal::NoToken);
    };
    // Nothing that a stranger wrote is parsed.
    if !secret.signed(signed, &signature) {
        return Err(Refusal::BadSignature);
    }
    check_header(&header).ok_or(Refusal::BadHeader)?;
    read_claims(&claims, now)
}

/// The token of `Bearer <token>`, a scheme whose case does not matter (RFC 9110, 11.1).
fn bearer(authorization: &str) -> Option<&str> {
    let (scheme, token) = authorization.trim_matches([' ', '\t']).split_once(' ')?;
    scheme
        .eq_ignore_ascii_case("bearer")
        .then(|| token.trim_start_matches(' '))
        .filter(|token| !token.is_empty())
}

/// What else a header may hold says nothing here, but `crit` names what must be understood.
fn check_header(header: &[u8]) -> Option<()> {
    let header: Map<String, Value> = serde_json::from_slice(header).ok()?;
    let plain = match header.get("typ") {
        Some(typ) => typ.as_str()?.eq_ignore_ascii_case("JWT"),
        None => true,
    };
    (plain && header.get("alg")?.as_str()? == "HS256" && !header.contains_key("crit")).then_some(())
}

fn read_claims(claims: &[u8], now: u64) -> Result<Caller, Refusal> {
    let claims: Map<String, Value> = serde_json::from_slice(claims).map_err(|_| Refusal::BadClaims)?;
    let time = |name| match claims.get(name) {
        Some(value) => value.as_f64().filter(|&time| time >= 0.0).map(Some).ok_or(Refusal::BadClaims),
        None => Ok(None),
    };
    let caller =
        claims.get("sub").and_then(Value::as_str).and_then(Caller::named).ok_or(Refusal::BadClaims)?;
    let (Some(end), begin, _) = (time("exp")?, time("nbf")?, time("iat")?) else {
        return Err(Refusal::BadClaims);
    };
    let budget =
        |value: &Value| value.as_u64().and_then(|tasks| u32::try_from(tasks).ok()).ok_or(Refusal::BadClaims);
    let tasks_per_hour = claims.get("tasksPerHour").map(budget).transpose()?;
    let now = now as f64 / 1000.0;
    if end <= now {
        return Err(Refusal::Expired);
    }
    if end - now > MAX_LIFETIME + SKEW {
        return Err(Refusal::TooLong);
    }
    if begin.is_some_and(|begin| begin > now + SKEW) {
        return Err(Refusal::NotYet);
    }
    Ok(Caller { tasks_per_hour, ..caller })
}

/// What a token says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Claims {
    /// The caller's name.
    pub sub: String,
    /// When the token ends, in Unix seconds.
    pub exp: u64,
    /// How many tasks the caller may make in an hour; `None` for what the setting says.
    #[serde(rename = "tasksPerHour", skip_serializing_if = "Option::is_none")]
    pub tasks_per_hour: Option<u32>,
}

/// A token that says so. Whether it is one that [`verify`] takes is up to its claims.
#[must_use]
pub fn mint(secret: &Secret, claims: &Claims) -> String {
    // Plain fields can always be written; a token without claims would serve nobody.
    let claims = serde_json::to_string(claims).unwrap_or_default();
    let signed = [r#"{"alg":"HS256","typ":"JWT"}"#, &claims].map(|part| BASE64.encode(part)).join(".");
    let signature = BASE64.encode(secret.sign(&signed));
    [signed, signature].join(".")
}
