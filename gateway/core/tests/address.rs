//! Tests of `address`: a table of attacks, and every way of writing an address that is not public.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::net::{Ipv4Addr, Ipv6Addr};

use crisp_upscale_gateway_core::address::Allowed;

const NO_URL: &str = "The address is no URL";
const NOT_HTTPS: &str = "The address is not https";
const CREDENTIALS: &str = "The address holds a user name or a password";
const PORT: &str = "The address names a port";
const NOT_PUBLIC: &str = "The address is not one of the public Internet";

/// What comes of a URL where no origin is listed: the URL to use, or the begin of the refusal.
#[track_caller]
fn refused(url: &str, because: &str) {
    refused_by(&Allowed::default(), url, because);
}

#[track_caller]
fn refused_by(allowed: &Allowed, url: &str, because: &str) {
    match allowed.check(url) {
        Ok(url) => panic!("{url} is allowed"),
        Err(failure) => assert!(failure.message.starts_with(because), "{url}: {}", failure.message),
    }
}

fn used(url: &str) -> String {
    Allowed::default().check(url).unwrap_or_else(|failure| panic!("{url}: {}", failure.message)).to_string()
}

/// Reproducible randomness (SplitMix64).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }
}

// What is allowed

#[test]
fn the_public_internet_by_https() {
    let table = [
        ("https://host.example/photo.jpg", "https://host.example/photo.jpg"),
        ("https://host.example", "https://host.example/"),
        ("https://host.example:443/a?b=c#d", "https://host.example/a?b=c#d"),
        ("HTTPS://HOST.Example/A", "https://host.example/A"),
        ("https://bücher.example/ü.jpg", "https://xn--bcher-kva.example/%C3%BC.jpg"),
        ("https://8.8.8.8/", "https://8.8.8.8/"),
        ("https://0x8080808/", "https://8.8.8.8/"),
        ("https://[2606:4700:4700::1111]/", "https://[2606:4700:4700::1111]/"),
        // They look like what is refused, and are not.
        ("https://localhost.example/", "https://localhost.example/"),
        ("https://notlocal.example/", "https://notlocal.example/"),
        ("https://host.notlocal/", "https://host.notlocal/"),
        ("https://internal.host.example/", "https://internal.host.example/"),
        ("https://mylocalhost.com/", "https://mylocalhost.com/"),
        ("https://the-internal.com/", "https://the-internal.com/"),
        ("https://127.0.0.1.nip.example/", "https://127.0.0.1.nip.example/"),
        ("https://host.example/http://127.0.0.1/", "https://host.example/http://127.0.0.1/"),
        ("https://host.example/?u=https://user@127.0.0.1", "https://host.example/?u=https://user@127.0.0.1"),
    ];
    for (url, expected) in table {
        assert_eq!(used(url), expected);
    }
}

/// Another reader may take what stands behind the backslash or the tab for the host.
#[test]
fn what_is_to_be_used_can_be_read_in_one_way_only() {
    assert_eq!(used("https://host.example\\@127.0.0.1/"), "https://host.example/@127.0.0.1/");
    assert_eq!(used("https:\\\\host.example\\a"), "https://host.example/a");
    assert_eq!(used("https:host.example"), "https://host.example/");
    assert_eq!(used("\u{1}  https://ho\tst.exa\r\nmple/ "), "https://host.example/");
    assert_eq!(used("https://host.example/\"<a b>"), "https://host.example/%22%3Ca%20b%3E");
}

// What is not

