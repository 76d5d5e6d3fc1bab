//! Who calls: by a token, by a check of the deployer's own, or by the page's passphrase.

use crisp_upscale_core::gateway::account::TOO_MANY_TRIES;
use crisp_upscale_core::gateway::secret::same;
use crisp_upscale_core::gateway::token::{self, Caller, Claims};
use serde_json::{Value, json};
use worker::{Env, Request, RequestInit, Response, Result};

use crate::account_object::{self, Ask};
use crate::body;
use crate::job_object::now;
use crate::reply::{refusal, refused};
use crate::settings::{self, Settings};

/// The binding of a deployer's own check.
const AUTH: &str = "AUTH";

/// A name is not longer, in bytes; nor is a passphrase.
const MAX_NAME: u32 = 4096;

const PATIENCE: u64 = 10_000;

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
    let authorization = request.headers().get("authorization")?;
    let refused = match token::verify(&settings.secret, authorization.as_deref(), now()) {
        Ok(caller) => return Ok(Ok(caller)),
        Err(refusal) => refusal.message(),
    };
    if !settings::is_bound(env, AUTH) {
        return Ok(Err(refused));
    }
    let mut init = RequestInit::new();
    init.with_headers(request.headers().clone());
    let response = env.service(AUTH)?.fetch("https://auth/", Some(init)).await?;
    let (status, response) = (response.status_code(), web_sys::Response::from(response));
    let name = body::read(response.body(), MAX_NAME, PATIENCE).await.ok().map(|body| body.text());
    let caller = name.filter(|_| status == 200).and_then(|name| Caller::named(name.trim()));
    Ok(caller.ok_or("The site's own check does not know this caller. Sign in again."))
}

/// `POST /token`: a token for the page, to whoever knows the passphrase.
pub(crate) async fn page_token(settings: &Settings, env: &Env, request: &Request) -> Result<Response> {
    let Some(passphrase) = settings::text(env, "PASSPHRASE") else {
        return refusal(503, "This page serves nobody: the setting PASSPHRASE is not set.");
    };
    let body = match body::read(request.inner().body(), MAX_NAME, PATIENCE).await {
        Ok(body) => body.json(),
        Err(trouble) => return trouble.refusal(),
    };
    let given = body.as_ref().and_then(|body| body.get("passphrase")?.as_str());
    let right = given.is_some_and(|given| same(given, &passphrase));
    let heard = account_object::ask(env, &Ask::Passphrase { right }).await?;
    if let Some(wait) = heard.get("wait").and_then(Value::as_u64) {
        return refused(429, TOO_MANY_TRIES, Some(wait));
    }
    if !right {
        return refusal(401, "This is not the passphrase.");
    }
    let exp = now() / 1000 + PAGE_LIFETIME;
    let claims = Claims { sub: PAGE.to_owned(), exp, tasks_per_hour: Some(settings.page_tasks_per_hour) };
    let token = token::mint(&settings.secret, &claims);
    let response = Response::from_json(&json!({ "token": token, "expiresAt": exp * 1000 }))?;
    response.headers().set("cache-control", "no-store")?;
    Ok(response)
}

/// Whether the request has the owner's token.
pub(crate) fn is_owner(env: &Env, request: &Request) -> Result<bool> {
    let authorization = request.headers().get("authorization")?;
    let given = authorization.as_deref().and_then(|header| header.strip_prefix("Bearer "));
    let set = settings::text(env, "OWNER_TOKEN");
    Ok(given.zip(set).is_some_and(|(given, set)| same(given, &set)))
}
