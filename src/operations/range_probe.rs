//! Reads the first bytes of a file on another host than the API. The key goes to none of them, so redirects may be
//! followed.

use crisp_upscale_core::range_probe::{Head, Input, Output, RESULT_TIMEOUT, RangeProbe, total_bytes};
use crisp_upscale_core::result::UpscaleResult;
use crisp_upscale_core::task::TaskSuccess;
use js_sys::Date;

use crate::call::Call;
use crate::error::CallError;
use crate::http::{Exchange, Request, send};
use crate::js::{Received, now};

/// The first bytes of a file; `None` where they cannot be had from here within `timeout` milliseconds.
pub(crate) async fn read_head(call: &Call, url: &str, timeout: u64) -> Result<Option<Head>, CallError> {
    let deadline = call.deadline.min(now().saturating_add(timeout));
    let mut machine = RangeProbe::new(deadline);
    let mut input = Input::Started;
    loop {
        input = match machine.handle(input, now()) {
            Output::Send { ranged } => match send(call, &Request::Head(url, ranged), deadline).await? {
                Exchange::Response(responded) => {
                    Input::Response(head(&responded.received), responded.response.retry_after)
                }
                Exchange::NetworkError(..) => Input::NetworkError,
            },
            Output::Sleep { until } => {
                call.sleep(until).await?;
                Input::TimerFired
            }
            Output::Finish(head) => return Ok(head),
        }
    }
}

fn head(received: &Received) -> Head {
    let status = received.status();
    let total_bytes = total_bytes(status, received.range().as_deref(), received.length().as_deref());
    Head { status, total_bytes, bytes: received.bytes().map(|bytes| bytes.to_vec()).unwrap_or_default() }
}

/// The result of a task, with what the first bytes of its file say. The result is there, whatever its host does.
pub(crate) async fn describe(call: &Call, success: TaskSuccess) -> Result<UpscaleResult, CallError> {
    let head = read_head(call, &success.url, RESULT_TIMEOUT).await?;
    Ok(UpscaleResult::new(success, head.and_then(|head| head.header()), Date::now()))
}
