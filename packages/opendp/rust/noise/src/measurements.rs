//! OpenDP's measurements that add noise to vectors of whole numbers, and what they cost.

use opendp::combinators::ConcentratedMeasure;
use opendp::core::Measurement;
use opendp::domains::{AtomDomain, VectorDomain};
use opendp::error::Fallible;
use opendp::measurements::{make_gaussian, make_laplace};
use opendp::measures::{MaxDivergence, ZeroConcentratedDivergence};
use opendp::metrics::{L1Distance, L2Distance};
use opendp::traits::CheckAtom;

use crate::{Progress, draw, reason};

/// Coordinates that a measurement is given at a time, so that few are drawn again when the bytes run out in the middle. Noise is
/// independent from coordinate to coordinate, so the pieces together are the measurement of the whole.
const PIECE: usize = 64;

type Vectors<T> = VectorDomain<AtomDomain<T>>;
type Gaussian<T> = Measurement<Vectors<T>, L2Distance<f64>, ZeroConcentratedDivergence, Vec<T>>;
type Laplace<T> = Measurement<Vectors<T>, L1Distance<f64>, MaxDivergence, Vec<T>>;

/// The whole numbers that JavaScript has typed arrays for.
pub trait Whole: CheckAtom + Copy {
    fn gaussian(scale: f64) -> Fallible<Gaussian<Self>>;
    fn laplace(scale: f64) -> Fallible<Laplace<Self>>;
}

macro_rules! whole {
    ($($t:ty)+) => ($(impl Whole for $t {
        fn gaussian(scale: f64) -> Fallible<Gaussian<Self>> {
            make_gaussian(VectorDomain::new(AtomDomain::default()), L2Distance::default(), scale, None)
        }
        fn laplace(scale: f64) -> Fallible<Laplace<Self>> {
            make_laplace(VectorDomain::new(AtomDomain::default()), L1Distance::default(), scale, None)
        }
    })+)
}
whole!(i32 i64);

/// `make_gaussian`, invoked: values + N_Z(0, scale²), saturated at the type's ends. `done` counts coordinates.
pub fn add_gaussian<T: Whole>(scale: f64, values: &mut [T], entropy: &[u8]) -> Result<Progress, String> {
    let measurement = T::gaussian(scale).map_err(reason)?;
    add(values, entropy, |piece| measurement.invoke(piece))
}

/// `make_laplace`, invoked: values + Laplace_Z(scale), saturated at the type's ends.
pub fn add_laplace<T: Whole>(scale: f64, values: &mut [T], entropy: &[u8]) -> Result<Progress, String> {
    let measurement = T::laplace(scale).map_err(reason)?;
    add(values, entropy, |piece| measurement.invoke(piece))
}

fn add<T: Whole>(values: &mut [T], entropy: &[u8], invoke: impl Fn(&Vec<T>) -> Fallible<Vec<T>>) -> Result<Progress, String> {
    let length = values.len();
    let pieces = length.div_ceil(PIECE);
    let progress = draw(entropy, pieces, |i| {
        let piece = &mut values[i * PIECE..length.min((i + 1) * PIECE)];
        piece.copy_from_slice(&invoke(&piece.to_vec())?);
        Ok(())
    })?;
    Ok(Progress { done: length.min(progress.done * PIECE), used: progress.used })
}

/// ρ of `make_gaussian` for an L2 distance, rounded up.
pub fn gaussian_rho(scale: f64, distance: f64) -> Result<f64, String> {
    <i64 as Whole>::gaussian(scale).and_then(|measurement| measurement.map(&distance)).map_err(reason)
}

/// ε of `make_laplace` for an L1 distance, rounded up.
pub fn laplace_epsilon(scale: f64, distance: f64) -> Result<f64, String> {
    <i64 as Whole>::laplace(scale).and_then(|measurement| measurement.map(&distance)).map_err(reason)
}

/// ε(δ) of ρ-zCDP, rounded up: OpenDP's `make_zCDP_to_approxDP`.
pub fn epsilon_from_zcdp(rho: f64, delta: f64) -> Result<f64, String> {
    ZeroConcentratedDivergence::convert(rho).and_then(|profile| profile.epsilon(delta)).map_err(reason)
}

/// δ(ε) of ρ-zCDP, rounded up.
pub fn delta_from_zcdp(rho: f64, epsilon: f64) -> Result<f64, String> {
    ZeroConcentratedDivergence::convert(rho).and_then(|profile| profile.delta(epsilon)).map_err(reason)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_gaussian_costs() -> Result<(), String> {
        let rho = gaussian_rho(1000.0, 1000.0)?;
        assert_eq!(rho, 0.5);
        // measured with the crate itself, in November 2026
        assert_eq!(epsilon_from_zcdp(rho, 1e-6)?, 5.22153444453017);
        assert_eq!(laplace_epsilon(4.0, 2.0)?, 0.5);
        Ok(())
    }

    #[test]
    fn sums_that_leave_the_type_stay_at_its_end() -> Result<(), String> {
        let bytes: Vec<u8> = (0..100_000u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
        let mut values = [i32::MAX; 200];
        let progress = add_gaussian(1000.0, &mut values, &bytes)?;
        assert_eq!(progress.done, 200);
        assert!(values.contains(&i32::MAX) && values.iter().all(|value| *value > i32::MAX - 10_000));
        assert!(values.iter().any(|value| *value < i32::MAX));
        Ok(())
    }
}
