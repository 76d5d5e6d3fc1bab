//! The rules of the gateway, which keeps the key and serves callers that have a token instead. Like
//! all rules they neither call nor wait: whoever has the settings, the requests and the clock asks them.

pub mod address;
pub mod ids;
pub mod link;
pub mod origin;
pub mod secret;
pub mod token;
