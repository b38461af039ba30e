//! Where OpenDP's randomness comes from: bytes that the caller gives, in order, each used once.
//!
//! OpenDP 0.16, built with its feature `use-openssl`, takes every random byte from `openssl::rand::rand_priv_bytes` (`fill_bytes` in its
//! `traits/samplers/mod.rs`). This crate stands in for the crate `openssl` and has that function alone. When the bytes are used up it
//! fails; OpenDP hands the failure on, and the caller of `with` goes back to where the sample began and asks for more bytes. A sample is
//! thus a function of the stream of bytes, and never of how many came at a time.

use std::cell::RefCell;
use std::hint::black_box;

/// What OpenDP is told when there are no bytes left.
#[derive(Debug)]
pub struct ErrorStack;

struct Stream {
    bytes: Vec<u8>,
    position: usize,
    exhausted: bool,
}

impl Drop for Stream {
    /// With its random bytes, noise can be drawn again.
    fn drop(&mut self) {
        self.bytes.fill(0);
        black_box(&mut self.bytes);
    }
}

thread_local! {
    static STREAM: RefCell<Option<Stream>> = const { RefCell::new(None) };
}

pub mod rand {
    use super::{ErrorStack, STREAM};

    /// The next bytes, or an error when fewer are left.
    pub fn rand_priv_bytes(buffer: &mut [u8]) -> Result<(), ErrorStack> {
        STREAM.with_borrow_mut(|stream| {
            let stream = stream.as_mut().ok_or(ErrorStack)?;
            let end = stream.position + buffer.len();
            let Some(bytes) = stream.bytes.get(stream.position..end) else {
                stream.exhausted = true;
                return Err(ErrorStack);
            };
            buffer.copy_from_slice(bytes);
            stream.position = end;
            Ok(())
        })
    }
}

/// How far the bytes have been used.
pub fn position() -> usize {
    STREAM.with_borrow(|stream| stream.as_ref().map_or(0, |stream| stream.position))
}

/// Whether an error of OpenDP's means that bytes were missing.
pub fn exhausted() -> bool {
    STREAM.with_borrow(|stream| stream.as_ref().is_some_and(|stream| stream.exhausted))
}

/// Runs `body` with `bytes` as the only source; they are erased afterwards, also when `body` panics.
pub fn with<R>(bytes: &[u8], body: impl FnOnce() -> R) -> R {
    struct Erase;
    impl Drop for Erase {
        fn drop(&mut self) {
            STREAM.set(None);
        }
    }
    STREAM.set(Some(Stream { bytes: bytes.to_vec(), position: 0, exhausted: false }));
    let _erase = Erase;
    body()
}
