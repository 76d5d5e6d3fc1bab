//! One call: whom it asks, when it must stop, and what comes of what it sends.

use std::cell::RefCell;

use crisp_upscale_core::failure::{Failure, redact};
use crisp_upscale_core::input;
use crisp_upscale_core::job::{Event, Fault, PATIENCE};
use crisp_upscale_core::json::Json;
use crisp_upscale_core::pace;
use crisp_upscale_core::verdict::{proves_no_connection, says_no_connection};
use crisp_upscale_core::wire::Reply;
use js_sys::Promise;
use serde::Serialize;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;

use crate::error::{Halt, UpscaleError};
use crate::host::{Host, Parsed, Run, Settings, instant, left, now};
use crate::request::{Ask, build};

/// How much of a reply that nobody understood goes along in an error's cause, in characters.
const QUOTE: usize = 1024;

/// One call. Whatever it waits for ends when it is dropped.
pub(crate) struct Call {
    pub(crate) settings: Settings,
    run: Parsed,
    pub(crate) host: Host,
    pub(crate) deadline: u64,
    /// What was sent as Bearer, so that no error repeats it: several where a token was renewed.
    bearers: RefCell<Vec<String>>,
}

impl Drop for Call {
    fn drop(&mut self) {
        self.host.leave();
    }
}

/// What came of a request.
pub(crate) enum Came {
    /// A reply, and what came as it came.
    Reply(Reply<Parsed>, Parsed),
    /// None, and what the runtime said of it.
    Fault(Fault, JsValue),
}

impl Came {
    /// What it is to a job, and what an error's `cause` says of it.
    pub(crate) fn into_event(self) -> (Event<Parsed>, JsValue) {
        match self {
            Came::Reply(reply, came) => (Event::Replied(reply), text_of(&came)),
            Came::Fault(fault, error) => (Event::Failed(fault), error),
        }
    }

    /// Whether the server refused the key or token.
    fn is_unauthorized(&self) -> bool {
        let Came::Reply(reply, _) = self else { return false };
        reply.envelope().map_or(reply.status == 401, |envelope| envelope.code == 401)
    }
}

/// A reply's text as it came, for an error's cause.
pub(crate) fn text_of(came: &Parsed) -> JsValue {
    came.get("text").map(|text| text.0).unwrap_or_default()
}

impl Call {
    pub(crate) fn begin(settings: Settings, run: Run) -> Self {
        let host = Host::new(&settings, &run);
        let run = Parsed(run.into());
        let number = |name| run.get(name)?.number();
        let began = number("began").map_or_else(now, instant);
        let deadline = began.saturating_add(number("timeout").map_or(PATIENCE, |timeout| timeout as u64));
        Call { settings, run, host, deadline, bearers: RefCell::default() }
    }

    /// The `Idempotency-Key` of every createTask of the call, where the server takes one.
    pub(crate) fn attempt(&self) -> Option<String> {
        self.run.get("attempt")?.text()
    }

    /// Sends one request; where the token is refused and there is a new one, once more with that.
    ///
    /// # Errors
    /// The caller's abort reason, or what is wrong with the request; nothing was sent then.
    pub(crate) async fn send(&self, ask: Ask<'_>, give_up: u64) -> Result<Came, Halt> {
        let mut refused: Option<String> = None;
        let mut came = None;
        loop {
            let answer = wait(self.host.bearer(refused.as_deref(), left(give_up))).await?;
            let token = match answer.text() {
                Some(token) if Some(&token) != refused.as_ref() => token,
                Some(_) => break,
                None => {
                    let fault = Came::Fault(Fault::NoToken, error_of(&answer));
                    return Ok(came.unwrap_or(fault));
                }
            };
            if let Err(failure) = input::key(&token) {
                let error = JsError::new(&failure.message).into();
                return Ok(came.unwrap_or(Came::Fault(Fault::NoToken, error)));
            }
            self.bearers.borrow_mut().push(token.clone());
            let reply = self.exchange(&ask, Some(&token), give_up).await?;
            if refused.is_some() || !reply.is_unauthorized() {
                return Ok(reply);
            }
            came = Some(reply);
            refused = Some(token);
        }
        came.ok_or_else(|| Halt::Thrown(JsValue::UNDEFINED))
    }

