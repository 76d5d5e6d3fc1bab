//! Uploads by URL whose file is being fetched.

use crate::faults::NetworkError;

/// Where a file goes.
#[derive(Debug)]
pub(crate) struct Place {
    pub(crate) origin: String,
    pub(crate) directory: String,
    pub(crate) name: Option<String>,
}

/// An upload whose file is being fetched.
#[derive(Debug)]
pub(crate) struct Pending {
    pub(crate) place: Place,
    pub(crate) fault: Option<NetworkError>,
}
