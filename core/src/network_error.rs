//! Errors by which a runtime proves that a request never left. A closed list of what was seen in each: every other error
//! may come from a connection on which the request was on its way.
//!
//! A client sends nothing before its own part of the TLS handshake is over. What fails until then has sent nothing. What a
//! server says afterwards proves nothing, even where it refuses the client's certificate: in TLS 1.3 that comes when the
//! client's part is over, and the request may have left. Browsers and workerd say the same of all these.
//!
//! The errors of Deno are a proof only where the request's body was a stream: any other is sent again by Deno itself, and
//! then the error is that of the second connection. Bun before 1.4 does that, too, and `ConnectionRefused` and
//! `FailedToOpenSocket`, which it says then, are not on the list.

use crate::failure::{Charged, Failure, Kind};
use crate::text::{begins, contains};

/// Why no response came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NetworkError {
    /// The runtime proves that no connection was made, so nothing was sent.
    NoConnection,
    /// The runtime proves that the request never left, although the server was there.
    Unsent(Unsent),
    /// There was no token to send it with, so nothing was sent.
    NoToken,
    /// The token did not come in time, so nothing was sent.
    TokenTimedOut,
    /// The caller's own `fetch` refused the request unread, so nothing was sent.
    FetchRefused,
    /// The connection failed; the request may have arrived.
    Lost,
    /// The timeout of this request is over; it may have arrived.
    TimedOut,
}

impl NetworkError {
    /// What it means for a request that changes something; `None` where that may have arrived.
    #[must_use]
    pub fn nothing_sent(self, charged: Charged) -> Option<Box<Failure>> {
        match self {
            NetworkError::Lost | NetworkError::TimedOut => None,
            proven => Some(proven.failure_of_read(charged)),
        }
    }

    /// What it means for a request that only reads, which costs nothing wherever it broke off.
    #[must_use]
    pub fn failure_of_read(self, charged: Charged) -> Box<Failure> {
        match self {
            NetworkError::NoToken => {
                let message = "The token could not be had, so nothing was sent. The cause says why.";
                Failure::with_message(Kind::Unauthorized, charged, message).retryable()
            }
            NetworkError::TokenTimedOut => {
                let message =
                    "The token did not come in time, so nothing was sent. Check the function given as token.";
                Failure::with_message(Kind::Timeout, charged, message).retryable()
            }
            NetworkError::FetchRefused => {
                let message = "The fetch option did not take the request, so nothing was sent. \
                               Give a function like the global fetch that takes a Request. The cause is what it threw.";
                Failure::with_message(Kind::InvalidInput, charged, message)
            }
            NetworkError::Unsent(unsent) => unsent.failure(charged),
            NetworkError::NoConnection | NetworkError::Lost | NetworkError::TimedOut => {
                Failure::new(Kind::Unreachable, charged).retryable()
            }
        }
    }
}

/// Why a request never left, although the server was there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unsent {
    /// The server's certificate is not trusted: its issuer, its time, its host.
    Certificate,
    /// Client and server have no version of TLS in common, or the server does not speak TLS at all.
    Handshake,
    /// A proxy refused to connect to the server.
    Proxy,
    /// The runtime sends no requests to this port.
    Port,
}

impl Unsent {
    /// What it means for a call.
    fn failure(self, charged: Charged) -> Box<Failure> {
        let message = match self {
            Unsent::Certificate => {
                "The server's certificate is not trusted, so nothing was sent. Check the base URL, the certificate's host, \
                 time and issuer, and this machine's clock."
            }
            Unsent::Handshake => {
                "The TLS handshake with the server failed, so nothing was sent. Check that the base URL's server speaks \
                 https at this port."
            }
            Unsent::Proxy => {
                "The proxy refused to connect to the server, so nothing was sent. Check the proxy's settings."
            }
            Unsent::Port => {
                "The runtime sends no requests to this port, so nothing was sent. Use another port."
            }
        };
        let failure = Failure::with_message(Kind::Unreachable, charged, message);
        if self == Unsent::Port { failure } else { failure.retryable() }
    }
}