#[test]
fn the_table_of_attacks() {
    let table = [
        // No https.
        ("http://host.example/", NOT_HTTPS),
        ("http://169.254.169.254/", NOT_HTTPS),
        ("http://[::ffff:127.0.0.1]/", NOT_HTTPS),
        ("ftp://host.example/", NOT_HTTPS),
        ("file:///etc/passwd", NOT_HTTPS),
        ("data:image/png;base64,AAAA", NOT_HTTPS),
        ("blob:https://host.example/0", NOT_HTTPS),
        ("javascript:alert(1)", NOT_HTTPS),
        ("view-source:https://host.example/", NOT_HTTPS),
        ("gopher://127.0.0.1:6379/_INFO", NOT_HTTPS),
        ("wss://host.example/", NOT_HTTPS),
        // No URL.
        ("", NO_URL),
        ("host.example/photo.jpg", NO_URL),
        ("//host.example/", NO_URL),
        ("/photo.jpg", NO_URL),
        ("https://", NO_URL),
        ("https:///", NO_URL),
        ("https://[::1", NO_URL),
        ("https://[fe80::1%25eth0]/", NO_URL),
        ("https://1.2.3.256/", NO_URL),
        ("https://1.2.3.4.5/", NO_URL),
        ("https://host.0x7f/", NO_URL),
        ("https://4294967296/", NO_URL),
        ("https://ho st.example/", NO_URL),
        ("https://host.example:65536/", NO_URL),
        ("https://host%00.example/", NO_URL),
        ("https://host.example%2f@127.0.0.1/", CREDENTIALS),
        // Somebody else's host, dressed up.
        ("https://user@host.example/", CREDENTIALS),
        ("https://user:word@host.example/", CREDENTIALS),
        ("https://:word@host.example/", CREDENTIALS),
        ("https://host.example@127.0.0.1/", CREDENTIALS),
        ("https://host.example:443@127.0.0.1/", CREDENTIALS),
        ("https://@127.0.0.1/", NOT_PUBLIC),
        // Another service of the same host.
        ("https://host.example:22/", PORT),
        ("https://host.example:80/", PORT),
        ("https://host.example:8443/", PORT),
        // IPv4 in every spelling.
        ("https://127.0.0.1/", NOT_PUBLIC),
        ("https://127.0.0.1./", NOT_PUBLIC),
        ("https://127.1/", NOT_PUBLIC),
        ("https://127.0.1/", NOT_PUBLIC),
        ("https://2130706433/", NOT_PUBLIC),
        ("https://0x7f000001/", NOT_PUBLIC),
        ("https://0X7F.1/", NOT_PUBLIC),
        ("https://0x7f.0x0.0x0.0x1/", NOT_PUBLIC),
        ("https://017700000001/", NOT_PUBLIC),
        ("https://0177.0.0.1/", NOT_PUBLIC),
        ("https://0177.0x0.1/", NOT_PUBLIC),
        ("https://127%2e0%2E0.1/", NOT_PUBLIC),
        ("https://%31%32%37.0.0.1/", NOT_PUBLIC),
        ("https://127。0。0。1/", NOT_PUBLIC),
        ("https://127．0．0．1/", NOT_PUBLIC),
        ("https://127｡0｡0｡1/", NOT_PUBLIC),
        ("https://１２７.０.０.１/", NOT_PUBLIC),
        ("https://①②⑦.⓪.⓪.①/", NOT_PUBLIC),
        ("https://𝟏𝟐𝟕.0.0.1/", NOT_PUBLIC),
        ("https://127.0.0.1\\@host.example/", NOT_PUBLIC),
        ("https://127.0.0.1#@host.example/", NOT_PUBLIC),
        ("https://127.0.0.1?@host.example/", NOT_PUBLIC),
        ("https:127.0.0.1", NOT_PUBLIC),
        ("https:/127.0.0.1", NOT_PUBLIC),
        ("https:////127.0.0.1/", NOT_PUBLIC),
        ("https://127.0.\t0.1/", NOT_PUBLIC),
        ("https://0/", NOT_PUBLIC),
        ("https://0.0.0.0/", NOT_PUBLIC),
        ("https://169.254.169.254/latest/meta-data/", NOT_PUBLIC),
        ("https://2852039166/", NOT_PUBLIC),
        ("https://0xa9fea9fe/", NOT_PUBLIC),
        ("https://0251.0376.0251.0376/", NOT_PUBLIC),
        ("https://169.16689662/", NOT_PUBLIC),
        ("https://100.100.100.200/", NOT_PUBLIC),
        ("https://168.63.129.16/", NOT_PUBLIC),
        ("https://192.0.0.192/", NOT_PUBLIC),
        ("https://255.255.255.255/", NOT_PUBLIC),
        // IPv6, and IPv4 within.
        ("https://[::1]/", NOT_PUBLIC),
        ("https://[::]/", NOT_PUBLIC),
        ("https://[0:0:0:0:0:0:0:1]/", NOT_PUBLIC),
        ("https://[::ffff:127.0.0.1]/", NOT_PUBLIC),
        ("https://[::ffff:7f00:1]/", NOT_PUBLIC),
        ("https://[::ffff:8.8.8.8]/", NOT_PUBLIC),
        ("https://[::127.0.0.1]/", NOT_PUBLIC),
        ("https://[::ffff:0:127.0.0.1]/", NOT_PUBLIC),
        ("https://[64:ff9b::127.0.0.1]/", NOT_PUBLIC),
        ("https://[64:ff9b:1::a00:1]/", NOT_PUBLIC),
        ("https://[2002:7f00:1::]/", NOT_PUBLIC),
        ("https://[2001::7f00:1]/", NOT_PUBLIC),
        ("https://[fe80::1]/", NOT_PUBLIC),
        ("https://[fec0::1]/", NOT_PUBLIC),
        ("https://[fd00:ec2::254]/", NOT_PUBLIC),
        ("https://[ff02::1]/", NOT_PUBLIC),
        ("https://[2001:db8::1]/", NOT_PUBLIC),
        ("https://[100::1]/", NOT_PUBLIC),
        // Names.
        ("https://localhost/", NOT_PUBLIC),
        ("https://localhost./", NOT_PUBLIC),
        ("https://LOCALHOST/", NOT_PUBLIC),
        ("https://ｌｏｃａｌｈｏｓｔ/", NOT_PUBLIC),
        ("https://ⓛocalhost/", NOT_PUBLIC),
        ("https://%6cocalhost/", NOT_PUBLIC),
        ("https://lo\u{ad}calhost/", NOT_PUBLIC),
        ("https://a.localhost/", NOT_PUBLIC),
        ("https://a.b.localhost./", NOT_PUBLIC),
        ("https://localhost.localdomain/", NOT_PUBLIC),
        ("https://printer.local/", NOT_PUBLIC),
        ("https://printer.LOCAL./", NOT_PUBLIC),
        ("https://printer。local/", NOT_PUBLIC),
        ("https://metadata.google.internal/", NOT_PUBLIC),
        ("https://metadata.google.internal./", NOT_PUBLIC),
        ("https://router.home.arpa/", NOT_PUBLIC),
        ("https://router.lan/", NOT_PUBLIC),
        ("https://router.home/", NOT_PUBLIC),
        ("https://wiki.corp/", NOT_PUBLIC),
        ("https://hidden.onion/", NOT_PUBLIC),
        ("https://a.test/", NOT_PUBLIC),
        ("https://intranet/", NOT_PUBLIC),
        ("https://kubernetes/", NOT_PUBLIC),
        ("https://host.example./", NOT_PUBLIC),
        ("https://home.arpa/", NOT_PUBLIC),
    ];
    for (url, because) in table {
        refused(url, because);
    }
}

