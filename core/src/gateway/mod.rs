//! The rules of the gateway, which keeps the key and serves callers that have a token instead. Like
//! all rules they neither call nor wait: whoever has the settings, the requests and the clock asks them.
//! A Worker plays them: it stores what these values are, and sends what they say.

pub mod account;
pub mod address;
pub mod ids;
pub mod job;
pub mod link;
pub mod order;
pub mod origin;
pub mod route;
pub mod secret;
pub mod token;
