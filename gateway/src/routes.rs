//! What is answered to whom.

use crisp_upscale_gateway_core::origin::{Origins, Visitor};
use crisp_upscale_gateway_core::protocol::{self, Reply};
use crisp_upscale_gateway_core::route::{Route, route};
use serde_json::{Map, Value, json};
use worker::{Env, Response, Result};

use crate::reply::{refusal, refused, success, unexpected};
use crate::request::Request;
use crate::settings::{self, Invalid, Settings};
use crate::{account, body, callback, callers, events, results, tasks, uploads, upstream};

/// Whose the service is, unless the setting of this name says otherwise.
const UPSTREAM_NAME: &str = "kie.ai";

/// Answers a request.
pub(crate) async fn answer(request: &Request, env: &Env) -> Result<Response> {
    let settings = settings::read(env);
    let none = Origins::default();
    let origins = settings.as_ref().map_or(&none, |settings| &settings.origins);
    let origin = request.header("origin");
    let visitor = origins.visitor(origin.as_deref(), request.origin());
    if request.method() == "OPTIONS" {
        let response = Response::empty()?.with_status(204);
        for (name, value) in visitor.preflight_headers() {
            response.headers().set(name, value)?;
        }
        return Ok(response);
    }
    let response = match route(request.method(), request.url().path()) {
        Some(route) => {
            let limit = limit(&route);
            let response = respond(route, &settings, env, request, visitor).await?;
            if response.status_code() >= 400 {
                body::discard(request, limit).await;
            }
            response
        }
        None => refusal(404, "There is no such path here.")?,
    };
    for (name, value) in visitor.headers() {
        // A result's may be read by everybody.
        if !response.headers().has(name)? {
            response.headers().set(name, value)?;
        }
    }
    Ok(response)
}

/// How long a body the route takes, in bytes.
fn limit(route: &Route) -> u32 {
    match route {
        Route::StreamUpload => uploads::MAX_FORM,
        Route::Base64Upload => uploads::MAX_BASE64,
        Route::UrlUpload => uploads::MAX_NAMED,
        Route::Callback(..) => callback::MAX_CALLBACK,
        Route::Token => callers::MAX_NAME,
        _ => tasks::MAX_BODY,
    }
}

async fn respond(
    route: Route,
    settings: &settings::Result,
    env: &Env,
    request: &Request,
    visitor: Visitor<'_>,
) -> Result<Response> {
    if let Route::Health = route {
        return health(env, settings.as_ref().err().map_or(&[], |invalid| invalid));
    }
    let settings = match settings {
        Ok(settings) => settings,
        Err(invalid) => return refusal(503, &closed(invalid)),
    };
    match route {
        Route::Other => return refusal(405, "This path is not for this method."),
        Route::Callback(job, secret) => {
            return callback::answer(settings, env, request, job, secret).await;
        }
        Route::Result(job) => return results::answer(settings, env, request, &job).await,
        Route::Counters => return counters(env, request).await,
        _ => {}
    }
    if visitor == Visitor::Stranger {
        return refusal(403, "Pages of this origin may not call. Its owner can list it in ORIGINS.");
    }
    if let Route::Token = route {
        return callers::page_token(settings, env, request).await;
    }
    let caller = match callers::of(settings, env, request).await? {
        Ok(caller) => caller,
        Err(message) => return refusal(401, message),
    };
    match route {
        Route::Create => tasks::create(settings, env, request, caller).await,
        Route::Record => tasks::record(env, request, caller).await,
        Route::Attempt => tasks::attempt(env, request, &caller).await,
        Route::Events => events::answer(env, request, caller).await,
        Route::Credit => credit(settings, env).await,
        Route::StreamUpload => uploads::stream(settings, request).await,
        Route::Base64Upload => uploads::base64(settings, request).await,
        Route::UrlUpload => uploads::url(settings, request).await,
        Route::Health
        | Route::Counters
        | Route::Token
        | Route::Callback(..)
        | Route::Result(_)
        | Route::Other => refusal(404, "There is no such path here."),
    }
}

/// Which settings keep the gateway closed, by name and without values; and what the page has to know: whether
/// anybody can get a token for it, and what its upscales are made by.
fn health(env: &Env, invalid: &[Invalid]) -> Result<Response> {
    let status = if invalid.is_empty() { 200 } else { 503 };
    let page = settings::text(env, "PASSPHRASE").is_some();
    let upstream = settings::text(env, "UPSTREAM_NAME").unwrap_or_else(|| UPSTREAM_NAME.to_owned());
    let wrong: Map<String, Value> =
        invalid.iter().map(|one| (one.name.to_owned(), Value::from(one.message.as_str()))).collect();
    let health = json!({ "ok": status == 200, "settings": wrong, "page": page, "upstream": upstream });
    Ok(Response::from_json(&health)?.with_status(status))
}

fn closed(invalid: &[Invalid]) -> String {
    let names: Vec<&str> = invalid.iter().map(|one| one.name).collect();
    format!("The gateway is closed until its owner has set {}. See /health.", names.join(" and "))
}

async fn counters(env: &Env, request: &Request) -> Result<Response> {
    if !callers::is_owner(env, request)? {
        return refusal(401, "These are for the owner: Authorization: Bearer, with the setting OWNER_TOKEN.");
    }
    match account::ask(env, protocol::Request::Counters).await? {
        Reply::Counters(body) => Response::from_json(&body),
        _ => unexpected(),
    }
}

async fn credit(settings: &Settings, env: &Env) -> Result<Response> {
    if settings::text(env, "CREDITS").as_deref() != Some("allow") {
        return refused(505, "The balance is not shown here. Its owner can set CREDITS to allow.", None);
    }
    let reply = upstream::credit(settings).await.ok();
    let Some(envelope) = reply.and_then(|reply| reply.envelope()) else {
        return refusal(502, "The service did not answer as it should. Try again.");
    };
    match envelope.credit().filter(|_| envelope.code == 200) {
        Some(credit) => success(&Value::from(credit)),
        None => refused(envelope.code, envelope.msg.as_deref().unwrap_or("The service refused."), None),
    }
}