#[test]
fn a_url_may_be_8_kib_long_before_and_after_it_is_read() {
    let of = |length: usize| format!("https://host.example/{}", "x".repeat(length - 21));
    assert_eq!(used(&of(8192)), of(8192));
    refused(&of(8193), NO_URL);
    refused(&format!("https://host.example/{}", "ü".repeat(1_600)), NO_URL);
    refused(&format!("{}https://host.example/", " ".repeat(8192)), NO_URL);
}

// The origins that are listed

#[test]
fn an_origin_that_is_listed_is_allowed_exactly() {
    let allowed = Allowed::new(
        " http://127.0.0.1:8787 https://images.internal\thttp://[::1]:80 https://host.example:8443/ ",
    )
    .unwrap();
    for url in [
        "http://127.0.0.1:8787/images/a.png?b",
        "http://127.1:08787/",
        "http://2130706433:8787/",
        "https://images.internal/",
        "https://IMAGES.internal:443/",
        "http://[::1]/",
        "https://host.example:8443/",
        "https://host.example/",
    ] {
        assert!(allowed.check(url).is_ok(), "{url}");
    }
    let table = [
        ("https://127.0.0.1:8787/", PORT),
        ("http://127.0.0.1/", NOT_HTTPS),
        ("http://127.0.0.1:8788/", NOT_HTTPS),
        ("http://127.0.0.1:87870/", NO_URL),
        ("http://127.0.0.2:8787/", NOT_HTTPS),
        ("http://localhost:8787/", NOT_HTTPS),
        ("http://user@127.0.0.1:8787/", CREDENTIALS),
        ("http://127.0.0.1:8787@host.example/", CREDENTIALS),
        ("http://127.0.0.1:8787.evil.example/", NO_URL),
        ("blob:http://127.0.0.1:8787/0", NOT_HTTPS),
        ("ftp://127.0.0.1:8787/", NOT_HTTPS),
        ("http://images.internal/", NOT_HTTPS),
        ("https://images.internal./", NOT_PUBLIC),
        ("https://images.internal:444/", PORT),
        ("https://a.images.internal/", NOT_PUBLIC),
        ("https://aimages.internal/", NOT_PUBLIC),
        ("https://host.example:8444/", PORT),
    ];
    for (url, because) in table {
        refused_by(&allowed, url, because);
    }
}

