//! Checks an image by its URL before it is paid for.

use crisp_upscale_core::range_probe::PREFLIGHT_TIMEOUT;
use crisp_upscale_core::validate;

use super::file::warn;
use super::range_probe::read_head;
use crate::call::Call;
use crate::error::CallError;

/// Fails with `invalid-input` where the image's host refuses, or the file is not one that the service takes. Where it
/// cannot be read from here, or its host is busy or has a fault, there is nothing to say against it.
pub(crate) async fn preflight(call: &Call, image: &str) -> Result<(), CallError> {
    call.check(validate::image_url(image))?;
    let head = read_head(call, image, PREFLIGHT_TIMEOUT).await?;
    if let Some(header) = head.map_or(Ok(None), |head| head.preflight())? {
        warn(call, header);
    }
    Ok(())
}
