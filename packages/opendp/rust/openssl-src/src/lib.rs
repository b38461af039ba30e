//! Empty: no OpenSSL is built.
