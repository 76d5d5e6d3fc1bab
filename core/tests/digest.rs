//! Tests of `digest`, against another implementation.

use crisp_upscale_core::digest::Digest;
use proptest::prelude::*;
use sha2::Digest as _;

#[test]
fn a_digest_is_sha_256_however_the_bytes_are_cut() {
    // The example of FIPS 180-2.
    const ABC: &str = "sha-256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    for chunks in [vec!["abc"], vec!["a", "bc"], vec!["", "ab", "c", ""]] {
        let mut digest = Digest::default();
        for chunk in chunks {
            digest.update(chunk.as_bytes());
        }
        assert_eq!(digest.finish(), ABC);
    }
}

proptest! {
    #[test]
    fn a_digest_is_that_of_another_implementation(
        chunks in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..200), 0..5),
    ) {
        let mut digest = Digest::default();
        for chunk in &chunks {
            digest.update(chunk);
        }
        let expected: String =
            sha2::Sha256::digest(chunks.concat()).iter().map(|byte| format!("{byte:02x}")).collect();
        prop_assert_eq!(digest.finish(), format!("sha-256:{expected}"));
    }
}
