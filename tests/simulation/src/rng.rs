//! Random numbers without a sequence: each decision of a world has a place of its own, and what is drawn there depends on
//! the seed and on the place alone. So a fault can be taken out of a world and all else stays as it was, which
//! no generator that hands out one number after another can do.

/// The random numbers of one world.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rng(pub(crate) u64);

impl Rng {
    /// What is drawn at a place.
    pub(crate) fn at(self, owner: u32, what: u8, nth: u32) -> Draw {
        let place = u64::from(owner) << 40 | u64::from(what) << 32 | u64::from(nth);
        Draw(mix(self.0 ^ mix(place.wrapping_add(STEP))))
    }
}

/// What is drawn at one place: as many numbers as are needed there.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Draw(u64);

impl Draw {
    /// A number below the bound.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(STEP);
        // The high half, so that the bias is one in billions.
        ((u128::from(mix(self.0)) * u128::from(bound)) >> 64) as u64
    }

    /// A number of the range.
    pub(crate) fn within(&mut self, least: u64, most: u64) -> u64 {
        least + self.below(most - least + 1)
    }

    /// Whether one of so many is drawn.
    pub(crate) fn one_in(&mut self, many: u64) -> bool {
        self.below(many) == 0
    }

    /// One of these.
    pub(crate) fn of<T: Copy>(&mut self, these: &[T]) -> T {
        these[self.below(these.len() as u64) as usize]
    }

    /// 64 bits.
    pub(crate) fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(STEP);
        mix(self.0)
    }
}

const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

/// SplitMix64's scrambling of a counter.
pub(crate) fn mix(mut bits: u64) -> u64 {
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}
