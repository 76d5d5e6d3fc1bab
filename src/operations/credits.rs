//! credit, once.

use crisp_upscale_core::classify::credit;
use crisp_upscale_core::failure::Charged;

use crate::call::Call;
use crate::error::CallError;
use crate::http::{Request, send};

/// The account's balance, in credits.
pub(crate) async fn credits(call: &Call) -> Result<f64, CallError> {
    call.check(Ok(()))?;
    let (response, cause) = send(call, &Request::Credit, call.deadline).await?.into_result();
    let balance = match response {
        Ok(response) => credit(&response),
        Err(error) => Err(error.failure_of_read(Charged::No)),
    };
    balance.map_err(|failure| call.error(failure, &cause))
}
