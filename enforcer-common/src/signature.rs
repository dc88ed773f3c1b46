//! Signatures as the decision reads them: lines of the compiled policy, and what is
//! kept of a stream between its packets. Looking for them is `decide/inspect`.

/// Bytes from the first to the last one that a signature speaks of, and bytes of a
/// stream that are kept for those to come.
pub const SPAN: usize = 256;
