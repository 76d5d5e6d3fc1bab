//! Who calls: by a token, by a check of the deployer's own, or by the page's passphrase.

use crisp_upscale_gateway_core::passphrase::TOO_MANY_TRIES;
use crisp_upscale_gateway_core::protocol::{self, Reply};
use crisp_upscale_gateway_core::secret::same;
use crisp_upscale_gateway_core::token::{self, Caller, Claims};
use serde_json::json;
use worker::{Env, Headers, RequestInit, Response, Result};

use crate::platform::now;
use crate::reply::{refusal, refused, unexpected};
use crate::request::Request;
use crate::settings::{self, Settings};
use crate::{account, body};

/// The binding of a deployer's own check.
const AUTH: &str = "AUTH";

/// A name is not longer, in bytes; nor is a passphrase.
pub(crate) const MAX_NAME: u32 = 4096;

/// How long the page's tokens are good, in seconds.
const PAGE_LIFETIME: u64 = 12 * 3600;

/// Those who have the passphrase are one caller.
const PAGE: &str = "page";

/// Who sent the request, or what to say to the sender.
pub(crate) async fn of(
    settings: &Settings,
    env: &Env,
    request: &Request,
) -> Result<std::result::Result<Caller, &'static str>> {
    let authorization = request.header("authorization");
    let refused = match token::verify(&settings.account.secret, authorization.as_deref(), now()) {
        Ok(caller) => return Ok(Ok(caller)),
        Err(refusal) => refusal.message(),
    };
    if !settings::is_bound(env, AUTH) {
        return Ok(Err(refused));
    }
    let mut init = RequestInit::new();
    init.with_headers(Headers(request.headers()));
    let response = env.service(AUTH)?.fetch("https://auth/", Some(init)).await?;
    let (status, response) = (response.status_code(), web_sys::Response::from(response));
    let body = body::within(body::TIMEOUT, body::of_response(&response, MAX_NAME)).await;
    let name = body.ok().map(|body| body.text());
    let caller = name.filter(|_| status == 200).and_then(|name| Caller::named(name.trim()));
    Ok(caller.ok_or("The site's own check does not know this caller. Sign in again."))
}

/// `POST /token`: a token for the page, for the passphrase.
pub(crate) async fn page_token(settings: &Settings, env: &Env, request: &Request) -> Result<Response> {
    let Some(passphrase) = settings::text(env, "PASSPHRASE") else {
        return refusal(503, "This page serves nobody: the setting PASSPHRASE is not set.");
    };
    let body = match body::of_request(request, MAX_NAME, body::TIMEOUT).await {
        Ok(body) => body.json(),
        Err(error) => return error.refusal(),
    };
    let given = body.as_ref().and_then(|body| body.get("passphrase")?.as_str());
    let right = given.is_some_and(|given| same(given, &passphrase));
    match account::ask(env, protocol::Request::Passphrase { right }).await? {
        Reply::Passphrase { retry_after: None } => {}
        Reply::Passphrase { retry_after } => return refused(429, TOO_MANY_TRIES, retry_after),
        _ => return unexpected(),
    }
    if !right {
        return refusal(401, "This is not the passphrase.");
    }
    let exp = now() / 1000 + PAGE_LIFETIME;
    let claims = Claims { sub: PAGE.to_owned(), exp, tasks_per_hour: Some(settings.page_tasks_per_hour) };
    let token = token::mint(&settings.account.secret, &claims);
    let response = Response::from_json(&json!({ "token": token, "expiresAt": exp * 1000 }))?;
    response.headers().set("cache-control", "no-store")?;
    Ok(response)
}

/// Whether the request has the owner's token.
pub(crate) fn is_owner(env: &Env, request: &Request) -> Result<bool> {
    let authorization = request.header("authorization");
    let given = authorization.as_deref().and_then(|header| header.strip_prefix("Bearer "));
    let set = settings::text(env, "OWNER_TOKEN");
    Ok(given.zip(set).is_some_and(|(given, set)| same(given, &set)))
}