/// Of a list of names this would be the one that ends, or begins, like one of them.
#[test]
fn a_look_alike_of_an_origin_is_not_the_origin() {
    let allowed = Allowed::new("http://api.kie.ai").unwrap();
    assert!(allowed.check("http://api.kie.ai/").is_ok());
    for url in [
        "http://api.kie.ai.evil.example/",
        "http://evil-api.kie.ai/",
        "http://evilapi.kie.ai/",
        "http://api.kie.ai.",
        "http://api-kie.ai/",
        "http://аpi.kie.ai/",
        "http://kie.ai/",
        "http://evil.example/api.kie.ai",
        "http://evil.example\\api.kie.ai",
    ] {
        refused_by(&allowed, url, NOT_HTTPS);
    }
    refused_by(&allowed, "http://api.kie.ai@evil.example/", CREDENTIALS);
}

#[test]
fn a_list_with_something_else_in_it_is_refused_whole() {
    assert!(Allowed::new("").is_ok());
    assert!(Allowed::new(" \n ").is_ok());
    for item in [
        "*",
        "null",
        "host.example",
        "host.example:8080",
        "https://*",
        "https://*.example",
        "https://host.example/path",
        "https://host.example?",
        "https://host.example#",
        "https://user@host.example",
        "https://host.example,https://other.example",
        "ftp://host.example",
        "file:///",
        "blob:https://host.example",
        "data:,x",
    ] {
        let failure = Allowed::new(&format!("https://good.example {item}")).unwrap_err();
        assert!(
            failure.message.starts_with(&format!("IMAGE_ORIGINS lists \"{item}\", which is no origin")),
            "{failure:?}"
        );
    }
}

// Every address

