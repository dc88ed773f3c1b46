//! Signatures from elsewhere. Pure: text goes in, signatures of a policy come out.

pub mod suricata;
