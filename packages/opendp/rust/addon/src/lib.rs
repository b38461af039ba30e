//! The door for Node. Typed arrays are JavaScript's own memory. `as_mut` is sound here: no JavaScript runs while a call has them, and
//! `src/addon.ts` never passes one array twice or one that threads share.

use napi::bindgen_prelude::{BigInt64ArraySlice, Error, Float64ArraySlice, Int32ArraySlice, Result, Uint8ArraySlice};
use napi_derive::napi;

/// [samples drawn, bytes used]
type Pair = Vec<u32>;

fn pair(progress: std::result::Result<opendp_noise::Progress, String>) -> Result<Pair> {
    progress.map(|progress| vec![progress.done as u32, progress.used as u32]).map_err(Error::from_reason)
}

#[napi]
pub fn interface() -> u32 {
    opendp_noise::INTERFACE
}

#[napi]
pub fn opendp() -> &'static str {
    opendp_noise::OPENDP
}

#[napi]
pub fn fill_gaussian(variance: String, mut out: Float64ArraySlice, entropy: Uint8ArraySlice) -> Result<Pair> {
    pair(opendp_noise::fill_gaussian(&variance, unsafe { out.as_mut() }, &entropy))
}

#[napi]
pub fn fill_laplace(scale: String, mut out: Float64ArraySlice, entropy: Uint8ArraySlice) -> Result<Pair> {
    pair(opendp_noise::fill_laplace(&scale, unsafe { out.as_mut() }, &entropy))
}

#[napi]
pub fn add_gaussian_32(scale: f64, mut values: Int32ArraySlice, entropy: Uint8ArraySlice) -> Result<Pair> {
    pair(opendp_noise::add_gaussian(scale, unsafe { values.as_mut() }, &entropy))
}

#[napi]
pub fn add_gaussian_64(scale: f64, mut values: BigInt64ArraySlice, entropy: Uint8ArraySlice) -> Result<Pair> {
    pair(opendp_noise::add_gaussian(scale, unsafe { values.as_mut() }, &entropy))
}

#[napi]
pub fn add_laplace_32(scale: f64, mut values: Int32ArraySlice, entropy: Uint8ArraySlice) -> Result<Pair> {
    pair(opendp_noise::add_laplace(scale, unsafe { values.as_mut() }, &entropy))
}

#[napi]
pub fn add_laplace_64(scale: f64, mut values: BigInt64ArraySlice, entropy: Uint8ArraySlice) -> Result<Pair> {
    pair(opendp_noise::add_laplace(scale, unsafe { values.as_mut() }, &entropy))
}

#[napi]
pub fn gaussian_rho(scale: f64, distance: f64) -> Result<f64> {
    opendp_noise::gaussian_rho(scale, distance).map_err(Error::from_reason)
}

#[napi]
pub fn laplace_epsilon(scale: f64, distance: f64) -> Result<f64> {
    opendp_noise::laplace_epsilon(scale, distance).map_err(Error::from_reason)
}

#[napi]
pub fn epsilon_from_zcdp(rho: f64, delta: f64) -> Result<f64> {
    opendp_noise::epsilon_from_zcdp(rho, delta).map_err(Error::from_reason)
}

#[napi]
pub fn delta_from_zcdp(rho: f64, epsilon: f64) -> Result<f64> {
    opendp_noise::delta_from_zcdp(rho, epsilon).map_err(Error::from_reason)
}
