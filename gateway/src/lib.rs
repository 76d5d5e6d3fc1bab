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
mod results;
mod routes;
mod settings;
mod tasks;
mod uploads;
mod upstream;

use worker::{Context, Env, Request, Response, Result, event};

#[event(fetch)]
async fn fetch(request: Request, env: Env, _context: Context) -> Result<Response> {
    routes::answer(&request, &env).await
}
