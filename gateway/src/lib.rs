//! A gateway to kie.ai's job API on Cloudflare Workers: the key stays there, callers have tokens,
//! and nobody polls. It stores and sends; the rules are `crisp_upscale_core::gateway`'s.

mod account_object;
mod body;
mod callback;
mod callers;
mod entries;
mod events;
mod job_object;
mod log;
mod random;
mod record;
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
    routes::answer(request, env).await
}