/// By the standard library where that is stable, and by IANA's registry where it is not; not by the rule's code.
fn is_global_v4(address: Ipv4Addr) -> bool {
    let within = |network: [u8; 4], bits: u32| {
        (u32::from(address) ^ u32::from(Ipv4Addr::from(network))) >> (32 - bits) == 0
    };
    let special = [
        ([0, 0, 0, 0], 8),
        ([100, 64, 0, 0], 10),
        ([168, 63, 129, 16], 32),
        ([192, 0, 0, 0], 24),
        ([192, 88, 99, 0], 24),
        ([198, 18, 0, 0], 15),
        ([240, 0, 0, 0], 4),
    ];
    !(address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_multicast()
        || address.is_documentation()
        || special.iter().any(|&(network, bits)| within(network, bits)))
}

fn is_global_v6(address: Ipv6Addr) -> bool {
    let within = |network: &str, bits: u32| {
        let network: Ipv6Addr = network.parse().unwrap();
        (u128::from(address) ^ u128::from(network)) >> (128 - bits) == 0
    };
    let special = [("2001::", 23), ("2001:db8::", 32), ("2002::", 16), ("3fff::", 20)];
    within("2000::", 3) && !special.iter().any(|&(network, bits)| within(network, bits))
}

/// One of the many ways to write the same address.
fn spelled_v4(address: Ipv4Addr, random: &mut Random) -> String {
    let octets = address.octets().map(u32::from);
    // The last number stands for all bytes that are left.
    let parts: Vec<u32> = match random.below(4) {
        0 => vec![u32::from(address)],
        1 => vec![octets[0], u32::from(address) & 0x00ff_ffff],
        2 => vec![octets[0], octets[1], u32::from(address) & 0xffff],
        _ => octets.to_vec(),
    };
    let number = |part: u32, random: &mut Random| match random.below(4) {
        0 => format!("0x{part:x}"),
        1 => format!("0X{part:08X}"),
        2 => format!("0{part:o}"),
        _ => part.to_string(),
    };
    let parts: Vec<String> = parts.into_iter().map(|part| number(part, random)).collect();
    let dot = [".", "。", "．", "｡", "%2e"][random.below(5)];
    let spelled = parts.join(dot) + ["", "."][random.below(2)];
    let disguise = |char: char, random: &mut Random| match (random.below(4), char) {
        (0, '0'..='9') => char::from_u32(0xff10 + u32::from(char) - 48).unwrap().to_string(),
        (1, '0'..='9') => format!("%{:02x}", u32::from(char)),
        (2, '0'..='9') => char::from_u32(0x1d7ce + u32::from(char) - 48).unwrap().to_string(),
        (0, 'a'..='f' | 'x') => char.to_ascii_uppercase().to_string(),
        _ => char.to_string(),
    };
    // Not the escapes' own letters.
    if spelled.contains('%') {
        return spelled;
    }
    spelled.chars().map(|char| disguise(char, random)).collect()
}

fn spelled_v6(address: Ipv6Addr, random: &mut Random) -> String {
    let segments = address.segments();
    let full = |write: fn(&u16) -> String, of: &[u16]| of.iter().map(write).collect::<Vec<_>>().join(":");
    let small = |segment: &u16| format!("{segment:x}");
    let spelled = match random.below(4) {
        0 => full(|segment| format!("{segment:04X}"), &segments),
        1 => full(small, &segments),
        2 => {
            let [.., a, b, c, d] = address.octets();
            format!("{}:{a}.{b}.{c}.{d}", full(small, &segments[..6]))
        }
        _ => address.to_string(),
    };
    format!("[{spelled}]")
}

/// Addresses in and around what is special, and anywhere.
fn some_v4(random: &mut Random) -> Ipv4Addr {
    const NEAR: [[u8; 4]; 16] = [
        [0, 0, 0, 0],
        [10, 0, 0, 0],
        [100, 64, 0, 0],
        [100, 128, 0, 0],
        [127, 0, 0, 0],
        [128, 0, 0, 0],
        [169, 254, 0, 0],
        [172, 16, 0, 0],
        [172, 32, 0, 0],
        [192, 0, 0, 0],
        [192, 0, 2, 0],
        [192, 168, 0, 0],
        [198, 18, 0, 0],
        [198, 51, 100, 0],
        [203, 0, 113, 0],
        [224, 0, 0, 0],
    ];
    match random.below(3) {
        0 => Ipv4Addr::from(random.next() as u32),
        _ => {
            let near = u32::from(Ipv4Addr::from(NEAR[random.below(NEAR.len())]));
            let far = random.next() as u32 >> random.below(32);
            Ipv4Addr::from(if random.below(2) == 0 { near.wrapping_add(far) } else { near.wrapping_sub(far) })
        }
    }
}