    /// Sends one request, with this token or without any.
    ///
    /// # Errors
    /// As [`Call::send`].
    pub(crate) async fn exchange(&self, ask: &Ask<'_>, bearer: Option<&str>, give_up: u64) -> Result<Came, Halt> {
        let request = build(self, ask, bearer).map_err(|cause| {
            self.error(Failure::invalid("The base URL does not make a valid request. Check it."), &cause)
        })?;
        let came = wait(self.host.exchange(&request, left(give_up), ask.want())).await?;
        let number = |name| came.get(name)?.number();
        Ok(match number("status") {
            Some(status) => {
                let asked = came.get("retryAfter").and_then(|header| pace::retry_after(&header.text()?));
                let until = number("retryIn").filter(|wait| *wait > 0.0).map(|wait| wait as u64);
                Came::Reply(
                    Reply { status: status as u16, retry_after: asked.or(until), body: came.get("body") },
                    came,
                )
            }
            None if came.0.is_undefined() => Came::Fault(Fault::TimedOut, JsValue::UNDEFINED),
            None => {
                let error = error_of(&came);
                Came::Fault(fault(&error), error)
            }
        })
    }

    /// Checks what the caller handed in, before anything is sent.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(crate) fn check(&self, rule: Result<(), Failure>) -> Result<(), Halt> {
        input::base_url(&self.settings.base_url())
            // A token that is asked for is checked when it has come.
            .and_then(|()| crate::host::text(&self.settings, "bearer").map_or(Ok(()), |key| input::key(&key)))
            .and(rule)
            .map_err(|failure| self.error(failure, &JsValue::UNDEFINED))
    }

    /// The error of a failure. The key is taken out, wherever a server echoed it.
    pub(crate) fn error(&self, failure: Failure, cause: &JsValue) -> Halt {
        let bearers = self.bearers.borrow();
        let cause = match cause.as_string() {
            Some(reply) => {
                let reply = bearers.iter().fold(reply, |reply, key| redact(&reply, key));
                reply.chars().take(QUOTE).collect::<String>().into()
            }
            None => cause.clone(),
        };
        let failure = bearers.iter().fold(failure, |failure, key| failure.without(key));
        Halt::Failed(UpscaleError { failure, cause })
    }
}

/// What the promise is fulfilled with.
///
/// # Errors
/// The caller's abort reason.
pub(crate) async fn wait(promise: Promise) -> Result<Parsed, Halt> {
    JsFuture::from(promise).await.map(Parsed).map_err(Halt::Thrown)
}

/// What the runtime said where it could not do what it was to do; undefined where the time was over.
pub(crate) fn error_of(came: &Parsed) -> JsValue {
    came.get("error").map(|error| error.0).unwrap_or_default()
}

/// Bun tells in the error what the system said, Deno in the error or its cause, Node in the cause.
pub(crate) fn fault(error: &JsValue) -> Fault {
    let error = Parsed(error.clone());
    let proven = proves(&error) || error.get("cause").is_some_and(|cause| proves(&cause));
    if proven { Fault::NoConnection } else { Fault::Lost }
}

fn proves(error: &Parsed) -> bool {
    // Node dials several addresses of a host: its error has the code of the first, and each has to have failed.
    let errors = error.get("errors").map(|errors| errors.items()).unwrap_or_default();
    if !errors.is_empty() {
        return errors.iter().all(proves);
    }
    let text = |name| error.get(name)?.text();
    text("code").is_some_and(|code| proves_no_connection(&code, text("syscall").as_deref()))
        || text("message").is_some_and(|message| says_no_connection(&message))
}

/// What goes to JavaScript: a list, whose items `npm/` names.
pub(crate) fn to_js(value: &impl Serialize) -> JsValue {
    value.serialize(&serde_wasm_bindgen::Serializer::json_compatible()).unwrap_or_default()
}
