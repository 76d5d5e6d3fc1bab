//! What `npm/callback.ts` asks of the rules in [`crisp_upscale_core::webhook`]. It goes the way from
//! one to the next itself, so that a page that receives no callbacks need not load that way.

use crisp_upscale_core::job::Upscaled;
use crisp_upscale_core::webhook::{self, Opened, PATIENCE, Posted, Said};
use js_sys::{Array, Date, Promise};
use wasm_bindgen::prelude::*;

use crate::call::{Act, Call, Came, Do, text_of, to_js};
use crate::exports::{promise, result, thrown};
use crate::file::{Probe, described};
use crate::host::{Parsed, Run, Settings, now};
use crate::request::Ask;

/// Opens a callback: gives `[claims, signature, otherwise]` of [`webhook::Opened`], where a claim is
/// `[taskId, message]`; or the word for why it is refused; or `undefined` where the tolerance, in
/// seconds, is none. The body is left out where it is longer than is read.
#[wasm_bindgen(js_name = openCallback)]
pub fn open_callback(
    method: &str,
    timestamp: Option<String>,
    signature: Option<String>,
    body: Option<String>,
    signed: bool,
    tolerance: Option<f64>,
) -> JsValue {
    let Some(window) = webhook::window(tolerance) else { return JsValue::UNDEFINED };
    let posted = Posted {
        method,
        timestamp: timestamp.as_deref(),
        signature: signature.as_deref(),
        body: body.as_deref(),
    };
    match webhook::open::<Parsed>(posted, signed.then_some(window), Date::now() as u64) {
        Ok(Opened { claims, signature, otherwise }) => {
            let claims: Vec<_> = claims.into_iter().map(|claim| (claim.task_id, claim.message)).collect();
            to_js(&(claims, signature, otherwise.as_str()))
        }
        Err(refusal) => refusal.as_str().into(),
    }
}

/// Reads the record of a callback's task: resolves to `[kind, what]`, where `what` is the result, the
/// package's `Error`, or the word for why it is refused.
///
/// # Errors
/// The package's `Error` where the client is set up wrongly.
#[wasm_bindgen(js_name = readCallback)]
pub fn read_callback(settings: Settings, run: Run, task_id: String) -> Promise {
    promise(settings, run, |_| Ok(Box::new(Reading { task_id, upscaled: None, probe: None, said: None })))
}

struct Reading {
    task_id: String,
    upscaled: Option<Box<Upscaled>>,
    /// Of the result's file.
    probe: Option<Probe>,
    said: Option<(&'static str, JsValue)>,
}

impl Reading {
    /// Looks at the result's file.
    fn probed(&mut self, call: &Call, came: Came) -> Do<'_> {
        let Some(probe) = &mut self.probe else { return Do::Done };
        match probe.step(call, came) {
            Ok(head) => {
                let described = self.upscaled.take().map(|upscaled| described(*upscaled, head));
                self.said = described.map(|described| ("success", result(described)));
                Do::Done
            }
            Err(next) => next,
        }
    }
}

impl Act for Reading {
    fn step(&mut self, call: &Call, came: Came) -> Do<'_> {
        if self.probe.is_some() {
            return self.probed(call, came);
        }
        let (said, cause) = match came {
            Came::Reply(reply, came) => (Said::of_reply(&self.task_id, &reply), text_of(&came)),
            Came::Fault(fault, error) => (Said::Later(fault.of_read().of_task(&self.task_id)), error),
            Came::Nothing | Came::Waited(_) => {
                return match call.check(Ok(())) {
                    Ok(()) => Do::Send(Ask::Look(&self.task_id), now().saturating_add(PATIENCE)),
                    Err(failure) => Do::Fail(failure, JsValue::UNDEFINED),
                };
            }
        };
        let thrown = |failure| thrown(&call.settings, call.error(failure, &cause));
        self.said = Some(match said {
            Said::Success(upscaled) => {
                self.probe = Some(Probe::of_result(call, &upscaled.url));
                self.upscaled = Some(upscaled);
                return self.probed(call, Came::Nothing);
            }
            Said::Failed(failure) => ("failed", thrown(failure)),
            Said::Later(failure) => ("later", thrown(failure)),
            Said::Refused(refusal) => ("refused", refusal.as_str().into()),
        });
        Do::Done
    }

    fn value(&mut self) -> JsValue {
        self.said.take().map(|(kind, what)| Array::of2(&kind.into(), &what)).into()
    }
}

/// The HTTP status for a kind of outcome, or for the word for a refusal.
#[wasm_bindgen(js_name = callbackStatus)]
pub fn callback_status(word: &str) -> u16 {
    webhook::status(word)
}
