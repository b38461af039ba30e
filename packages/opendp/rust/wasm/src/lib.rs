//! The door for WebAssembly. It imports nothing: random bytes come in with each call.
//!
//! JavaScript reserves memory, copies its arguments there, calls, copies the results out, and gives the memory back. What draws answers
//! `done · 2³² + used`, or `FAILED`; what computes answers a number, or NaN; why it failed is then at `reason`.

use std::alloc::{Layout, alloc_zeroed, dealloc};
use std::cell::RefCell;
use std::hint::black_box;
use std::slice::{from_raw_parts, from_raw_parts_mut};

use opendp_noise::Progress;

const FAILED: u64 = u64::MAX;
const ALIGNMENT: usize = 8;

thread_local! {
    static REASON: RefCell<String> = const { RefCell::new(String::new()) };
}

fn failed<T>(reason: String, answer: T) -> T {
    REASON.set(reason);
    answer
}

fn pair(progress: Result<Progress, String>) -> u64 {
    match progress {
        Ok(Progress { done, used }) => (done as u64) << 32 | used as u64,
        Err(reason) => failed(reason, FAILED),
    }
}

fn number(value: Result<f64, String>) -> f64 {
    value.unwrap_or_else(|reason| failed(reason, f64::NAN))
}

fn layout(length: usize) -> Option<Layout> {
    Layout::from_size_align(length.max(ALIGNMENT), ALIGNMENT).ok()
}

#[unsafe(no_mangle)]
pub extern "C" fn interface() -> u32 {
    opendp_noise::INTERFACE
}

#[unsafe(no_mangle)]
pub extern "C" fn opendp() -> *const u8 {
    opendp_noise::OPENDP.as_ptr()
}

#[unsafe(no_mangle)]
pub extern "C" fn opendp_length() -> usize {
    opendp_noise::OPENDP.len()
}

#[unsafe(no_mangle)]
pub extern "C" fn reason() -> *const u8 {
    REASON.with_borrow(|reason| reason.as_ptr())
}

#[unsafe(no_mangle)]
pub extern "C" fn reason_length() -> usize {
    REASON.with_borrow(|reason| reason.len())
}

/// Memory for `length` bytes, aligned for every type here; null when there is none.
#[unsafe(no_mangle)]
pub extern "C" fn reserve(length: usize) -> *mut u8 {
    layout(length).map_or(std::ptr::null_mut(), |layout| unsafe { alloc_zeroed(layout) })
}

/// Erases what `reserve` gave, and takes it back.
///
/// # Safety
/// `pointer` comes from `reserve(length)` and was not released before.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn release(pointer: *mut u8, length: usize) {
    let Some(layout) = layout(length) else { return };
    let bytes = unsafe { from_raw_parts_mut(pointer, length) };
    bytes.fill(0);
    black_box(bytes);
    unsafe { dealloc(pointer, layout) };
}

/// # Safety
/// The three pointers come from `reserve`, for as many elements as follow each.
unsafe fn with_text(
    text: *const u8,
    text_length: usize,
    out: *mut f64,
    length: usize,
    entropy: *const u8,
    entropy_length: usize,
    fill: fn(&str, &mut [f64], &[u8]) -> Result<Progress, String>,
) -> u64 {
    let (text, out, entropy) =
        unsafe { (from_raw_parts(text, text_length), from_raw_parts_mut(out, length), from_raw_parts(entropy, entropy_length)) };
    match std::str::from_utf8(text) {
        Ok(text) => pair(fill(text, out, entropy)),
        Err(error) => failed(error.to_string(), FAILED),
    }
}

macro_rules! fills {
    ($($name:ident)+) => ($(
        /// # Safety
        /// As `with_text`.
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn $name(
            text: *const u8,
            text_length: usize,
            out: *mut f64,
            length: usize,
            entropy: *const u8,
            entropy_length: usize,
        ) -> u64 {
            unsafe { with_text(text, text_length, out, length, entropy, entropy_length, opendp_noise::$name) }
        }
    )+)
}
fills!(fill_gaussian fill_laplace);

macro_rules! adds {
    ($($name:ident = $function:ident of $t:ty;)+) => ($(
        /// # Safety
        /// The pointers come from `reserve`, for as many elements as follow each.
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn $name(
            scale: f64,
            values: *mut $t,
            length: usize,
            entropy: *const u8,
            entropy_length: usize,
        ) -> u64 {
            let (values, entropy) = unsafe { (from_raw_parts_mut(values, length), from_raw_parts(entropy, entropy_length)) };
            pair(opendp_noise::$function(scale, values, entropy))
        }
    )+)
}
adds! {
    add_gaussian_32 = add_gaussian of i32;
    add_gaussian_64 = add_gaussian of i64;
    add_laplace_32 = add_laplace of i32;
    add_laplace_64 = add_laplace of i64;
}

macro_rules! numbers {
    ($($name:ident)+) => ($(
        #[unsafe(no_mangle)]
        pub extern "C" fn $name(a: f64, b: f64) -> f64 {
            number(opendp_noise::$name(a, b))
        }
    )+)
}
numbers!(gaussian_rho laplace_epsilon epsilon_from_zcdp delta_from_zcdp);