/// What Node and Bun say, by an error's `code` and, where it was a call of the system that failed, its `syscall`: some
/// codes are a proof only where it was the dialling that failed. Node's codes of certificates are those of OpenSSL's
/// verification, and Bun has the same ones.
#[must_use]
pub fn by_code(code: &str, syscall: Option<&str>) -> Option<NetworkError> {
    let unsent = match code {
        "ECONNREFUSED" | "ENOTFOUND" | "EAI_AGAIN" | "UND_ERR_CONNECT_TIMEOUT" => {
            return Some(NetworkError::NoConnection);
        }
        "ETIMEDOUT" | "EHOSTUNREACH" | "ENETUNREACH" if syscall == Some("connect") => {
            return Some(NetworkError::NoConnection);
        }
        "CERT_CHAIN_TOO_LONG"
        | "CERT_HAS_EXPIRED"
        | "CERT_NOT_YET_VALID"
        | "CERT_REJECTED"
        | "CERT_REVOKED"
        | "CERT_SIGNATURE_FAILURE"
        | "CERT_UNTRUSTED"
        | "DEPTH_ZERO_SELF_SIGNED_CERT"
        | "ERR_TLS_CERT_ALTNAME_INVALID"
        | "HOSTNAME_MISMATCH"
        | "INVALID_CA"
        | "INVALID_PURPOSE"
        | "PATH_LENGTH_EXCEEDED"
        | "SELF_SIGNED_CERT_IN_CHAIN"
        | "UNABLE_TO_GET_ISSUER_CERT"
        | "UNABLE_TO_GET_ISSUER_CERT_LOCALLY"
        | "UNABLE_TO_VERIFY_LEAF_SIGNATURE" => Unsent::Certificate,
        // Bun's.
        "ERR_PROXY_TUNNEL" => Unsent::Proxy,
        _ => return None,
    };
    Some(NetworkError::Unsent(unsent))
}

/// What Node's own `fetch` says in its error's cause of a handshake that failed: the server's answer to the first message,
/// its choice of a version, or plain text in place of both. `https`, on which other packages' `fetch` may stand, has the
/// same codes for a record that is broken after the handshake, where Node's `fetch` says that the other side has closed.
#[must_use]
pub fn by_code_of_fetch(code: &str) -> Option<NetworkError> {
    match code {
        "ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION"
        | "ERR_SSL_UNSUPPORTED_PROTOCOL"
        | "ERR_SSL_WRONG_VERSION_NUMBER" => Some(NetworkError::Unsent(Unsent::Handshake)),
        _ => None,
    }
}

/// What Deno says, which has no codes, and Node where it has none. A URL has no spaces, so these words cannot come from
/// one.
#[must_use]
pub fn by_message(message: &str) -> Option<NetworkError> {
    let has = |part| contains(message, part);
    if has("client error (Connect): tcp connect error") || has("client error (Connect): dns error") {
        return Some(NetworkError::NoConnection);
    }
    let unsent = if has("client error (Connect): invalid peer certificate: ") {
        Unsent::Certificate
    } else if has("client error (Connect): received fatal alert: ProtocolVersion")
        || has("client error (Connect): received corrupt message ")
        || has("client error (Connect): tls handshake eof")
        || message == "Client network socket disconnected before secure TLS connection was established"
    {
        Unsent::Handshake
    } else if has("client error (Connect): unsuccessful tunnel")
        || begins(message.as_bytes(), b"Proxy response (") && has(" !== 200 when HTTP Tunneling")
    {
        Unsent::Proxy
    } else if message == "bad port" || begins(message.as_bytes(), b"Fetch failed: Requests to port ") {
        Unsent::Port
    } else {
        return None;
    };
    Some(NetworkError::Unsent(unsent))
}