fn some_v6(random: &mut Random) -> Ipv6Addr {
    const NEAR: [&str; 14] = [
        "::",
        "::ffff:0:0",
        "64:ff9b::",
        "64:ff9b:1::",
        "100::",
        "2000::",
        "2001::",
        "2001:200::",
        "2001:db8::",
        "2002::",
        "3fff::",
        "4000::",
        "fc00::",
        "fe80::",
    ];
    let near = u128::from(NEAR[random.below(NEAR.len())].parse::<Ipv6Addr>().unwrap());
    let any = (u128::from(random.next()) << 64) | u128::from(random.next());
    let far = any >> random.below(128);
    Ipv6Addr::from(if random.below(2) == 0 { near.wrapping_add(far) } else { near.wrapping_sub(far) })
}

#[test]
fn an_address_is_judged_the_same_however_it_is_spelled() {
    let mut random = Random(4);
    let (mut allowed, mut refused_ones) = (0, 0);
    for _ in 0..40_000 {
        let (address, global, spelled) = if random.below(2) == 0 {
            let address = some_v4(&mut random);
            (address.to_string(), is_global_v4(address), spelled_v4(address, &mut random))
        } else {
            let address = some_v6(&mut random);
            (format!("[{address}]"), is_global_v6(address), spelled_v6(address, &mut random))
        };
        let url = format!("https://{spelled}/a.png");
        if global {
            allowed += 1;
            // Of IPv6 the parser writes another short form than the standard library.
            let host = used(&url);
            assert!(
                host.starts_with('h')
                    && (address.starts_with('[') || host == format!("https://{address}/a.png")),
                "{url}: {host}"
            );
        } else {
            refused_ones += 1;
            refused(&url, NOT_PUBLIC);
        }
    }
    assert!(allowed > 5_000 && refused_ones > 5_000, "{allowed} and {refused_ones}");
}

#[test]
fn junk_is_answered_and_never_allowed_to_be_something_else_than_https() {
    const BITS: [&str; 26] = [
        "https:",
        "http:",
        "/",
        "//",
        "\\",
        "@",
        ":",
        "[",
        "]",
        "::",
        "127",
        "0x7f",
        ".",
        "1",
        "localhost",
        "host.example",
        "%",
        "%2e",
        "?",
        "#",
        " ",
        "\t",
        "。",
        "ü",
        "\u{0}",
        "64:ff9b::",
    ];
    let mut random = Random(5);
    let mut allowed = 0;
    for _ in 0..50_000 {
        let junk: String = (0..random.below(9)).map(|_| BITS[random.below(BITS.len())]).collect();
        let url = if random.below(2) == 0 { format!("https://{junk}") } else { junk };
        if let Ok(used) = Allowed::default().check(&url) {
            allowed += 1;
            assert!(
                used.scheme() == "https" && used.port().is_none() && used.username().is_empty(),
                "{url:?}: {used}"
            );
            assert!(
                used.host_str().is_some_and(|host| host.contains(['.', ':']) && !host.ends_with('.')),
                "{url:?}: {used}"
            );
            // What is used is a fixed point: who reads it again reads the same.
            assert_eq!(
                Allowed::default().check(used.as_str()).as_ref().map(url::Url::as_str),
                Ok(used.as_str())
            );
        }
    }
    assert!(allowed > 100, "{allowed}");
}
