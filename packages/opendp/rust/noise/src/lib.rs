//! What JavaScript is offered of OpenDP, free of any binding: `addon` and `wasm` are thin doors to these functions.
//!
//! Everything that draws takes the random bytes with it and says how many it used and how far it got. The caller comes back for the
//! rest with the unused bytes and more after them.

mod measurements;
mod samplers;

pub use measurements::{Whole, add_gaussian, add_laplace, delta_from_zcdp, epsilon_from_zcdp, gaussian_rho, laplace_epsilon};
pub use samplers::{fill_gaussian, fill_laplace};

use opendp::error::{Error, Fallible};

/// Bumped whenever the doors' functions change: `src/binding.ts` asks for it.
pub const INTERFACE: u32 = 1;

/// The version of OpenDP, from Cargo.toml.
pub const OPENDP: &str = "0.16.0";

pub struct Progress {
    /// Samples that were drawn: fewer than asked for when the bytes ran out.
    pub done: usize,
    /// Bytes that these samples took.
    pub used: usize,
}

/// `piece(i)` for i = 0, …, count − 1 over `entropy`. A piece that runs out of bytes counts as never begun.
fn draw(entropy: &[u8], count: usize, mut piece: impl FnMut(usize) -> Fallible<()>) -> Result<Progress, String> {
    openssl::with(entropy, || {
        for done in 0..count {
            let used = openssl::position();
            match piece(done) {
                Ok(()) => {}
                Err(_) if openssl::exhausted() => return Ok(Progress { done, used }),
                Err(error) => return Err(reason(error)),
            }
        }
        Ok(Progress { done: count, used: openssl::position() })
    })
}

fn reason(error: Error) -> String {
    error.message.unwrap_or_else(|| format!("{:?}", error.variant))
}
