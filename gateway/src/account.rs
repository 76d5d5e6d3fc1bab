//! What passes between the Worker and the object of the account: the Worker's side.

use crisp_upscale_gateway_core::protocol::{Reply, Request};
use serde::{Deserialize, Serialize};
use worker::{Env, Method, RequestInit, Response, ResponseBody, Result};

/// The binding of the object.
const BINDING: &str = "ACCOUNT";

/// The object's name. There is one key, and so one account.
const NAME: &str = "account";

/// A message to the object.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Message {
    /// Answered with a [`Reply`], as JSON.
    Ask(Request),
    /// Answered with the event stream itself.
    Subscribe {
        /// Who subscribes.
        caller: String,
        /// The tasks, by the ids that callers know.
        tasks: Vec<String>,
    },
}

/// Asks the account.
pub(crate) async fn ask(env: &Env, request: Request) -> Result<Reply> {
    send(env, &Message::Ask(request)).await?.json().await
}

/// Opens an event stream.
pub(crate) async fn subscribe(env: &Env, caller: String, tasks: Vec<String>) -> Result<ResponseBody> {
    let response: web_sys::Response = send(env, &Message::Subscribe { caller, tasks }).await?.into();
    Ok(response.body().map_or(ResponseBody::Empty, ResponseBody::Stream))
}

async fn send(env: &Env, message: &Message) -> Result<Response> {
    let mut init = RequestInit::new();
    init.with_method(Method::Post).with_body(Some(serde_json::to_string(message)?.into()));
    let request = worker::Request::new_with_init("https://account/", &init)?;
    let response = env.durable_object(BINDING)?.get_by_name(NAME)?.fetch_with_request(request).await?;
    if response.status_code() == 200 { Ok(response) } else { Err("The account failed.".into()) }
}
