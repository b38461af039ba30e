//! OpenDP's exact samplers, into arrays.

use dashu::base::{Abs, SquareRoot, UnsignedAbs};
use dashu::integer::{IBig, UBig};
use dashu::rational::RBig;
use opendp::error::Fallible;
use opendp::traits::samplers::{sample_bernoulli_rational, sample_discrete_gaussian, sample_discrete_laplace};

use crate::{Progress, draw};

/// Doubles hold every whole number up to here.
const LARGEST: i64 = 1 << 53;

/// Fills `out` with samples of the discrete Laplace distribution: P(x) ∝ exp(−|x|/scale).
pub fn fill_laplace(scale: &str, out: &mut [f64], entropy: &[u8]) -> Result<Progress, String> {
    let scale = positive(scale)?;
    fill(out, entropy, || sample_discrete_laplace(scale.clone()))
}

/// Fills `out` with samples of the discrete Gaussian distribution: P(x) ∝ exp(−x²/2σ²).
///
/// OpenDP's sampler takes σ. Where σ² has no rational root, the same algorithm runs here on OpenDP's own discrete Laplace and Bernoulli
/// samplers, so that any rational variance is met exactly.
pub fn fill_gaussian(variance: &str, out: &mut [f64], entropy: &[u8]) -> Result<Progress, String> {
    let variance = positive(variance)?;
    match root(&variance) {
        Some(scale) => fill(out, entropy, || sample_discrete_gaussian(scale.clone())),
        None => {
            let laplace = laplace_scale(&variance);
            fill(out, entropy, || gaussian_of_variance(&variance, &laplace))
        }
    }
}

fn fill(out: &mut [f64], entropy: &[u8], sample: impl Fn() -> Fallible<IBig>) -> Result<Progress, String> {
    let mut outside = false;
    let progress = draw(entropy, out.len(), |i| {
        let whole = i64::try_from(sample()?).ok().filter(|whole| whole.abs() <= LARGEST);
        outside |= whole.is_none();
        out[i] = whole.unwrap_or(0) as f64;
        Ok(())
    })?;
    if outside { Err("a sample is beyond 2^53".into()) } else { Ok(progress) }
}

/// Canonne, Kamath, Steinke (2020), Algorithm 3, as OpenDP writes it down, but for σ² in place of σ: t = ⌊σ⌋ + 1; Y discrete Laplace of
/// scale t; accept with probability exp(−(|Y| − σ²/t)²/2σ²).
fn gaussian_of_variance(variance: &RBig, laplace: &RBig) -> Fallible<IBig> {
    loop {
        let candidate = sample_discrete_laplace(laplace.clone())?;
        let x = (&candidate).abs() - variance / laplace;
        let bias = (&x * &x) / (variance * RBig::from(2u8));
        if bernoulli_exp(bias)? {
            return Ok(candidate);
        }
    }
}

/// Algorithm 1, which OpenDP keeps to itself: true with probability exp(−x), x ≥ 0.
fn bernoulli_exp(mut x: RBig) -> Fallible<bool> {
    while x > RBig::ONE {
        if !bernoulli_exp_of_fraction(&RBig::ONE)? {
            return Ok(false);
        }
        x -= RBig::ONE;
    }
    bernoulli_exp_of_fraction(&x)
}

fn bernoulli_exp_of_fraction(x: &RBig) -> Fallible<bool> {
    let mut k = UBig::ONE;
    while sample_bernoulli_rational(x / &k)? {
        k += UBig::ONE;
    }
    Ok(k % 2u8 == 1)
}

/// ⌊σ⌋ + 1: the whole part of a root is the root of the whole part.
fn laplace_scale(variance: &RBig) -> RBig {
    RBig::from(variance.floor().unsigned_abs().sqrt() + UBig::ONE)
}

/// σ, when it is rational.
fn root(variance: &RBig) -> Option<RBig> {
    let (numerator, denominator) = (variance.numerator().unsigned_abs(), variance.denominator());
    let (p, q) = (numerator.sqrt(), denominator.sqrt());
    (&p * &p == numerator && &q * &q == *denominator).then(|| RBig::from_parts(p.into(), q))
}

/// "p" or "p/q", above zero.
fn positive(text: &str) -> Result<RBig, String> {
    let (p, q) = text.split_once('/').unwrap_or((text, "1"));
    match (p.parse::<UBig>(), q.parse::<UBig>()) {
        (Ok(p), Ok(q)) if !p.is_zero() && !q.is_zero() => Ok(RBig::from_parts(p.into(), q)),
        _ => Err(format!("{text} is no fraction above zero")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A stream that is the same in every run (xorshift64*, seed 20).
    fn stream(length: usize) -> Vec<u8> {
        let mut state = 20u64;
        (0..length)
            .map(|_| {
                state ^= state >> 12;
                state ^= state << 25;
                state ^= state >> 27;
                (state.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 56) as u8
            })
            .collect()
    }

    #[test]
    fn the_gaussian_of_a_variance_is_opendps_own_on_the_same_bytes() -> Result<(), String> {
        for scale in ["1/2", "5/2", "3", "10", "1000", "100000", "7/3"] {
            let scale = positive(scale)?;
            let variance = &scale * &scale;
            let bytes = stream(1 << 20);
            let mut ours = [0.0; 500];
            let mut theirs = [0.0; 500];
            let laplace = laplace_scale(&variance);
            let a = fill(&mut ours, &bytes, || gaussian_of_variance(&variance, &laplace))?;
            let b = fill(&mut theirs, &bytes, || sample_discrete_gaussian(scale.clone()))?;
            assert_eq!((a.done, a.used), (500, b.used));
            assert_eq!(ours, theirs);
            assert_eq!(root(&variance), Some(scale));
        }
        Ok(())
    }

    #[test]
    fn roots_are_found_only_where_there_are_any() -> Result<(), String> {
        assert_eq!(root(&positive("2")?), None);
        assert_eq!(root(&positive("4/3")?), None);
        assert_eq!(root(&positive("9/4")?), Some(positive("3/2")?));
        Ok(())
    }

    #[test]
    fn pieces_of_the_stream_give_what_the_whole_gives() -> Result<(), String> {
        let bytes = stream(1 << 16);
        let mut whole = [0.0; 100];
        fill_gaussian("15/2", &mut whole, &bytes)?;
        let mut pieces = [0.0; 100];
        let (mut done, mut from, mut length) = (0, 0, 1);
        while done < 100 {
            let progress = fill_gaussian("15/2", &mut pieces[done..], &bytes[from..from + length])?;
            done += progress.done;
            from += progress.used;
            length = if progress.done == 0 { length + 7 } else { 64 };
        }
        assert_eq!(whole, pieces);
        Ok(())
    }

    #[test]
    fn what_is_no_positive_fraction_is_refused() {
        for text in ["0", "-1/2", "1/0", "a", ""] {
            assert!(fill_laplace(text, &mut [0.0], &[0; 64]).is_err(), "{text}");
        }
    }
}
