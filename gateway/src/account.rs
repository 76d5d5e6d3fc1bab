//! What passes between the Worker and the object of the account: the Worker's side.

use crisp_upscale_gateway_core::protocol::{Reply, Request};
use js_sys::{Promise, Reflect};
use serde::{Deserialize, Serialize};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use web_sys::{RequestInit, Response};
use worker::{Env, ResponseBody, Result};

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
    let response = send(env, &Message::Ask(request)).await?;
    let text = JsFuture::from(response.text()?).await?.as_string().unwrap_or_default();
    Ok(serde_json::from_str(&text)?)
}

/// Opens an event stream.
pub(crate) async fn subscribe(env: &Env, caller: String, tasks: Vec<String>) -> Result<ResponseBody> {
    let response = send(env, &Message::Subscribe { caller, tasks }).await?;
    Ok(response.body().map_or(ResponseBody::Empty, ResponseBody::Stream))
}

async fn send(env: &Env, message: &Message) -> Result<Response> {
    let namespace: Namespace = Reflect::get(env, &BINDING.into())?.unchecked_into();
    let init = RequestInit::new();
    init.set_method("POST");
    init.set_body(&serde_json::to_string(message)?.into());
    let promise = namespace.get_by_name(NAME)?.fetch("https://account/", &init)?;
    let response: Response = JsFuture::from(promise).await?.unchecked_into();
    if response.ok() { Ok(response) } else { Err("The account failed.".into()) }
}

// What the `worker` crate has for this reads more of each request and response than is needed here.
#[wasm_bindgen]
extern "C" {
    type Namespace;

    #[wasm_bindgen(method, catch, js_name = getByName)]
    fn get_by_name(this: &Namespace, name: &str) -> std::result::Result<Stub, JsValue>;

    type Stub;

    #[wasm_bindgen(method, catch)]
    fn fetch(this: &Stub, url: &str, init: &RequestInit) -> std::result::Result<Promise, JsValue>;
}
