//! Which addresses callers may name: of images, of files to upload, of callbacks to relay. Something
//! fetches them that stands where the caller does not, so an address must be one of the public Internet.
//!
//! A URL is read as browsers read it (WHATWG), so an address in decimal, octal, hexadecimal or
//! full-width digits is the same address here. What a *name* resolves to is not known here.

use std::net::{Ipv4Addr, Ipv6Addr};

use url::{Host, Url};

use crate::origin;
use crisp_upscale_core::failure::Failure;

/// How long a URL may be, as it came and as it is passed on, in bytes. Signed URLs come near 2,000.
const MAX_URL: usize = 8192;

/// Domains that are not on the public Internet: of RFC 6761, 6762, 7686, 8375 and 9476, those that
/// ICANN keeps out of the root because they are in use in private networks, and what routers hand out.
const PRIVATE: [&str; 14] = [
    "alt",
    "corp",
    "home",
    "home.arpa",
    "internal",
    "intranet",
    "invalid",
    "lan",
    "local",
    "localdomain",
    "localhost",
    "onion",
    "private",
    "test",
];

/// What is allowed: all of the public Internet by https, and a list of origins besides.
#[derive(Clone, Debug, Default)]
pub struct Allowed {
    origins: Vec<String>,
}

impl Allowed {
    /// The setting `IMAGE_ORIGINS`: origins that are allowed although they are not public or not https.
    ///
    /// # Errors
    /// An item is no origin.
    pub fn new(image_origins: &str) -> Result<Self, Box<Failure>> {
        Ok(Allowed { origins: origin::list("IMAGE_ORIGINS", image_origins)? })
    }

    /// Checks a URL. What is returned, and not the text that came, is to be used: whoever else reads
    /// that text may read it otherwise. A redirect leads to a URL that was not checked.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn check(&self, url: &str) -> Result<Url, Box<Failure>> {
        let read = || if url.len() > MAX_URL { None } else { Url::parse(url).ok() };
        let url = read().filter(|url| url.as_str().len() <= MAX_URL).ok_or_else(|| {
            Failure::invalid(&format!(
                "The address is no URL of at most {MAX_URL} bytes. Give one that begins with https://."
            ))
        })?;
        if !matches!(url.scheme(), "https" | "http") {
            return Err(not_https());
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(Failure::invalid("The address holds a user name or a password. Leave them out."));
        }
        if self.origins.contains(&url.origin().ascii_serialization()) {
            return Ok(url);
        }
        if url.scheme() != "https" {
            return Err(not_https());
        }
        if url.port().is_some() {
            return Err(Failure::invalid("The address names a port. Only https on its own port is allowed."));
        }
        if url.host().is_some_and(|host| is_public(&host)) {
            return Ok(url);
        }
        Err(Failure::invalid(
            "The address is not one of the public Internet. Use one that anybody can reach.",
        ))
    }
}

fn not_https() -> Box<Failure> {
    Failure::invalid("The address is not https. Give one that begins with https://.")
}

fn is_public(host: &Host<&str>) -> bool {
    match host {
        Host::Domain(name) => is_public_name(name),
        Host::Ipv4(address) => is_public_v4(*address),
        Host::Ipv6(address) => is_public_v6(*address),
    }
}

/// A parsed name is in small ASCII letters. One that ends in a dot is the same name to a resolver and
/// another to whoever compares.
fn is_public_name(name: &str) -> bool {
    let within =
        |domain: &&str| name.strip_suffix(domain).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
    name.contains('.') && !name.ends_with('.') && !PRIVATE.iter().any(within)
}

/// By IANA's registry of special-purpose addresses.
fn is_public_v4(address: Ipv4Addr) -> bool {
    match address.octets() {
        // This network, private, loopback, multicast; reserved and broadcast.
        [0 | 10 | 127 | 224..=255, ..] => false,
        // Shared by the customers of a provider; a cloud's metadata service is here, too.
        [100, 64..=127, ..] => false,
        // Link-local, where most clouds have their metadata service.
        [169, 254, ..] => false,
        // Azure's own, reachable from every machine there.
        [168, 63, 129, 16] => false,
        [172, 16..=31, ..] | [192, 168, ..] => false,
        // Protocol assignments, documentation, the relays of 6to4.
        [192, 0, 0 | 2, _] | [192, 88, 99, _] | [198, 51, 100, _] | [203, 0, 113, _] => false,
        // Benchmarks.
        [198, 18 | 19, ..] => false,
        _ => true,
    }
}

/// Only what is assigned as global unicast, 2000::/3: loopback, unique local, link-local, site-local,
/// multicast, and the IPv4 addresses within ::/96, ::ffff:0:0/96, 64:ff9b::/96 and 64:ff9b:1::/48 are not.
fn is_public_v6(address: Ipv6Addr) -> bool {
    match address.segments() {
        // Protocol assignments, Teredo and benchmarks among them; documentation; 6to4.
        [0x2001, 0..=0x01ff | 0x0db8, ..] | [0x2002, ..] | [0x3fff, 0..=0x0fff, ..] => false,
        [first, ..] => first & 0xe000 == 0x2000,
    }
}
