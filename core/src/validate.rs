//! What a caller hands in, checked before anything is sent.

use crate::api::MODEL;
use crate::failure::Failure;
use crate::image::{self, Header};
use crate::text::contains;
use crate::url::{authority, has_prefix, is_web_url};

/// Checks that the model is the one that this package is for.
///
/// # Errors
/// As [`image_url`].
pub fn model(model: &str) -> Result<(), Box<Failure>> {
    if model == MODEL {
        return Ok(());
    }
    Err(Failure::invalid("The model is not recraft/crisp-upscale, the only one that this package is for."))
}

/// Checks an image's URL by its form.
///
/// # Errors
/// [`crate::failure::Kind::InvalidInput`] with a message that says what to do.
pub fn image_url(url: &str) -> Result<(), Box<Failure>> {
    if has_prefix(url, "data:") || has_prefix(url, "blob:") || has_prefix(url, "file:") {
        return Err(Failure::invalid(
            "The service cannot fetch this URL. Put the image where it can be reached by http or https.",
        ));
    }
    web_url(url, "image URL")
}

/// Checks a file by its first bytes ([`image::HEAD_BYTES`] are enough) and its size in bytes.
///
/// # Errors
/// As [`image_url`].
pub fn file(head: &[u8], total_bytes: u64) -> Result<Header, Box<Failure>> {
    image::check(head, total_bytes).map_err(|problem| Failure::invalid(&problem.message()))
}

/// Checks the base URL of the API.
///
/// # Errors
/// As [`image_url`].
pub fn base_url(url: &str) -> Result<(), Box<Failure>> {
    base(url, "base URL")
}

/// Checks the base URL that files are uploaded to.
///
/// # Errors
/// As [`image_url`].
pub fn upload_base_url(url: &str) -> Result<(), Box<Failure>> {
    base(url, "uploadBaseUrl")
}

/// Checks the URL that the end of a task is posted to.
///
/// # Errors
/// As [`image_url`].
pub fn call_back_url(url: &str) -> Result<(), Box<Failure>> {
    web_url(url, "callBackUrl")
}

/// Checks a key or token: what cannot stand in a header is a badly pasted key.
/// Its value is in no message.
///
/// # Errors
/// As [`image_url`].
pub fn key(key: &str) -> Result<(), Box<Failure>> {
    if key.is_empty() {
        return Err(Failure::invalid(
            "The key is empty. Give the API's key as apiKey, or a gateway's token as token.",
        ));
    }
    if !key.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(Failure::invalid(
            "The key has a space, a line break or an invisible character in it. Copy it again.",
        ));
    }
    Ok(())
}

/// Checks a task's id, which is opaque.
///
/// # Errors
/// As [`image_url`].
pub fn task_id(id: &str) -> Result<(), Box<Failure>> {
    if id.is_empty() { Err(Failure::invalid("The task id is empty.")) } else { Ok(()) }
}

/// A URL that paths are added to.
fn base(url: &str, what: &str) -> Result<(), Box<Failure>> {
    web_url(url, what)?;
    // No path of a server's has these, and what is added behind them would be no path either.
    if url.bytes().any(|byte| b"?#\\".contains(&byte)) || contains(authority(url), "@") {
        let mut message = String::from("The ");
        message.push_str(what);
        message.push_str(" has a query, a fragment, a backslash or a user name in it. Give the scheme, the host and the path alone.");
        return Err(Failure::invalid(&message));
    }
    Ok(())
}

fn web_url(url: &str, what: &str) -> Result<(), Box<Failure>> {
    if is_web_url(url) {
        return Ok(());
    }
    let mut message = String::from("The ");
    message.push_str(what);
    message.push_str(" is not a URL. Give a whole one that begins with https:// or http://.");
    Err(Failure::invalid(&message))
}
