//! A gateway to kie.ai's job API on Cloudflare Workers. The key stays there, callers have tokens, and nobody polls.
//!
//! The Worker authenticates, validates, and streams files. The Durable Object stores and sends. The rules are
//! `crisp_upscale_gateway_core`'s.

mod account;
mod body;
mod callback;
mod callers;
mod events;
mod log;
mod object;
mod platform;
mod relay;
mod reply;
mod request;
mod results;
mod routes;
mod settings;
mod tasks;
mod uploads;
mod upstream;

use js_sys::Promise;
use serde_json::json;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::future_to_promise;
use worker::{Env, console_error};

use crate::request::Request;

/// Answers a request.
#[wasm_bindgen]
pub fn fetch(request: web_sys::Request, env: Env) -> Promise {
    future_to_promise(async move {
        let response = match Request::new(request) {
            Ok(request) => routes::answer(&request, &env).await,
            Err(error) => Err(error),
        };
        let response = response.or_else(|error| {
            console_error!("{}", json!({ "event": "failed", "error": error.to_string() }));
            worker::Response::error("INTERNAL SERVER ERROR", 500)
        })?;
        Ok(web_sys::Response::from(response).into())
    })
}
