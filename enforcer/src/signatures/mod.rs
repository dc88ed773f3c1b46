//! Signatures from elsewhere, and to elsewhere. Pure: text goes in and signatures of a
//! policy come out, and the other way round.

pub mod suricata;
pub mod yaml;
