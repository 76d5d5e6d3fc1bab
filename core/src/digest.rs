//! SHA-256 (FIPS 180-4) of a text or a file. It does not need `crypto.subtle`, which a page without https does not have,
//! and which takes a file only whole. The crate `sha2` is larger; a test compares
//! the two.

/// How many bytes are mixed in at a time.
const BLOCK: usize = 64;

/// The fractional parts of the square roots of the first 8 primes.
const START: [u32; 8] =
    [0x6a09_e667, 0xbb67_ae85, 0x3c6e_f372, 0xa54f_f53a, 0x510e_527f, 0x9b05_688c, 0x1f83_d9ab, 0x5be0_cd19];

/// The fractional parts of the cube roots of the first 64 primes.
const ROUNDS: [u32; 64] = [
    0x428a_2f98,
    0x7137_4491,
    0xb5c0_fbcf,
    0xe9b5_dba5,
    0x3956_c25b,
    0x59f1_11f1,
    0x923f_82a4,
    0xab1c_5ed5,
    0xd807_aa98,
    0x1283_5b01,
    0x2431_85be,
    0x550c_7dc3,
    0x72be_5d74,
    0x80de_b1fe,
    0x9bdc_06a7,
    0xc19b_f174,
    0xe49b_69c1,
    0xefbe_4786,
    0x0fc1_9dc6,
    0x240c_a1cc,
    0x2de9_2c6f,
    0x4a74_84aa,
    0x5cb0_a9dc,
    0x76f9_88da,
    0x983e_5152,
    0xa831_c66d,
    0xb003_27c8,
    0xbf59_7fc7,
    0xc6e0_0bf3,
    0xd5a7_9147,
    0x06ca_6351,
    0x1429_2967,
    0x27b7_0a85,
    0x2e1b_2138,
    0x4d2c_6dfc,
    0x5338_0d13,
    0x650a_7354,
    0x766a_0abb,
    0x81c2_c92e,
    0x9272_2c85,
    0xa2bf_e8a1,
    0xa81a_664b,
    0xc24b_8b70,
    0xc76c_51a3,
    0xd192_e819,
    0xd699_0624,
    0xf40e_3585,
    0x106a_a070,
    0x19a4_c116,
    0x1e37_6c08,
    0x2748_774c,
    0x34b0_bcb5,
    0x391c_0cb3,
    0x4ed8_aa4a,
    0x5b9c_ca4f,
    0x682e_6ff3,
    0x748f_82ee,
    0x78a5_636f,
    0x84c8_7814,
    0x8cc7_0208,
    0x90be_fffa,
    0xa450_6ceb,
    0xbef9_a3f7,
    0xc671_78f2,
];

/// The SHA-256 of bytes that come in chunks.
#[derive(Clone, Debug)]
pub struct Digest {
    state: [u32; 8],
    /// What does not fill a block yet.
    rest: Vec<u8>,
    /// How many bytes have come.
    length: u64,
}

impl Default for Digest {
    fn default() -> Self {
        Digest { state: START, rest: Vec::new(), length: 0 }
    }
}

impl Digest {
    /// Adds the next chunk.
    pub fn update(&mut self, chunk: &[u8]) {
        self.length += chunk.len() as u64;
        self.add(chunk);
    }

    fn add(&mut self, chunk: &[u8]) {
        let missing = BLOCK - self.rest.len();
        let (first, others) = chunk.split_at(missing.min(chunk.len()));
        self.rest.extend_from_slice(first);
        if self.rest.len() < BLOCK {
            return;
        }
        mix(&mut self.state, &self.rest);
        let blocks = others.chunks_exact(BLOCK);
        self.rest = blocks.remainder().to_vec();
        for block in blocks {
            mix(&mut self.state, block);
        }
    }

    /// `sha-256:` and the digest in 64 hexadecimal digits.
    #[must_use]
    pub fn finish(mut self) -> String {
        let bits = self.length.wrapping_mul(8);
        self.add(&[0x80]);
        while self.rest.len() != BLOCK - 8 {
            self.add(&[0]);
        }
        self.add(&bits.to_be_bytes());
        let mut text = String::from("sha-256:");
        for byte in self.state.iter().flat_map(|word| word.to_be_bytes()) {
            for digit in [byte >> 4, byte & 15] {
                text.push(char::from_digit(u32::from(digit), 16).unwrap_or_default());
            }
        }
        text
    }
}

/// Mixes a block into the state.
#[expect(clippy::indexing_slicing, reason = "no index is beyond 15, by its mask")]
fn mix(state: &mut [u32; 8], block: &[u8]) {
    // The last 16 words of the schedule, as a ring.
    let mut words = [0_u32; 16];
    for (word, bytes) in words.iter_mut().zip(block.chunks_exact(4)) {
        *word = bytes.iter().fold(0, |word, byte| word << 8 | u32::from(*byte));
    }
    let [mut a, mut b, mut c, mut d, mut e, mut f, mut g, mut h] = *state;
    for (nth, round) in ROUNDS.into_iter().enumerate() {
        let word = words[nth & 15];
        let (second, ninth, fifteenth) =
            (words[(nth + 1) & 15], words[(nth + 9) & 15], words[(nth + 14) & 15]);
        let s0 = second.rotate_right(7) ^ second.rotate_right(18) ^ second >> 3;
        let s1 = fifteenth.rotate_right(17) ^ fifteenth.rotate_right(19) ^ fifteenth >> 10;
        words[nth & 15] = word.wrapping_add(s0).wrapping_add(ninth).wrapping_add(s1);

        let s1 = e.rotate_right(6) ^ e.rotate_right(11) ^ e.rotate_right(25);
        let choice = (e & f) ^ (!e & g);
        let one = h.wrapping_add(s1).wrapping_add(choice).wrapping_add(round).wrapping_add(word);
        let s0 = a.rotate_right(2) ^ a.rotate_right(13) ^ a.rotate_right(22);
        let majority = (a & b) ^ (a & c) ^ (b & c);
        let two = s0.wrapping_add(majority);
        (h, g, f, e, d, c, b, a) = (g, f, e, d.wrapping_add(one), c, b, a, one.wrapping_add(two));
    }
    for (word, mixed) in state.iter_mut().zip([a, b, c, d, e, f, g, h]) {
        *word = word.wrapping_add(mixed);
    }
}
