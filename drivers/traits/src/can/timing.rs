//! How long the parts of a bit are, in quanta of a divided clock (ISO 11898-1, section 11.3.1).

/// What a controller's timing registers can hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimingLimits {
    /// Hertz of the clock that is divided.
    pub clock: u32,
    /// Largest divisor; 1 is the least.
    pub divisor: u32,
    /// Most quanta before the sample point, the first one not counted.
    pub before: u32,
    /// Most quanta behind it; 1 is the least.
    pub behind: u32,
    /// Most quanta by which a bit may be made longer or shorter.
    pub jump: u32,
}

/// The parts of a bit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BitTiming {
    /// The clock is divided by this.
    pub divisor: u32,
    /// Quanta between the first one and the sample point.
    pub before: u32,
    /// Quanta behind the sample point.
    pub behind: u32,
    /// Quanta by which a bit may be made longer or shorter.
    pub jump: u32,
}

/// Least and most quanta that are good for a bit.
const QUANTA: core::ops::RangeInclusive<u32> = 8..=25;
/// The part of a bit before its sample point, in thousandths: what CANopen (CiA 301, section 5.2) and most systems take.
const SAMPLE_POINT: u32 = 875;

impl BitTiming {
    /// The parts of a bit at `rate` bits a second: exact in length, with the sample point as near to 87.5 % as can be, and the finest quanta of those; `None`
    /// if the clock cannot be divided to such bits.
    #[must_use]
    pub fn find(rate: u32, limits: &TimingLimits) -> Option<BitTiming> {
        let fitting = |quanta: u32| {
            let divisor = limits.clock.checked_div(rate.checked_mul(quanta)?)?;
            let exact = u64::from(divisor) * u64::from(rate) * u64::from(quanta) == u64::from(limits.clock);
            let behind = (quanta * (1000 - SAMPLE_POINT) / 1000).clamp(1, limits.behind);
            let before = (quanta - 1).checked_sub(behind)?;
            let fits = exact && (1..=limits.divisor).contains(&divisor) && (1..=limits.before).contains(&before);
            let miss = ((1 + before) * 1000 / quanta).abs_diff(SAMPLE_POINT);
            let jump = behind.min(limits.jump);
            fits.then_some((miss, divisor, BitTiming { divisor, before, behind, jump }))
        };
        let best = QUANTA.filter_map(fitting).min_by_key(|(miss, divisor, _)| (*miss, *divisor));
        best.map(|(_, _, timing)| timing)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: TimingLimits = TimingLimits { clock: 8_000_000, divisor: 64, before: 16, behind: 8, jump: 4 };

    #[test]
    fn usual_rates_are_exact() {
        for rate in [1_000_000, 500_000, 250_000, 125_000, 50_000, 20_000] {
            let timing = BitTiming::find(rate, &LIMITS).unwrap();
            assert_eq!(timing.divisor * rate * (1 + timing.before + timing.behind), LIMITS.clock, "{timing:?}");
        }
        let half = BitTiming::find(500_000, &LIMITS).unwrap();
        assert_eq!(half, BitTiming { divisor: 1, before: 13, behind: 2, jump: 2 });
    }

    #[test]
    fn what_cannot_be_is_not_made_up() {
        for rate in [0, 1, 3, 333_333, 2_000_000, u32::MAX] {
            assert_eq!(BitTiming::find(rate, &LIMITS), None, "{rate}");
        }
        assert_eq!(BitTiming::find(500_000, &TimingLimits { clock: 0, ..LIMITS }), None);
    }
}
